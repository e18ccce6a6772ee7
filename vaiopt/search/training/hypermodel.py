"""KerasTuner's HyperModel: classes whose ``fit`` trains the model and may ask for hyperparameters
of its own.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import numpy as np

from vaiopt.data import Part, Splits
from vaiopt.data.batches import DeviceData
from vaiopt.errors import ModelError
from vaiopt.keras import load_keras
from vaiopt.models.loss_weights import counted_weights
from vaiopt.search.training.fit import Follower, Metrics, Outcome, Plan, callbacks_of, numbers_of
from vaiopt.search.training.weights import takes, weight_arguments
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.trace import BuildFailed
from vaiopt.tasks import Task
from vaiopt.tasks.class_weights import NONE
from vaiopt.tasks.joined import plain_or_parts
from vaiopt.user_code import describe

Fit = Callable[..., Any]

PROBE = 7919
"""A batch size that no ``fit`` comes upon by itself: one that gives it to Keras passes ours on."""


def own_fit(function: Any) -> Optional[Fit]:
    """Return the ``fit`` that a HyperModel brings, given its ``build``; None without."""
    owner = getattr(function, "__self__", None)
    method = getattr(owner, "fit", None)
    if method is None or not callable(method):
        return None
    home = getattr(method, "__module__", "") or ""
    return None if home.split(".")[0] in ("keras_tuner", "kerastuner") else method


@dataclass(frozen=True)
class FitCall:
    """What a HyperModel's own ``fit`` gave to Keras's.

    Attributes:
        takes_batch_size: whether it passed on the batch size that it was given.
        follows: whether it passed on the callbacks that it was given.
    """

    takes_batch_size: bool = False
    follows: bool = False


def trace_fit(
    fit: Fit,
    hp: HyperParameters,
    model: Any,
    splits: Splits,
    batch_size: int,
    class_weights: Any = NONE,
) -> Optional[FitCall]:
    """Call ``fit`` for the hyperparameters that it asks for, on a few samples, with ``model.fit``
    doing nothing.

    Returns:
        What ``model.fit`` was given; None if it was not called.

    Raises:
        BuildFailed: it raised.
        VaioptError: it does not take the weights that there are.
    """

    calls: List[FitCall] = []
    given = load_keras().callbacks.Callback()
    nothing = _history_of_zeros(model)

    def note(*args: Any, **kwargs: Any) -> Any:
        own = {**dict(zip(("x", "y", "batch_size"), args)), **kwargs}
        callbacks = list(own.get("callbacks") or ())
        calls.append(FitCall(own.get("batch_size") == batch_size, given in callbacks))
        return nothing

    classes = len(splits.classes)
    first = slice(0, 2 * classes)
    train, validation = splits.train.take(first), splits.validation.take(first)
    model.fit = note
    task = splits.task
    form = task.loss_form(model, classes) if model.loss is not None else ""
    encode = splits.targets.encode
    found = [task.loss_labels(encode(part.y), form, classes) for part in (train, validation)]
    of_few = replace(splits, train=train, validation=validation)
    options = {
        "validation_data": _held_out(task, model, validation, found[1]),
        "epochs": 1,
        "batch_size": batch_size,
        "callbacks": [given],
        "verbose": 0,
        **weight_arguments(fit, model, found[0], of_few, class_weights),
    }
    try:
        _call(fit, hp, model, train.given, plain_or_parts(found[0]), options)
    except Exception as error:
        raise BuildFailed(
            f"fit(hp, model, ...) raised {describe(error)}", f"Mend it for: {hp.values}"
        ) from error
    check_trained(model, model if calls else getattr(given, "model", None))
    return calls[-1] if calls else None


def _history_of_zeros(model: Any) -> Any:
    """Return a training history in which every metric is 0."""
    history = load_keras().callbacks.History()
    history.set_model(model)
    history.set_params({"epochs": 1, "steps": 1, "verbose": 0})
    history.history = defaultdict(lambda: [0.0])
    history.epoch = [0]
    return history


def check_trained(model: Any, trained: Any) -> None:
    """Check that what a fit trains holds the model that it was given, which is the one that is
    kept.

    Args:
        model: as it was given. trained: that Keras's own fit was called on, None if on no other.

    Raises:
        BuildFailed: it does not: the scores would be of another model than the one that is kept.
    """
    if trained is None or {id(w) for w in model.weights} <= {id(w) for w in trained.weights}:
        return
    raise BuildFailed(
        "fit(hp, model, ...) trains another model than the one it is given",
        "Let build(hp) return the model that is to be trained and kept.",
    )


def _call(fit: Fit, hp: Any, model: Any, x: Any, y: Any, options: Dict[str, Any]) -> Any:
    """Call ``fit`` as KerasTuner does, without the options that it does not take or gives to
    ``model.fit`` itself, beside ``**kwargs``.
    """
    options = {name: value for name, value in options.items() if takes(fit, name)}
    while True:
        try:
            return fit(hp, model, x, y, **options)
        except TypeError as error:
            twice = [name for name in _FREE if name in options and _is_twice(error, name)]
            if not twice:
                raise
            del options[twice[0]]


_FREE = ("epochs", "batch_size", "verbose", "validation_data")
"""What ``fit`` may decide alone; without the callbacks nobody would follow the training."""


def _is_twice(error: TypeError, name: str) -> bool:
    """Return whether Python says that an argument was given twice."""
    return "multiple values" in str(error) and f"'{name}'" in str(error)


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

    What it returns counts as in KerasTuner: of a history the best epoch, whose weights the model
    is given; a dictionary of metrics, or one number, which is the objective, is of the model as
    it is then.

    Raises:
        ModelError: nothing can be learned from what it returned.
        Whatever ``fit`` raises.
    """
    parts = splits.train, splits.validation
    labels = [device.labels(model, part.indices, splits.targets) for part in parts]
    held_out = _held_out(splits.task, model, splits.validation, labels[1])
    options = {
        "validation_data": held_out,
        "epochs": plan.epochs,
        "batch_size": plan.batch_size,
        "callbacks": callbacks_of(follower, model, plan),
        "verbose": 0,
        **weight_arguments(fit, model, labels[0], splits, plan.class_weights),
    }
    train = plain_or_parts(labels[0])
    with _validated_on(held_out, model):
        returned = _call(fit, hp, model, splits.train.given, train, options)
    last = returned[-1] if isinstance(returned, list) and returned else returned
    own_metrics = _own_metrics(last, plan.metric)
    result = follower.outcome(restore=not own_metrics)
    if result.pruned:
        return result
    curve, kept = [dict(entry) for entry in result.curve], result.kept
    if not curve:
        curve, kept = _history_curve(returned), -1
    if not curve:
        follower.end(0, {})
        curve = [dict(entry) for entry in follower.outcome().curve]
    curve[kept].update(own_metrics)
    return Outcome(curve, kept=kept)


