"""End every stage at random moments, look whether the run can be read then, repeat the stage, and
compare what it comes to with an undisturbed run.

    python benchmarks/kills.py                          # 25 kills of each stage
    python benchmarks/kills.py --stage quantize --kills 100
    python benchmarks/kills.py --stage search --kills 50 --trials 40 --in-a-row 50
    python benchmarks/kills.py --snapshots
    python benchmarks/kills.py --signal TERM --signal HUP --signal INT --kills 5

Half of the kills are at a random moment of the stage's time, half at a random one of its steps in
the file system (a file opened to write, renamed, deleted, ...), where the windows are. With
``--in-a-row`` a stage is killed so often before it is let come to its end, as a search that is
preempted. After a signal that it can handle, a stage must end with the exit code that shells
give it, and leave nothing hidden. With ``--snapshots`` nothing is killed: the run is copied before
each step in the file system, which is what a kill there leaves, and every copy is looked at; one
run of a stage shows every window. Prints a line per stage; the exit code is 1 if anything was
wrong.
"""

import argparse
import builtins
import collections
import io
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np
import psutil

import vaiopt.files
from vaiopt import flow
from vaiopt.cli import main as main_of_vaiopt
from vaiopt.record import read_optional
from vaiopt.runs.layout import Run, open_run
from vaiopt.runs.lineage import compiled_records, file_sha256, manifests, measurements
from vaiopt.runs.records import QuantizedMetrics
from vaiopt.study.record import INTERRUPTED
from vaiopt.study.trials import load_trials

QUICK = [
    "search.pruner=median",
    "train.epochs=1",
    "data.limit=200",
    "model.family=mlp_tabular",
    "quantize.calibration_size=40",
    "deploy.samples=20",
    "hardware.target=cpu",
]
MARK = "VAIOPT_KILLS_BENCHMARK"
"""A variable of the environment by which processes are found that a killed one has left."""

TIMES = ("seconds", "measured", "started", "finished", "worker", "peak_memory_mb", "latency_ms")
TIMES += ("fps", "versions", "curve", "machine", "runtime", "preparation_ms", "decoding_ms")
TIMES += ("warnings", "doubts")  # of a busy machine, in percent
"""Of JSON files: what differs from run to run."""

GRACE = 60.0
"""Seconds within which what a killed process started has to end; on a busy machine one that has
just begun takes many to look for its parent.
"""


def sets(arguments, workers=0):
    """Return the settings of the runs as options."""
    size = [f"search.trials={arguments.trials}", f"search.workers={workers}"]
    return [word for text in [*QUICK, *size] for word in ("--set", text)]


def on_run(*words):
    """Return what makes the command line of a stage of a whole run."""
    return lambda folder, arguments: [words[0], str(folder), *words[1:]]


STAGES = {
    "search": (lambda f, a: ["search", "--run", str(f), *sets(a)], False),
    "search with 2 workers": (lambda f, a: ["search", "--run", str(f), *sets(a, 2)], False),
    "choose": (on_run("choose", "--trial", "1"), True),
    **{name: (on_run(name), True) for name in flow.STEPS[1:]},
    "run": (lambda f, a: ["run", "--run", str(f), *sets(a)], False),
}
"""What is killed, and whether it begins from a whole run (else from nothing)."""

ENDED_BY = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
"""Exit codes after the signals that can be handled."""

ENDED = os.WEXITED | os.WNOHANG | os.WNOWAIT
"""What is asked of a child: whether it has ended, without taking note of it."""

STEPS = (
    *((os, name) for name in ("rename", "replace", "mkdir", "rmdir", "unlink", "remove")),
    *((os, name) for name in ("symlink", "chmod", "truncate")),
    *((module, "open") for module in (builtins, io)),
    *((vaiopt.files, name) for name in ("_exchange",) if hasattr(vaiopt.files, name)),
)
"""Where the functions stand that change what a folder holds."""


# ---------------------------------------------------------------- a stage in a process of its own


