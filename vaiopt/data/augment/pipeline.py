"""Augmentation as a step of the input pipeline of a training."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional

from vaiopt.data.augment.batch import IMAGE, SIGNAL, TABLE, Batch, Draw, Frame
from vaiopt.data.augment.geometry import Map, after, moved
from vaiopt.data.augment.operations import OPERATIONS, Operation, in_order
from vaiopt.keras import load_tensorflow

NUMBERS = 4096
"""Random numbers that batches are given in an order that changes from epoch to epoch, so that none
is changed twice alike, and the same seed gives the same batches again.
"""


def augmented(
    batches: Any,
    amounts: Mapping[str, float],
    seed: int,
    frame: Frame,
    *,
    weighs_parts: bool = True,
) -> Any:
    """Return batches whose samples are changed at random, anew in each epoch.

    Args:
        batches: a ``tf.data.Dataset`` of preprocessed batches ``(x, y)`` or ``(x, y, weight)``, as
            :meth:`vaiopt.data.batches.DeviceData.batches` gives them. Labels that are to be mixed
            are float32, one-hot ones of several classes.
        amounts: how strong each operation is, by its name; 0 leaves it out.
        seed: below 2**32; the same gives the same batches, whatever the machine does meanwhile.
        frame: what is known of the samples.
        weighs_parts: whether single pixels of a mask can be weighed; else those from outside of
            their image, which repeat its edge as the sample does, count as well.
    """
    amounts = in_order(amounts)
    if not amounts:
        return batches
    tf = load_tensorflow()
    numbers = tf.data.Dataset.range(NUMBERS)
    numbers = numbers.shuffle(NUMBERS, seed=seed, reshuffle_each_iteration=True).repeat()

    def change(parts: Any, number: Any) -> Any:
        batch = Batch(*parts)
        found = changed(batch, amounts, seed, number, frame)
        if frame.task.like_samples and not weighs_parts:
            found = found._replace(weights=batch.weights)
        return tuple(part for part in found if part is not None)

    graph = tf.autograph.experimental.do_not_convert(change)
    return tf.data.Dataset.zip((batches, numbers)).map(graph).prefetch(2)


def changed(
    batch: Batch, amounts: Mapping[str, float], seed: int, number: Any, frame: Frame
) -> Batch:
    """Return one batch, changed.

    Args:
        batch: with samples (n, *frame.shape).
        amounts, seed: as for :func:`augmented`.
        number: of the batch, an int64 tensor.
        frame: what is known of the samples.
    """
    batch = batch._replace(x=_as_image(batch.x, frame))
    amounts = in_order(amounts)
    where: Optional[Map] = None
    moves: List[Operation] = []
    for name, amount in amounts.items():
        row = OPERATIONS[name]
        if row.move is not None:
            own = row.move(batch.x, float(amount), Draw(seed, number, name))
            where = own if where is None else after(where, own)
            moves.append(row)
    if where is not None:
        blends, stays = (any(row.smooth for row in moves), all(row.stays for row in moves))
        batch = moved(batch, where, frame, blends=blends, stays=stays)
    for name, amount in amounts.items():
        change = OPERATIONS[name].change
        if change is not None:
            batch = change(batch, float(amount), Draw(seed, number, name), frame)
    return batch._replace(x=load_tensorflow().reshape(batch.x, [-1, *frame.shape]))


def _as_image(x: Any, frame: Frame) -> Any:
    """Return signals (n, T, C) with a second side of 1; others as they are, of known shape."""
    tf = load_tensorflow()
    length, *others = frame.shape
    forms = {
        TABLE: frame.shape,
        IMAGE: frame.shape,
        SIGNAL: frame.shape if len(frame.shape) == 3 else (length, 1, *others),
    }
    return tf.reshape(x, [-1, *forms[frame.kind]])
