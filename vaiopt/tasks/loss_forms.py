"""What a loss wants: class numbers or one-hot rows as labels, a probability or a logit as output.

A loss of Keras's own says so by its name. A person's own function may have any name: it is tried
on made-up outputs. Those that agree with the labels must cost less than others.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Tuple

import numpy as np

from vaiopt import user_code
from vaiopt.errors import ModelError

ONE_HOT, SPARSE = "one_hot", "sparse"

MOST_TRIED = 100
"""Classes of the labels that a function is tried with."""

MOST_SIDE = 16
"""Pixels of a side of the masks that a function is tried with."""

SURE = 0.9
"""What an output that agrees gives its class; the others share the rest."""

LESS = 1e-3
"""By which share the loss of outputs that agree must be lower: more than rounding."""

Labels = Callable[[np.ndarray, str], np.ndarray]
"""Class numbers and a form to labels of that form, as
:meth:`vaiopt.tasks.task.Task.loss_labels`."""


def loss_names(model: Any) -> Tuple[str, ...]:
    """Return what the loss of a compiled model is called, in small letters."""
    loss = model.loss
    own = (getattr(loss, "name", "") or "", getattr(loss, "__name__", ""), type(loss).__name__)
    return tuple(name.lower() for name in (str(loss), *own))


def class_form(model: Any, labels: Labels) -> str:
    """Return the form of labels of classes that the loss of a compiled model wants.

    Args:
        model: with an output (n, ..., classes), one a class.
        labels: makes labels of a form.
    """
    if any(SPARSE in name for name in loss_names(model)):
        return SPARSE
    loss = single_loss(model)
    if not callable(loss) or _is_of_keras(loss):
        return ONE_HOT
    y, right, wrong = _outputs(tuple(model.output_shape[1:]))
    # One-hot first: a loss of distances takes numbers too, by broadcasting.
    for form in (ONE_HOT, SPARSE):
        if _is_lower(loss, labels(y, form), right, wrong):
            return form
    return ONE_HOT


def single_loss(model: Any) -> Any:
    """Return the loss of a model's one output, however it was given to ``compile``, or None."""
    loss = getattr(model, "loss", None)
    parts = list(loss.values()) if isinstance(loss, dict) else loss
    return parts[0] if isinstance(parts, (list, tuple)) and len(parts) == 1 else parts


def _is_of_keras(loss: Any) -> bool:
    wrapped = getattr(loss, "fn", loss)  # of Keras's LossFunctionWrapper
    place = getattr(wrapped, "__module__", None) or type(wrapped).__module__
    return "keras" in place


def _outputs(shape: Tuple[Any, ...]) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return class numbers (n, ...), outputs (n, ..., classes) that agree with them, and the same
    outputs in another order, so that a loss which heeds no label is equal for both.
    """
    *sides, classes = shape
    tried = min(int(classes), MOST_TRIED)
    # Not as many samples as classes: what is broadcast by mistake does not fit then.
    y = np.tile(np.arange(tried), 2)
    spread = [min(MOST_SIDE, int(side or MOST_SIDE)) for side in sides]
    y = np.broadcast_to(y.reshape(-1, *[1] * len(spread)), (len(y), *spread))
    rest = (1 - SURE) / max(1, int(classes) - 1)
    right = np.full((*y.shape, int(classes)), rest, np.float32)
    np.put_along_axis(right, y[..., None], SURE, axis=-1)
    return y, right, np.roll(right, 1, axis=0)


def ends_in_logits(model: Any) -> bool:
    """Return whether a person's own loss takes a model's one output (n, 1) for a logit: beyond 0 to
    1 it still costs less the further the output is on the right side, and more on the wrong one.
    """
    loss = single_loss(model)
    if not callable(loss) or _is_of_keras(loss) or tuple(model.output_shape[1:]) != (1,):
        return False
    sure_no = [_cost(loss, 0.0, said) for said in (-1.0, 0.0, 1.0)]
    sure_yes = [_cost(loss, 1.0, said) for said in (1.0, 0.5, -1.0)]
    return all(np.isfinite(c).all() and (np.diff(c) > LESS).all() for c in (sure_no, sure_yes))


def _cost(loss: Any, label: float, said: float) -> float:
    """Return what a loss makes of two samples of one label and one output; NaN if it fails."""
    return _tried(loss, np.full((2, 1), label, np.float32), np.full((2, 1), said, np.float32))


def _is_lower(loss: Any, labels: np.ndarray, right: np.ndarray, wrong: np.ndarray) -> bool:
    """Return whether a loss takes labels, and is lower where the outputs agree with them."""
    # As Keras's ``fit`` does, which gives labels (n,) a second axis.
    y = labels[:, None] if labels.ndim == 1 else labels
    costs = [_tried(loss, y, outputs) for outputs in (right, wrong)]
    return bool(np.isfinite(costs).all() and costs[0] < costs[1] - LESS * abs(costs[1]))


def _tried(loss: Any, labels: np.ndarray, outputs: np.ndarray) -> float:
    """Return the mean of what a person's loss gives; NaN if it does not take these."""
    tf = sys.modules["tensorflow"]  # it came with the model
    try:
        with user_code.running(lambda what: ModelError(f"the loss raised {what}", ""), loss):
            return float(tf.reduce_mean(loss(tf.constant(labels), tf.constant(outputs))))
    except ModelError:
        return float("nan")