def started(words, folder, mark, at_step=lambda number: None):
    """Run a command line in a child process and return its number; ``at_step`` is called there
    before each step in the file system, with its number.
    """
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.environ[MARK] = mark
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        sink = os.open(f"{folder}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(sink, number)
        _follow_steps(str(folder), at_step)
        main_of_vaiopt(words)
    except SystemExit as end:
        code = end.code
    finally:
        os._exit(code)


def _follow_steps(folder, at_step):
    done, inside = [0], [False]

    def followed(function):
        def call(*arguments, **options):
            if not inside[0] and any(folder in str(argument) for argument in arguments):
                inside[0] = True
                at_step(done[0])
                done[0] += 1
                inside[0] = False
            return function(*arguments, **options)

        return call

    for module, name in STEPS:
        setattr(module, name, followed(getattr(module, name)))


def finish(words, folder):
    """Run a command line to its end; return what it said if it failed."""
    status = os.waitpid(started(words, folder, "whole"), 0)[1]
    return "" if status == 0 else Path(f"{folder}.log").read_text()[-1500:] or str(status)


def strays(mark):
    """Return processes that a killed one has left, and end them."""
    until, left = time.monotonic() + GRACE, [None]
    while left and time.monotonic() < until:
        time.sleep(0.1)
        left = [p for p in psutil.process_iter() if _mark(p) == mark]
    for process in left:
        process.kill()
    return len(left)


def _mark(process):
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.environ().get(MARK)
    except psutil.Error:
        return None


# ---------------------------------------------------------------- what is looked at


def unreadable(folder, places):
    """Return why a run cannot be read, or which of the places that it had are gone."""
    gone = [place for place in places if not (folder / place).exists()]
    if gone:
        return f"gone: {', '.join(gone)}"
    run = Run(folder)
    if not run.settings.exists():
        return ""
    try:
        if run.journal.exists() and run.journal.stat().st_size:
            load_trials(run)
        flow.summarise(run)
        if run.chosen_file.exists():
            _read_all(run.chosen)
    except Exception as error:  # noqa: BLE001  whatever it is, it is told
        return f"{type(error).__name__}: {error}"
    return ""


def _read_all(candidate):
    """Read every file of a candidate, and check that those that belong together do."""
    for folder, _, names in os.walk(str(candidate.folder)):
        for name in names:
            if not name.startswith("."):
                _content(Path(folder) / name)
    read_optional(candidate.quantized_metrics, QuantizedMetrics, "")
    for target, record in compiled_records(candidate).items():
        if file_sha256(candidate.compiled(target) / record.file) != record.sha256:
            raise ValueError(f"compiled/{target} is not of one piece")
    for target, manifest in manifests(candidate).items():
        for name, digest in manifest.files.items():
            if file_sha256(candidate.bundle(target) / name) != digest:
                raise ValueError(f"bundle/{target} is not of one piece")
    measurements(candidate)


def _content(path):
    """Return what a file says, without times."""
    if path.suffix == ".json":
        return _timeless(json.loads(path.read_text()))
    if path.suffix == ".npz":
        with np.load(str(path), allow_pickle=False) as file:
            return {name: file[name].tolist() for name in file.files}
    if path.suffix == ".h5":
        import h5py

        arrays = {}
        with h5py.File(str(path), "r") as file:
            file.visititems(
                lambda name, it: (
                    arrays.update({name: it[()].tolist()}) if hasattr(it, "shape") else None
                )
            )
        return arrays
    return file_sha256(path)


def _timeless(value):
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if k not in TIMES}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def result(folder):
    """Return what a run came to: its trials, and each file of the chosen candidate."""
    run = Run(folder)
    done = [t for t in load_trials(run) if t.status not in (INTERRUPTED, "running")]
    # By their points: of two that run at once, the one that was cut short gets a later number.
    found = {f"trial {sorted(t.hyperparameters.items())}": (t.status, t.value) for t in done}
    root = run.chosen.folder
    for path in sorted(root.rglob("*")):
        if path.is_file():
            found[str(path.relative_to(root))] = _content(path)
    # its number counts those that were cut short
    for name in ("metrics.json", "evaluation.json", "quantized/evaluation.json"):
        found.get(name, {}).pop("trial", None)
    found["report"] = not run.report.exists() or run.report.read_text().endswith("</html>\n")
    return found


