"""Trials that end at once, for tests of the loop around them; workers import this by its name."""

from tests.search.quick import SETTINGS
from vaiopt.runs.layout import Run
from vaiopt.search import loop
from vaiopt.search.loop import Search
from vaiopt.search.training.judges import make_judge
from vaiopt.settings import override
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.observer import Observer
from vaiopt.study.record import COMPLETE, TrialRecord
from vaiopt.study.space_file import SpaceFile
from vaiopt.study.trace import trace_space
from vaiopt.text import silent

COSTS = {"params": 1000.0, "macs": 10000.0, "latency_ms": 0.5}


def build(hp):
    """Ask for a space of many points, with a conditional dimension."""
    hp.Int("layers", 1, 2)
    with hp.conditional_scope("layers", [2]):
        hp.Int("nodes2", 8, 64, step=8)
    hp.Int("nodes1", 8, 512, step=8)
    hp.Float("rate", 1e-4, 1e-1, sampling="log", default=1e-3)


SPACE = trace_space(build, HyperParameters)


def describe(settings, afterwards=None):
    """Stand in for ``describe_search``."""
    return SpaceFile(SPACE, {"train": 200, "validation": 50, "test": 50}, COSTS)


def run_trial(job):
    """Stand in for ``run_trial``: every third trial is better than all before it, and all leave a
    model.
    """
    better = job.number % 3 == 0
    value = round(0.5 + 0.0001 * job.number * (1 if better else -1), 4)
    pruning = {}
    if job.pruning is not None:
        make_judge(job.pruning, ())
        pruning = {"reports": [[step, value] for step in range(1, 10)], "rungs": {}}
    model = Run(job.folder).trial(job.number).model
    model.parent.mkdir(parents=True)
    model.write_text("model")
    return TrialRecord(
        job.number,
        COMPLETE,
        hyperparameters={name: job.values[name] for name in SPACE.active(job.values)},
        metrics={"val_accuracy": value},
        costs=COSTS,
        curve=[{"epoch": 1.0, "val_accuracy": value}],
        pruning=pruning,
    )


def stubbed(monkeypatch, folder, *overrides, observer=None, progress=silent):
    """Return a search whose trials are these."""
    monkeypatch.setattr(loop, "describe_search", describe)
    monkeypatch.setattr(loop, "run_trial", run_trial)
    settings = override(SETTINGS, list(overrides))
    return Search(Run(folder), settings, progress, observer or Observer())