@contextlib.contextmanager
def _validated_on(held_out: Tuple[Any, ...], model: Any) -> Iterator[None]:
    """Let Keras's ``fit`` of a model validate on what is held out where a person's own asks for a
    share of the training samples (``validation_split``): the figures of a search are of its
    validation samples, and the training has all of its own.
    """
    original = model.fit

    def fit(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("validation_split") and kwargs.get("validation_data") is None:
            kwargs = {**kwargs, "validation_split": 0.0, "validation_data": held_out}
        return original(*args, **kwargs)

    model.fit = fit
    try:
        yield
    finally:
        del model.fit


def _own_metrics(returned: Any, metric: str) -> Metrics:
    """Return the metrics that ``fit`` returned itself; none of a history. Raises ModelError."""
    if isinstance(returned, dict):
        return numbers_of(returned)
    if isinstance(returned, (int, float)) or getattr(returned, "shape", None) == ():
        return {metric: float(returned)}
    if returned is not None and not hasattr(returned, "history"):
        raise ModelError(
            f"fit(hp, model, ...) returned {type(returned).__name__}",
            "Return a history, a dictionary or a number.",
        )
    return {}


def _held_out(task: Task, model: Any, part: Part, labels: np.ndarray) -> Tuple[Any, ...]:
    """Return ``validation_data`` as Keras takes it: with the weights of the samples, if any."""
    weights = counted_weights(task, model, part.y, labels, part.weights)
    given = (part.given, plain_or_parts(labels), plain_or_parts(weights))
    return given[:2] if weights is None else given


def _history_curve(returned: Any) -> List[Metrics]:
    history = getattr(returned, "history", None)
    if not history:
        return []
    epochs = min(len(values) for values in history.values())
    return [
        {
            "epoch": i + 1.0,
            "seconds": 0.0,
            **numbers_of({name: values[i] for name, values in history.items()}),
        }
        for i in range(epochs)
    ]