def hidden(folder):
    """Return what has a name that begins with a dot."""
    return [str(path.relative_to(folder)) for path in folder.rglob(".*")]


def leftovers(folder):
    """Return what a run holds that is no part of one."""
    run, trials = Run(folder), load_trials(Run(folder))
    running = ["running"] if run.running.exists() else []
    ended = {f"{t.number:04d}" for t in trials if t.status == INTERRUPTED}
    kept = [p for p in (*run.trials.iterdir(), *run.tensorboard.iterdir()) if p.name in ended]
    return hidden(folder) + running + [str(path.relative_to(folder)) for path in kept]


# ---------------------------------------------------------------- the benchmark


class Stage:
    """Kills of one stage."""

    def __init__(self, name, number, arguments, before, folder):
        self.name, self._number, self._in_a_row = name, number, arguments.in_a_row
        words, from_whole = STAGES[name]
        self._before = before if from_whole else None
        self._folder = folder / "killed"
        self._words = words(self._folder, arguments)
        self.counts = collections.Counter()
        self.wrong = []

    def _reset(self):
        shutil.rmtree(str(self._folder), ignore_errors=True)
        if self._before is not None:
            shutil.copytree(str(self._before), str(self._folder), symlinks=True)

    def measure(self):
        """Run it undisturbed: what it comes to, how long it takes, its steps."""
        self._reset()
        count, began = multiprocessing.Value("i", 0), time.perf_counter()
        child = started(self._words, self._folder, "whole", lambda n: setattr(count, "value", n))
        if os.waitpid(child, 0)[1] != 0:
            sys.exit(f"{self.name} failed: {Path(f'{self._folder}.log').read_text()[-2000:]}")
        self._seconds = time.perf_counter() - began
        self._steps = count.value
        self._wanted = result(self._folder)

    def run(self, kills, moments):
        """Kill it so often."""
        self.measure()
        places = self._places()
        self._reset()
        tries = row = 0
        while self.counts["kills"] < kills and tries < 3 * kills:
            tries += 1
            ended = self._kill(moments)
            row += not ended
            self._look(places)
            if ended or row == self._in_a_row or self.counts["kills"] == kills:
                self._repeat()
                self._reset()
                row = 0

    def snapshots(self):
        """Run it once, and look at the run as it was before each step in the file system."""
        self._reset()
        copies = self._folder.with_name("copies")
        child = started(self._words, self._folder, "whole", lambda n: self._copy(copies, n))
        if os.waitpid(child, 0)[1] != 0:
            sys.exit(f"{self.name} failed: {Path(f'{self._folder}.log').read_text()[-2000:]}")
        for copy in sorted(copies.iterdir()):
            self.counts["kills"] += 1
            self._note("unreadable", unreadable(copy, self._places()))
            if (copy / "run.toml").exists():
                open_run(copy)
                self._note("leftovers", ", ".join(hidden(copy)))
        shutil.rmtree(str(copies))

    def _copy(self, copies, number):
        if self._folder.exists():
            shutil.copytree(str(self._folder), str(copies / f"{number:05d}"), symlinks=True)

    def _places(self):
        """Return what a run that was whole has at any moment."""
        if self._before is None:
            return []
        if self.name == "choose":  # of the other trial nothing was made yet
            return ["chosen.json", "float", "report.html"]
        top = ("chosen.json", "float", "quantized", "compiled/cpu", "bundle/cpu", "report.html")
        return [p for p in (*top, "bundle/cpu.tar.gz") if (self._before / p).exists()]

    def _kill(self, moments):
        """Kill it; return whether it came to its end before."""
        mark, killed = uuid.uuid4().hex, self._number == signal.SIGKILL
        at_step = killed and moments.random() < 0.5
        kill_at = moments.randrange(self._steps) if at_step else None

        def kill(number):
            if number == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        child = started(self._words, self._folder, mark, kill)
        if not at_step:
            until = time.monotonic() + moments.uniform(0, self._seconds)
            while time.monotonic() < until and os.waitid(os.P_PID, child, ENDED) is None:
                time.sleep(0.01)
            os.kill(child, self._number)
        status = os.waitpid(child, 0)[1]
        ended = status == 0
        self.counts["kills"] += not ended
        self._note("strays", strays(mark))
        if not killed and not ended:
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
            early = code == -self._number  # before the command had begun
            self._note("exit code", 0 if early or code == ENDED_BY[self._number] else code)
            self._note("leftovers", ", ".join(hidden(self._folder)))
        return ended

    def _look(self, places):
        why = unreadable(self._folder, places) if self._folder.exists() else ""
        self._note("unreadable", why)

    def _repeat(self):
        why = finish(self._words, self._folder)
        self._note("not repeated", why)
        if why:
            return
        found = result(self._folder)
        names = sorted({*found, *self._wanted})
        differ = [n for n in names if found.get(n) != self._wanted.get(n)]
        self._note("not equal", ", ".join(differ))
        self._note("leftovers", ", ".join(leftovers(self._folder)))

    def _note(self, kind, why):
        self.counts[kind] += bool(why)
        if why:
            self.wrong.append(f"{kind}: {why}")


