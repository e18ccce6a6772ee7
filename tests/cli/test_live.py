"""What a search shows: lines that anything can read, and on a terminal a region below them."""

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from vaiopt.cli.live import LiveTrials, TrialLines, clock, follow, spread
from vaiopt.runs.layout import Run
from vaiopt.search.training.progress import ProgressFile
from vaiopt.settings import load_settings, override
from vaiopt.study.record import COMPLETE, FAILED, INFEASIBLE, PRUNED, TrialRecord

SETTINGS = load_settings(None, ["search.trials=40"])
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


def point(number):
    return {
        "layers": 1 + number % 3,
        "learning_rate": 0.001 * (number + 1),
        "optimizer": "adam",
        "note": "a long text " * 5,
    }


def complete(number, accuracy, params=1000.0, latency=0.1):
    costs = {"params": params, "latency_ms": latency}
    return TrialRecord(
        number,
        COMPLETE,
        value=accuracy,
        metrics={"val_accuracy": accuracy},
        costs=costs,
        hyperparameters=point(number),
    )


def region(view):
    """The lines of the region as they are on the view's terminal."""
    page = Console(file=io.StringIO(), width=view._console.width, height=view._console.height)
    page.print(view)
    return page.file.getvalue().splitlines()


@pytest.fixture
def make_view(tmp_path):
    made = []

    def make(width=80, height=24):
        console = Console(
            file=io.StringIO(),
            force_terminal=True,
            width=width,
            height=height,
            highlight=False,
            markup=False,
        )
        made.append(LiveTrials(SETTINGS, Run(tmp_path), console))
        return made[-1]

    yield make
    for view in made:
        view.search_ended()


