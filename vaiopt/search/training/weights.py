"""How much each training sample counts: the data's own weights, and those of the classes."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, Optional

import numpy as np

from vaiopt.data import Splits
from vaiopt.errors import ModelError
from vaiopt.keras import load_keras
from vaiopt.tasks import Task
from vaiopt.tasks.joined import mapped

NONE = "none"
"""What ``train.class_weights`` is where all classes count alike."""


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


def training_weights(splits: Splits, wanted: Any) -> Optional[np.ndarray]:
    """Return how much each sample of the training part counts, float32 (n,); None for all alike.

    As in Keras, the weights of the samples and of their classes are multiplied. Arguments and
    errors as :func:`class_weights`.
    """
    by_class, own = class_weights(splits, wanted), splits.train.weights
    if by_class is not None:
        found = np.asarray([by_class[i] for i in sorted(by_class)], np.float32)[splits.train.y]
        own = found if own is None else np.asarray(found * own)
    return counted_weights(splits.task, splits.train.y, own)


def counted_weights(task: Task, y: np.ndarray, own: Optional[np.ndarray]) -> Optional[np.ndarray]:
    """Return how much each label counts in a loss, with what counts of its parts: (n,), or (n, ...)
    where some parts do not; None for all alike.

    Args:
        task: of the labels. y: labels (n, ...). own: weights of the samples (n,), or None.
    """
    parts = task.part_weights(y)
    if parts is None or own is None:
        return own if parts is None else parts
    weights = own

    def counted(part: np.ndarray, _: str) -> np.ndarray:
        return np.asarray(weights.reshape(-1, *(1,) * (part.ndim - 1)) * part, np.float32)

    return mapped(counted, parts)


def weighs_parts(model: Any, sample: Any) -> bool:
    """Return whether a compiled model's loss gives a number for each part of a label, such as each
    pixel of a mask, so that parts can be weighed; a person's own may give one a sample.

    Args:
        model: compiled.
        sample: one sample and its label, as a batch.
    """
    if not (isinstance(model.loss, str) or callable(model.loss)):
        return True
    loss = load_keras().losses.get(model.loss)
    x, y = sample
    try:
        values = getattr(loss, "call", loss)(y, model(x, training=False))
        return len(values.shape) > 1
    except Exception:  # noqa: BLE001  a person's own: the training will say what is wrong with it
        return True


def takes(function: Callable[..., Any], name: str) -> bool:
    """Return whether a function takes an argument of this name, or any."""
    parameters = inspect.signature(function).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def weight_arguments(fit: Callable[..., Any], splits: Splits, wanted: Any) -> Dict[str, Any]:
    """Return the weights as a HyperModel's own ``fit`` is given them, as KerasTuner passes on what
    ``search`` was given: ``sample_weight`` and ``class_weight``, if there are any.

    Args:
        fit: the HyperModel's.
        splits: of the data.
        wanted: as ``train.class_weights``.

    Raises:
        ModelError: it takes no such argument, so that the weights would be lost.
    """
    given = {
        "sample_weight": counted_weights(splits.task, splits.train.y, splits.train.weights),
        "class_weight": class_weights(splits, wanted),
    }
    found = {name: value for name, value in given.items() if value is not None}
    for name in found:
        if not takes(fit, name):
            raise ModelError(
                f"fit(hp, model, ...) takes no {name}, which the data or train.class_weights give",
                "Take **kwargs, and pass them on: model.fit(*args, **kwargs).",
            )
    return found