KINDS = ("kills", "unreadable", "not repeated", "not equal", "leftovers", "strays", "exit code")


def line(name, counts):
    """Return the line of a stage."""
    return f"{name:28}" + "".join(f"{counts[kind]:13d}" for kind in KINDS)


def whole_run(arguments, folder):
    """Make the run that stages begin from: all was made of its first trial."""
    for words in (
        ["search", "--run", str(folder), *sets(arguments)],
        ["choose", str(folder), "--trial", "0"],
        ["run", "--run", str(folder), "--from", "quantize"],
    ):
        said = finish(words, folder)
        if said:
            sys.exit(f"the undisturbed run failed: {said}")
    return folder


def load():
    """Load once what the stages need, for the children: no operation of TensorFlow runs here."""
    from vaiopt import candidates  # noqa: F401
    from vaiopt.keras import load_keras
    from vaiopt.report import write  # noqa: F401

    os.environ.update(OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
    load_keras()


def main():
    """Kill, look, repeat, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stage", choices=list(STAGES), action="append")
    parser.add_argument("--signal", choices=["KILL", "TERM", "HUP", "INT"], action="append")
    parser.add_argument("--kills", type=int, default=25, help="of each stage by each signal")
    parser.add_argument("--trials", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--in-a-row", type=int, default=1, help="kills before it may end")
    parser.add_argument("--snapshots", action="store_true")
    parser.add_argument("--out", type=Path, help="a JSON file for what was wrong, each time")
    arguments = parser.parse_args()
    load()
    stages, total, wrong = arguments.stage or list(STAGES), collections.Counter(), {}
    print(f"{'':28}" + "".join(f"{kind:>13}" for kind in KINDS), flush=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        needed = any(STAGES[name][1] for name in stages)
        before = whole_run(arguments, folder / "whole") if needed else None
        for sent in arguments.signal or ["KILL"]:
            for name in stages:
                number = getattr(signal, f"SIG{sent}")
                stage = Stage(name, number, arguments, before, folder)
                if arguments.snapshots:
                    stage.snapshots()
                else:
                    stage.run(arguments.kills, random.Random(arguments.seed))
                total.update(stage.counts)
                wrong[f"{name}, {sent}"] = stage.wrong
                print(line(f"{name}, {sent}", stage.counts), *stage.wrong, sep="\n  ", flush=True)
    print(line("all", total))
    if arguments.out:
        arguments.out.write_text(json.dumps({"kinds": dict(total), "wrong": wrong}, indent=1))
    sys.exit(any(total[kind] for kind in KINDS[1:]))


if __name__ == "__main__":
    main()