class Stream(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.mark.parametrize(
    "terminal, as_json, term, live",
    [
        (True, False, "xterm-256color", True),
        (False, False, "xterm-256color", False),
        (True, True, "xterm-256color", False),
        (True, False, "dumb", False),
    ],
)
def test_it_is_live_on_a_terminal_alone(monkeypatch, tmp_path, terminal, as_json, term, live):
    monkeypatch.setattr(sys, "stderr", Stream(terminal))
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("FORCE_COLOR", "1")  # asks for colours, and does not make a file a terminal
    assert isinstance(follow(SETTINGS, tmp_path, as_json), LiveTrials) == live


def test_at_the_start_it_says_how_long_the_rest_takes_by_the_trials_before():
    lines = []
    times = {"started": "2026-01-01T00:00:00.000Z", "finished": "2026-01-01T00:10:00.000Z"}
    before = [replace(complete(0, 0.75), **times)]
    TrialLines(SETTINGS, lines.append).search_started(4, before)
    assert lines == ["3 of 4 trials are left, by the earlier ones about 30 min 0 s"]
    hours = override(SETTINGS, ["search.max_hours=0.5"])
    TrialLines(hours, lines.append).search_started(4, before)
    assert lines[1].endswith("about 20 min 0 s")
    TrialLines(SETTINGS, lines.append).search_started(1, before)
    TrialLines(SETTINGS, lines.append).search_started(4, [])
    assert len(lines) == 2


def test_elsewhere_each_trial_is_one_line_with_the_best_so_far(capfd):
    lines = TrialLines(SETTINGS)
    lines.search_started(40, [complete(0, 0.75)])
    lines.progress("a line")
    lines.trial_started(1, point(1))
    lines.trial_ended(complete(1, 0.5, 1234.0, 0.25))
    lines.trial_ended(complete(3, 0.875))
    lines.trial_ended(TrialRecord(2, FAILED, "no luck"))
    lines.search_ended()
    out, err = capfd.readouterr()
    told = [re.sub(r"  \d+ s left$", "", line) for line in err.splitlines()]
    assert out == ""
    assert told == [
        "a line",
        "  2/40  trial 1    val_accuracy 0.5000    1,234 params, 0.25 ms predicted  0.0 s"
        "  best 0.7500",
        "  3/40  trial 3    val_accuracy 0.8750 *  1,000 params, 0.1 ms predicted  0.0 s"
        "  best 0.8750",
        "  4/40  trial 2    failed: no luck",
    ]


def test_the_region_shows_what_runs_the_best_the_front_and_the_counts(
    make_view, tmp_path, monkeypatch
):
    monkeypatch.setattr(time, "perf_counter", lambda: 100.0)
    view = make_view(width=120)
    view.search_started(40, [complete(0, 0.75, latency=0.3)])
    view.trial_started(3, point(3))
    view.trial_started(4, point(4))
    view.trial_ended(complete(1, 0.875, 54321.0, 0.5))
    view.trial_ended(complete(2, 0.5, latency=0.4))
    view.trial_ended(TrialRecord(5, PRUNED, "stopped", hyperparameters=point(5)))
    view.trial_ended(TrialRecord(6, INFEASIBLE, "too slow", hyperparameters=point(6)))
    ProgressFile(Run(tmp_path).progress(3)).write(2, 7, 0.625)
    lines = region(view)
    assert lines[0] == ""
    assert lines[1].split() == ["running", "epoch", "val_accuracy", "time", "hyperparameters"]
    # What is the same in all trials is not worth a column.
    assert lines[2].split() == [
        "trial",
        "3",
        "2/7",
        "0.6250",
        "0:00",
        "layers=1",
        "learning_rate=0.004",
    ]
    assert lines[3].split() == [
        "trial",
        "4",
        "starting",
        "-",
        "0:00",
        "layers=2",
        "learning_rate=0.005",
    ]
    assert lines[4] == "best       val_accuracy 0.8750  54,321 params, 0.5 ms predicted"
    assert lines[5] == "trial 1    layers=2 learning_rate=0.002"
    assert lines[6].split() == ["front", "val_accuracy", "params", "predicted"]
    assert lines[7].split() == ["trial", "0", "0.7500", "1,000", "0.3", "ms"]
    assert lines[8].split() == ["trial", "1", "0.8750", "54,321", "0.5", "ms"]
    assert lines[9].startswith("4/40 done: 3 complete, 1 infeasible, 1 pruned, ")
    assert re.search(r"[\d.e+]+ a minute, \d+:\d\d left$", lines[9])
    assert len(lines) == 10


def test_what_a_finished_trial_is_no_longer_shown_as_running(make_view):
    view = make_view()
    view.search_started(40, [])
    view.trial_started(0, point(0))
    assert any(line.startswith("trial 0") for line in region(view))
    assert region(view)[-1] == "0/40 done"
    view.trial_ended(TrialRecord(0, FAILED, "no luck", hyperparameters=point(0)))
    assert region(view) == ["", region(view)[-1]]
    assert region(view)[-1].startswith("1/40 done: 1 failed")


@pytest.mark.parametrize("width, height", [(80, 24), (40, 10), (200, 60), (80, 7)])
def test_it_fits_the_terminal_however_much_there_is_to_show(make_view, width, height):
    view = make_view(width, height)
    view.search_started(200, [complete(n, 0.5 + 0.01 * n, 1000.0 * n, 0.01 * n) for n in range(30)])
    for number in range(30, 60):
        view.trial_started(number, point(number))
    lines = region(view)
    assert max(map(len, lines)) < width
    assert len(lines) < height
    assert lines[-1].startswith("30/200 done")
    if height in (10, 24):
        assert any(re.match(r"and \d+ more$", line) for line in lines)
    if height > 20:
        front = [i for i, line in enumerate(lines) if line.startswith("front")]
        assert lines[front[0]].endswith("5 of 30")
        assert [line.split()[1] for line in lines[front[0] + 1 : -1]] == [
            "0",
            "7",
            "14",
            "22",
            "29",
        ]


def test_whatever_a_hyperparameter_is_called_its_trial_has_one_line(make_view):
    view = make_view()
    view.search_started(4, [])
    view.trial_started(0, {"a": "wide \u5bbd" * 40, "b": "two\nlines", "c": "[red]"})
    view.trial_started(1, {"a": "x", "b": "y", "c": "[red]two[/]"})
    lines = region(view)
    assert [line[:7] for line in lines] == ["", "running", "trial 0", "trial 1", "0/4 don"]
    assert cell_len(lines[2]) < 80
    assert lines[3].endswith("a=x b=y c=[red]two[/]")


def test_without_a_latency_the_front_is_that_of_the_parameters(make_view):
    view = make_view()
    small = TrialRecord(
        0, COMPLETE, value=0.5, metrics={"val_accuracy": 0.5}, costs={"params": 10.0}
    )
    large = TrialRecord(
        1, COMPLETE, value=0.75, metrics={"val_accuracy": 0.75}, costs={"params": 20.0}
    )
    view.search_started(4, [large, small])
    front = [line.split() for line in region(view)[-3:-1]]
    assert front == [["trial", "0", "0.5000", "10", "-"], ["trial", "1", "0.7500", "20", "-"]]


def test_a_search_for_a_front_shows_that_one_with_its_costs(make_view):
    view = make_view(width=120)
    settings = override(SETTINGS, ['objective.front=["fps"]'])
    front_view = LiveTrials(settings, view._run, view._console)
    trials = [complete(0, 0.5), complete(1, 0.75), complete(2, 0.6)]
    trials = [replace(t, costs={**t.costs, "fps": 2000.0 - t.number * 500}) for t in trials]
    front_view.search_started(4, trials)
    lines = [line.split() for line in region(front_view)[-4:-1]]
    assert lines == [
        ["front", "val_accuracy", "params", "predicted", "fps"],
        ["trial", "0", "0.5000", "1,000", "0.1", "ms", "2,000"],
        ["trial", "1", "0.7500", "1,000", "0.1", "ms", "1,500"],
    ]
    front_view.search_ended()


def test_a_measured_latency_stands_beside_the_predicted_one(capfd):
    lines = TrialLines(SETTINGS)
    lines.trial_ended(replace(complete(0, 0.5), measured_latency_ms=0.25))
    assert "1,000 params, 0.1 ms predicted, 0.25 ms measured  0.0 s" in capfd.readouterr().err


@pytest.mark.parametrize("raised", [None, KeyboardInterrupt, RuntimeError])
def test_lines_stay_and_the_region_goes_whatever_ends_the_search(make_view, raised):
    view = make_view()
    try:
        view.progress("before [bold]")
        view.search_started(40, [])
        try:
            view.trial_started(0, point(0))
            view.trial_ended(complete(0, 0.5))
            if raised:
                raise raised
        finally:
            view.search_ended()
    except (KeyboardInterrupt, RuntimeError):
        pass
    view.progress("after")
    written = view._console.file.getvalue()
    assert "before [bold]\n" in written
    assert "trial 0    val_accuracy 0.5000 *  1,000 params, 0.1 ms predicted  0.0 s\n" in written
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1, (
        "the cursor is hidden once and shown again"
    )
    end = written[written.rindex("done") :]
    assert end.count("\x1b[1A\x1b[2K") >= 2, "the region is wiped line by line"
    assert written.endswith("after\n")


def test_times_are_told_as_a_clock_does():
    assert [clock(s) for s in (0, 59.9, 61, 3600, 86399)] == [
        "0:00",
        "0:59",
        "1:01",
        "1:00:00",
        "23:59:59",
    ]


def test_a_choice_of_many_keeps_the_first_and_the_last():
    assert spread([3, 1, 2], 5) == [3, 1, 2]
    assert spread(list(range(100)), 5) == [0, 25, 50, 74, 99]


def on_a_terminal(arguments, folder, root, until, then):
    """Run a command on a pseudo terminal; send ``then`` once ``until`` has been shown. Returns its
    exit code and what was shown.
    """
    leader, follower = pty.openpty()
    environment = {
        **os.environ,
        "TERM": "xterm",
        "COLUMNS": "80",
        "LINES": "24",
        "PYTHONPATH": str(root),
    }
    command = [sys.executable, "-m", "vaiopt", *arguments]
    process = subprocess.Popen(
        command,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=str(folder),
        env=environment,
        preexec_fn=take_terminal,
    )
    os.close(follower)
    shown, sent, deadline = b"", False, time.monotonic() + 500
    try:
        while time.monotonic() < deadline:
            if select.select([leader], [], [], 1)[0]:
                try:
                    shown += os.read(leader, 65536)
                except OSError:  # the other side is closed
                    break
            if not sent and until in shown:
                os.write(leader, then)
                sent = True
        return process.wait(60), shown.decode()
    finally:
        if process.poll() is None:
            process.kill()
        os.close(leader)


def take_terminal():
    """Make the pseudo terminal the process's own, so that Ctrl-C on it is a signal."""
    import fcntl
    import termios

    os.setsid()
    signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # tests that run in the background of a shell are started with it ignored
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_ctrl_c_on_a_terminal_removes_the_region_and_leaves_a_run_that_can_go_on(
    tmp_path, root, workers
):
    changes = [
        f"search.workers={workers}",
        "search.trials=50",
        "data.limit=300",
        "model.family=mlp_tabular",
        "train.epochs=3",
    ]
    arguments = ["search", "--run", "run"] + [
        part for change in changes for part in ("--set", change)
    ]
    code, shown = on_a_terminal(
        arguments, tmp_path, root, until=b"1/50 done: 1 complete", then=b"\x03"
    )
    assert code == 130, shown
    text = CONTROL.sub("", shown)
    assert "trial 0    val_accuracy" in text
    assert "hyperparameters" in text
    assert "interrupted; go on with: vaiopt search --run run" in text
    assert text.rstrip().endswith("or take the best so far: vaiopt choose run")
    assert "Traceback" not in text
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert not Run(tmp_path / "run").running.exists()
