"""What is said of trials and of a search that ends: no errors of a command."""

from __future__ import annotations

import concurrent.futures
import contextlib
from typing import Any

from tests.docs.provoked.bench import Bench, Provocations, Said, family, quick
from vaiopt.errors import RunError
from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.search.execution.limits import OUT_OF_MEMORY, death_reason
from vaiopt.search.samplers import Problem, make_sampler
from vaiopt.search.training.fit import Follower, Listeners, Plan
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective
from vaiopt.study.record import COMPLETE, TrialRecord
from vaiopt.study.trace import trace_space
from vaiopt.study.trials import load_trials

HINT = "a trial's reason has no hint of its own: the page has it"


class ProcessExpired(Exception):
    """As Pebble's, which is known by its name."""

    def __init__(self, exitcode: int) -> None:
        super().__init__("it is gone")
        self.exitcode = exitcode


def reason(error: Any) -> Any:
    return lambda bench: Said(str(death_reason(error, quick().search, 900.0)), HINT)


def infeasible(bench: Bench) -> Said:
    objective = Objective(quick("objective.max_params=10").objective)
    return Said(str(objective.infeasible({"params": 20.0})), HINT)


def exhausted(bench: Bench) -> None:
    """Ask for a point more than a space has."""
    space = trace_space(lambda hp: hp.Int("units", 1, 2), HyperParameters)
    sampler = make_sampler(Problem(space, quick("search.sampler=gp").search, 0, Objective()))
    history = [
        TrialRecord(n, COMPLETE, value=0.5, hyperparameters={"units": n + 1}) for n in range(2)
    ]
    sampler.next_point(history)  # type: ignore[attr-defined]


def diverged(bench: Bench) -> None:
    plan = Plan(2, 8, 0, "val_accuracy", True, 0)
    follower = Follower(lambda: {}, plan, 0, Listeners())  # type: ignore[arg-type]
    follower.begin(0)
    follower.end(0, {"loss": float("nan")})
    follower.outcome()


NAN = """
from tensorflow import keras

def nothing(y_true, y_pred):
    return y_pred[:, 0] * float("nan")

def build_model(hp):
    layers = [keras.layers.Flatten(input_shape=(8, 8, 1)), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy", nothing])
    return model
"""


def no_number(bench: Bench) -> Said:
    metric = ("objective.metric=val_nothing", "objective.direction=maximize")
    more = (family(bench, NAN), *metric, "search.trials=1")
    with contextlib.suppress(RunError):  # no trial is complete
        search_run(quick(*more), bench.folder / "run")
    return Said(load_trials(Run(bench.folder / "run"))[0].reason, HINT)


PRUNED: Provocations = {
    "timed out after … s (search.trial_timeout)": reason(concurrent.futures.TimeoutError()),
    "out of memory: its process passed … MB (search.trial_memory_mb)": reason(
        ProcessExpired(OUT_OF_MEMORY)
    ),
    "killed by the system, most likely out of memory": lambda b: Said(
        reason(ProcessExpired(-9))(b).message.replace("its process was ", ""), HINT
    ),
    "… is above … = …": infeasible,
}
NAN_MESSAGES: Provocations = {
    "loss became …": diverged,
    "the objective became nan": no_number,
}
SPACE: Provocations = {"all … points of the search space have been tried": exhausted}
