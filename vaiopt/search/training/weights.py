"""How much each training sample counts: the data's own weights, and those of the classes."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, Optional

import numpy as np

from vaiopt.data import Splits
from vaiopt.errors import ModelError
from vaiopt.models.loss_weights import counted_weights
from vaiopt.tasks.class_weights import NONE
from vaiopt.tasks.joined import mapped, outputs_in, plain_or_parts


def class_weights(splits: Splits, wanted: Any) -> Optional[Dict[int, float]]:
    """Return the weight of each class by its number, as Keras takes them; None for all alike.

    Args:
        splits: of whose training part the classes are counted.
        wanted: as ``train.class_weights``.

    Raises:
        VaioptError: a class is not known, or the task has none.
    """
    if wanted == NONE:
        return None
    found = splits.task.class_weights(splits.train.y, splits.classes, wanted)
    return {number: float(weight) for number, weight in enumerate(found)}


def label_weights(splits: Splits, wanted: Any) -> Optional[np.ndarray]:
    """Return how much each label of the training part counts, float32 (n,), of several outputs
    joined; None for all alike.

    As in Keras, the weights of the samples and of their classes are multiplied. Arguments and
    errors as :func:`class_weights`.
    """
    part = splits.train
    if wanted == NONE:
        return part.weights
    own = 1.0 if part.weights is None else part.weights

    def counted(of_classes: np.ndarray, _: str) -> np.ndarray:
        return np.asarray(of_classes * own, np.float32)

    return mapped(counted, splits.task.label_weights(part.y, splits.classes, wanted))


def takes(function: Callable[..., Any], name: str) -> bool:
    """Return whether a function takes an argument of this name, or any."""
    parameters = inspect.signature(function).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def weight_arguments(
    fit: Callable[..., Any], model: Any, labels: np.ndarray, splits: Splits, wanted: Any
) -> Dict[str, Any]:
    """Return the weights as a HyperModel's own ``fit`` is given them, as KerasTuner passes on what
    ``search`` was given: ``sample_weight`` and ``class_weight``, if there are any.

    Args:
        fit: the HyperModel's.
        model: compiled. labels: of the training part, in the form of its loss.
        splits: of the data.
        wanted: as ``train.class_weights``.

    Raises:
        ModelError: it takes no such argument, so that the weights would be lost.
    """
    task, part = splits.task, splits.train
    several = bool(outputs_in(part.y))  # of which Keras takes no class_weight
    own = label_weights(splits, wanted) if several else part.weights
    weights = counted_weights(task, model, part.y, labels, own)
    given = {
        "sample_weight": plain_or_parts(weights),
        "class_weight": None if several else class_weights(splits, wanted),
    }
    found = {name: value for name, value in given.items() if value is not None}
    for name in found:
        if not takes(fit, name):
            raise ModelError(
                f"fit(hp, model, ...) takes no {name}, which the data or train.class_weights give",
                "Take **kwargs, and pass them on: model.fit(*args, **kwargs).",
            )
    return found
