"""Operations that change the values of samples and leave the places: light, noise, holes."""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np

from vaiopt.data.augment.batch import Batch, Draw, Frame, count_of, counted
from vaiopt.keras import load_tensorflow

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""How bright red, green and blue are (ITU-R BT.601)."""


def brightness(batch: Batch, amount: float, draw: Draw, frame: Frame) -> Batch:
    """Add a share of the range of values to a sample."""
    added = draw.uniform([count_of(batch.x), 1, 1, 1], -amount, amount) * frame.span
    return batch._replace(x=frame.clipped(batch.x + added))


def contrast(batch: Batch, amount: float, draw: Draw, frame: Frame) -> Batch:
    """Multiply how far values are from the mean of their image and channel."""
    mean = load_tensorflow().reduce_mean(batch.x, axis=[1, 2], keepdims=True)
    factor = draw.uniform([count_of(batch.x), 1, 1, 1], 1.0 - amount, 1.0 + amount)
    return batch._replace(x=frame.clipped(mean + factor * (batch.x - mean)))


def saturation(batch: Batch, amount: float, draw: Draw, frame: Frame) -> Batch:
    """Multiply how far colours are from grey."""
    tf = load_tensorflow()
    span = np.where(frame.span > 0, frame.span, 1.0).astype(np.float32)
    shares = (batch.x - frame.low) / span  # alike in all channels, however each is scaled
    grey = tf.tensordot(shares, LUMA[:, None], 1)
    factor = draw.uniform([count_of(batch.x), 1, 1, 1], 1.0 - amount, 1.0 + amount)
    x = frame.low + span * (grey + factor * (shares - grey))
    return batch._replace(x=frame.clipped(x))


def noise(batch: Batch, amount: float, draw: Draw, frame: Frame) -> Batch:
    """Add normal noise, whose deviation is a share of the range of values."""
    added = draw.normal(load_tensorflow().shape(batch.x)) * (amount * frame.span)
    return batch._replace(x=frame.clipped(batch.x + added))


def cutout(batch: Batch, amount: float, draw: Draw, frame: Frame) -> Batch:
    """Make a rectangle the mean of its image (DeVries and Taylor 2017). It lies partly outside now
    and then; in a mask it does not count.
    """
    count = [count_of(batch.x)]
    sides = [load_tensorflow().fill(count, amount)] * 2
    return _erased(batch, box(batch.x, sides, draw), frame)


def masking(batch: Batch, amount: float, draw: Draw, frame: Frame) -> Batch:
    """Make a stretch of a signal its mean (as Park et al. 2019 do with spectrograms)."""
    tf = load_tensorflow()
    count = [count_of(batch.x)]
    share = draw.uniform(count, 0.0, amount)
    whole = tf.fill(count, 2.0)  # covers a side wherever its middle lies
    sides = [whole if batch.x.shape[axis] == 1 else share for axis in (1, 2)]
    return _erased(batch, box(batch.x, sides, draw), frame)


def box(x: Any, sides: Any, draw: Draw) -> Any:
    """Return which pixels (n, H, W, 1) lie in a rectangle whose middle is anywhere.

    Args:
        x: images (n, H, W, C).
        sides: shares of height and width, (n,) each.
        draw: chance.
    """
    rows, columns = (_stretch(x, axis, share, draw) for axis, share in zip((1, 2), sides))
    return (rows[:, :, None] & columns[:, None, :])[..., None]


def _stretch(x: Any, axis: int, share: Any, draw: Draw) -> Any:
    """Return which places (n, side) of an axis lie in a stretch of a share of it."""
    tf = load_tensorflow()
    side = x.shape[axis]
    length = tf.round(share * side)
    first = tf.round(draw.uniform([count_of(x)], 0.0, float(side)) - length / 2)
    places = tf.range(side, dtype=tf.float32)[None, :]
    return (places >= first[:, None]) & (places < (first + length)[:, None])


def _erased(batch: Batch, hole: Any, frame: Frame) -> Batch:
    """Return a batch whose samples are their own means in a hole (n, H, W, 1)."""
    tf = load_tensorflow()
    mean = tf.reduce_mean(batch.x, axis=[1, 2], keepdims=True)
    x = tf.where(hole, mean, batch.x)
    if not frame.task.like_samples or frame.task.smooth_labels:
        return batch._replace(x=x)
    return batch._replace(x=x, weights=counted(batch.weights, ~hole[..., 0]))


def stretches(x: Any, share: Any) -> Tuple[Any, Any]:
    """Return the shares of height and width of a rectangle that has a share (n,) of the area: of a
    signal a stretch of its length.
    """
    tf = load_tensorflow()
    lone = [x.shape[axis] == 1 for axis in (1, 2)]
    side = share if any(lone) else tf.sqrt(share)
    whole = tf.fill(tf.shape(share), 2.0)
    rows, columns = (whole if is_lone else side for is_lone in lone)
    return rows, columns
