"""How much each label, and each part of it, counts in a model's loss."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import numpy as np

from vaiopt.errors import ModelError
from vaiopt.keras import load_keras, load_tensorflow
from vaiopt.tasks import Task
from vaiopt.tasks.joined import joined, parts_of
from vaiopt.tasks.loss_forms import single_loss


def counted_weights(
    task: Task, model: Any, y: np.ndarray, labels: np.ndarray, own: Optional[np.ndarray]
) -> Optional[np.ndarray]:
    """Return how much each label counts, as Keras takes it beside what the loss gives: a number a
    sample, (n,) or (n, 1, 1), or one for each part of it, (n, H, W); None for all alike. Of several
    outputs they are joined.

    Args:
        task: of the labels.
        model: compiled.
        y: labels (n, ...).
        labels: the same in the form of the loss; one will do.
        own: weights of the samples (n,), or joined of each output, or None.

    Raises:
        ModelError: a loss gives nothing that can be weighed.
    """
    ends = {name: end for name, _, end in task.ends(model)}
    pieces = task.pieces(y, ())
    of_parts = {piece.output: piece.task.part_weights(piece.y) for piece in pieces}
    if own is None and all(part is None for part in of_parts.values()):
        return None
    given = {} if own is None else parts_of(own)
    forms = parts_of(labels) or {"": labels}
    found: Dict[str, np.ndarray] = {}
    for name, part in of_parts.items():
        axes = loss_axes(ends[name], forms[name])
        if axes == 0 and own is None:
            continue  # of one number for all there is nothing to weigh
        if axes == 0:
            raise ModelError(
                f"the loss{f' of {name!r}' if name else ''} gives one number for a whole batch, and"
                " samples or classes have weights",
                "Let it give one for each sample: tf.reduce_mean(..., axis=-1).",
            )
        weights = np.ones(len(y), np.float32) if own is None else given.get(name, own)
        weights = weights.reshape(-1, *[1] * (axes - 1))
        if part is not None and part.ndim == axes:
            weights = part if own is None else np.asarray(weights * part, np.float32)
        found[name] = weights
    if not found or "" in found:
        return found.get("")
    return joined(found)


def loss_axes(model: Any, labels: np.ndarray) -> int:
    """Return how many axes the values have that the loss of a model's one output gives: 0 for one
    number, 1 for one a sample, 3 for one a pixel.

    Args:
        model: compiled, or as it is at one of its outputs.
        labels: in the form of the loss.
    """
    most = max(1, len(model.output_shape) - 1)
    loss = single_loss(model)
    if loss is None or (most == 1 and isinstance(loss, str)):
        return most
    tf, loss = load_tensorflow(), load_keras().losses.get(loss)
    likewise = labels[:1]
    shape: List[Any] = list(model.output_shape[1:])
    sides = [side or given for side, given in zip(shape, (*likewise.shape[1:], *shape))]
    outputs = tf.fill([1, *sides], 0.5)
    try:
        values = getattr(loss, "call", loss)(tf.constant(likewise), outputs)
        return len(values.shape)
    except Exception:  # noqa: BLE001  a person's own: the training will say what is wrong with it
        return most
