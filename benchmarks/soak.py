"""Does anything grow from trial to trial? A long search of tiny trainings, and what the search and
its workers hold of the machine as it goes on.

    python benchmarks/soak.py --trials 1000 --workers 0
    python benchmarks/soak.py --trials 1000 --workers 2
    python benchmarks/soak.py --trials 60 --workers 1 --recycle-after 60 --model cnn

The trials are real trainings: one layer for an epoch on 200 of the digits (``dense``), an MLP on
the same (``mlp``), or the lab's CNN on all, of which only the learning rate differs (``cnn``).
Every few trials it is counted: memory, open files and threads of this process, its children and
their memory, files and bytes in the run folder, bytes of the journal, models that are kept, CPU
time of this process (with workers, that of the loop alone). Then the slope of each per trial after
the first tenth of the trials, with what it was there and at the end; and the peak memory of the
trials, as they record it, of the first and the last third. ``--output`` adds the counts to a CSV
file as they are made.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy as np
import psutil

from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.settings import Settings, load_settings
from vaiopt.study.observer import Observer
from vaiopt.study.record import TrialRecord
from vaiopt.study.trials import load_trials

DENSE = """
from tensorflow import keras

def build_model(hp):
    inputs = keras.Input(hp.input_shape)
    x = keras.layers.Flatten()(inputs)
    outputs = keras.layers.Dense(hp.classes, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    rate = hp.Float("learning_rate", 1e-4, 1e-1, sampling="log", default=1e-2)
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", ["accuracy"])
    return model
"""
MODELS = {
    "dense": ["data.limit=200", "train.epochs=1", "train.batch_size=64"],
    "mlp": ["model.family=mlp_tabular", "data.limit=200", "train.epochs=1"],
    "cnn": [
        "model.family=cnn",
        "model.hyperparameters={activation='relu', dense_nodes=128, dense_layers=1}",
        "train.epochs=2",
    ],
}


@dataclass(frozen=True)
class Count:
    """What is held after a number of trials."""

    trials: int
    memory_kb: float
    open_files: int
    threads: int
    children: int
    children_memory_kb: float
    files: int
    disk_bytes: int
    journal_bytes: int
    models: int
    cpu_ms: float


def count(run: Run, trials: int) -> Count:
    """Count it now."""
    own = psutil.Process()
    memories = []
    for child in own.children(recursive=True):
        try:
            memories.append(child.memory_info().rss)
        except psutil.NoSuchProcess:  # it was replaced just now
            continue
    files = [path for path in run.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return Count(
        trials,
        own.memory_info().rss / 1e3,
        own.num_fds(),
        own.num_threads(),
        len(memories),
        sum(memories) / 1e3,
        len(files),
        sum(map(_size, files)),
        run.journal.stat().st_size,
        len(run.candidates()),
        1e3 * time.process_time(),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # a worker has taken it away since
        return 0


class Counting(Observer):
    """Counts every few trials."""

    def __init__(self, run: Run, arguments: Any) -> None:
        super().__init__()
        self._run = run
        self._arguments = arguments
        self._end = time.monotonic() + 60 * arguments.minutes
        self._done = 0
        self.counts: List[Count] = []

    def trial_ended(self, record: TrialRecord) -> None:
        """Count, if it is time for it; stop when the time is over."""
        self._done += 1
        if self._done % self._arguments.every == 0:
            self.counts.append(count(self._run, self._done))
            self._write(self.counts[-1])
        if time.monotonic() > self._end:
            raise KeyboardInterrupt

    def _write(self, entry: Count) -> None:
        output = self._arguments.output
        if not output:
            return
        what = {key: getattr(self._arguments, key) for key in ("model", "workers", "sampler")}
        row = {**what, **asdict(entry)}
        new = not output.exists()
        with open(output, "a", newline="", encoding="ascii") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)


def settings_of(arguments: Any, folder: Path) -> Settings:
    """Return the settings of the search; a model function of its own is written to the folder."""
    model = folder / "model.py"
    model.write_text(DENSE, encoding="ascii")
    return load_settings(
        None,
        [
            f"model.family={model}",
            "data.source=digits",
            f"search.trials={arguments.trials}",
            f"search.workers={arguments.workers}",
            f"search.sampler={arguments.sampler}",
            *(
                [f"search.recycle_after={arguments.recycle_after}"]
                if arguments.recycle_after
                else []
            ),
            *MODELS[arguments.model],
            *arguments.set,
        ],
    )


def show(counts: Sequence[Count], trials: Sequence[TrialRecord]) -> None:
    """Print the slopes, and the peaks of memory."""
    settled = [c for c in counts if c.trials >= counts[-1].trials / 10]
    print(
        f"{'':22}{f'at {settled[0].trials}':>14}{f'at {settled[-1].trials}':>14}{'per trial':>12}"
    )
    columns: Dict[str, List[float]] = {
        name: [getattr(c, name) for c in settled] for name in asdict(settled[0])
    }
    for name, values in columns.items():
        if name != "trials":
            slope = np.polyfit(columns["trials"], values, 1)[0]
            print(f"{name:22}{values[0]:14,.0f}{values[-1]:14,.0f}{slope:12.3f}")
    peaks = [t.peak_memory_mb for t in trials]
    third = len(peaks) // 3
    first, last = statistics.median(peaks[:third]), statistics.median(peaks[-third:])
    print(
        f"peak memory of a trial: first third {first:.0f} MB, last third {last:.0f} MB, ratio"
        f" {last / first:.3f}, highest / lowest {max(peaks) / min(peaks):.3f}"
    )


def main() -> None:
    """Search, count and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--sampler", default="random")
    parser.add_argument("--model", choices=MODELS, default="dense")
    parser.add_argument("--recycle-after", type=int, default=0, help="0: as the settings have it")
    parser.add_argument("--set", action="append", default=[], help="a setting of the search")
    parser.add_argument("--every", type=int, default=10, help="trials from one count to the next")
    parser.add_argument("--minutes", type=float, default=600.0, help="after which it stops")
    parser.add_argument("--output", type=Path, help="CSV file to which the counts are added")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = Run(folder / "run")
        counting = Counting(run, arguments)
        started = time.perf_counter()
        with contextlib.suppress(KeyboardInterrupt):
            search_run(settings_of(arguments, folder), run.folder, on_trial=counting)
        trials = [t for t in load_trials(run) if t.finished]
        print(
            f"{arguments.model}, {arguments.workers} workers, {arguments.sampler}: {len(trials)}"
            f" trials in {time.perf_counter() - started:.0f} s"
        )
    show(counting.counts, trials)


if __name__ == "__main__":
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
