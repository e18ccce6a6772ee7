"""KerasTuner's HyperModel: classes whose ``fit`` trains the model and may ask for hyperparameters
of its own.

Files that ``import keras_tuner`` for its base class also run where it is not installed, as in the
containers.
"""

from __future__ import annotations

import sys
import types
from collections import defaultdict
from typing import Any, Callable, List, Mapping, Optional

from vaiopt.data import Splits
from vaiopt.data.batches import DeviceData
from vaiopt.environment import has_module
from vaiopt.errors import ModelError
from vaiopt.models import load_family
from vaiopt.search.training.fit import Follower, Metrics, Outcome, Plan, keras_callback
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.trace import BuildFailed
from vaiopt.user_code import describe

Fit = Callable[..., Any]


def load_model_function(family: str) -> Any:
    """Return the model function that ``model.family`` names; a user's file may import
    ``keras_tuner``. Raises ModelError.
    """
    if (
        family.partition(":")[0].endswith(".py")
        and "keras_tuner" not in sys.modules
        and not has_module("keras_tuner")
    ):
        _install_base_class()
    return load_family(family)


def _install_base_class() -> None:
    """Put a module ``keras_tuner`` in place for files that were written for it."""
    module = types.ModuleType(
        "keras_tuner",
        "Stands in for KerasTuner, which is not installed: what a model function needs of it.",
    )

    class HyperModel:
        """Base class of models with a search space."""

        def __init__(self, name: Optional[str] = None, tunable: bool = True) -> None:
            self.name = name
            self.tunable = tunable

        def build(self, hp: Any) -> Any:
            """Return a compiled model."""
            raise NotImplementedError

    HyperModel.__module__ = "keras_tuner"
    module.HyperModel = HyperModel  # type: ignore[attr-defined]
    module.HyperParameters = HyperParameters  # type: ignore[attr-defined]
    sys.modules["keras_tuner"] = module


def own_fit(function: Any) -> Optional[Fit]:
    """Return the ``fit`` that a HyperModel brings, given its ``build``; None without."""
    owner = getattr(function, "__self__", None)
    method = getattr(owner, "fit", None)
    if method is None or not callable(method):
        return None
    home = getattr(method, "__module__", "") or ""
    return None if home.split(".")[0] in ("keras_tuner", "kerastuner") else method


def trace_fit(fit: Fit, hp: HyperParameters, model: Any, splits: Splits) -> None:
    """Call ``fit`` for the hyperparameters that it asks for, on a few samples, with ``model.fit``
    doing nothing.

    Raises:
        BuildFailed: it raised.
    """

    class Nothing:
        """A training history in which every metric is 0."""

        history: Mapping[str, List[float]] = defaultdict(lambda: [0.0])
        epoch = (0,)

    classes = len(splits.classes)
    first = slice(0, 2 * classes)
    train, validation = splits.train.take(first), splits.validation.take(first)
    model.fit = lambda *args, **kwargs: Nothing()
    task = splits.task
    form = task.loss_form(model, classes) if model.loss is not None else ""
    labels = [task.loss_labels(part.y, form, classes) for part in (train, validation)]
    held_out = (validation.x, labels[1])
    quiet = {"epochs": 1, "callbacks": [], "verbose": 0}
    try:
        fit(hp, model, train.x, labels[0], validation_data=held_out, **quiet)
    except Exception as error:
        raise BuildFailed(
            f"fit(hp, model, ...) raised {describe(error)}", f"Mend it for: {hp.values}"
        ) from error


def run_fit(
    fit: Fit,
    hp: HyperParameters,
    model: Any,
    device: DeviceData,
    splits: Splits,
    follower: Follower,
    plan: Plan,
) -> Outcome:
    """Train by the HyperModel's own ``fit``, called as KerasTuner calls it.

    What it returns counts as in KerasTuner: a history, a dictionary of metrics, or one number,
    which is the objective.

    Raises:
        ModelError: nothing can be learned from what it returned.
        Whatever ``fit`` raises.
    """
    parts = splits.train, splits.validation
    train, validation = (device.labels(model, part.indices) for part in parts)
    returned = fit(
        hp,
        model,
        splits.train.x,
        train,
        validation_data=(splits.validation.x, validation),
        epochs=plan.epochs,
        callbacks=[keras_callback(follower)],
        verbose=0,
    )
    result = follower.outcome()
    if result.pruned:
        return result
    curve = [dict(entry) for entry in result.curve] or _history_curve(returned)
    if not curve:
        follower.end(0, {})
        curve = [dict(entry) for entry in follower.outcome().curve]
    last = returned[-1] if isinstance(returned, list) and returned else returned
    if isinstance(last, dict):
        curve[-1].update({name: float(value) for name, value in last.items()})
    elif isinstance(last, (int, float)) or getattr(last, "shape", None) == ():
        curve[-1][plan.metric] = float(last)  # type: ignore[arg-type]
    elif last is not None and not hasattr(last, "history"):
        raise ModelError(
            f"fit(hp, model, ...) returned {type(last).__name__}",
            "Return a history, a dictionary or a number.",
        )
    return Outcome(curve)


def _history_curve(returned: Any) -> List[Metrics]:
    history = getattr(returned, "history", None)
    if not history:
        return []
    epochs = min(len(values) for values in history.values())
    return [
        {"epoch": i + 1.0, "seconds": 0.0, **{name: float(v[i]) for name, v in history.items()}}
        for i in range(epochs)
    ]
