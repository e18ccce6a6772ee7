"""Operations that mix samples and labels: mixup (Zhang et al. 2018), cutmix (Yun et al. 2019).

The other sample is the one at the mirrored place of the batch, whose order is random already.
"""

from __future__ import annotations

from typing import Any

from vaiopt.data.augment.batch import Batch, Draw, Frame, count_of
from vaiopt.data.augment.values import box, stretches
from vaiopt.keras import load_tensorflow


def mixup(batch: Batch, amount: float, draw: Draw, frame: Frame) -> Batch:
    """Blend each sample with another: the larger share is its own."""
    share = draw.beta([count_of(batch.x)], amount)
    share = load_tensorflow().maximum(share, 1.0 - share)
    wide = _like(share, batch.x)
    x = wide * batch.x + (1.0 - wide) * batch.x[::-1]
    return _mixed(batch, x, share)


def cutmix(batch: Batch, amount: float, draw: Draw, frame: Frame) -> Batch:
    """Put a rectangle of another sample into each; labels have the shares that are seen."""
    tf = load_tensorflow()
    share = draw.beta([count_of(batch.x)], amount)
    hole = box(batch.x, stretches(batch.x, 1.0 - share), draw)
    x = tf.where(hole, batch.x[::-1], batch.x)
    return _mixed(batch, x, 1.0 - tf.reduce_mean(tf.cast(hole, tf.float32), axis=[1, 2, 3]))


def _mixed(batch: Batch, x: Any, share: Any) -> Batch:
    """Return a batch of mixed samples with the labels that go with them.

    A cross-entropy is linear in the labels, so that ``share`` of one loss and the rest of another,
    each by its own weight, are the loss of one mixed label by one weight.

    Args:
        batch: before. x: mixed samples.
        share: (n,) of each sample in its mixture.
    """
    tf = load_tensorflow()
    y = tf.cast(batch.y, tf.float32)
    if batch.weights is None:
        return Batch(x, _blend(y, share))
    weights = tf.cast(batch.weights, tf.float32)
    own, other = share * weights, (1.0 - share) * weights[::-1]
    whole = own + other
    return Batch(x, _blend(y, tf.where(whole > 0, own / tf.maximum(whole, 1e-30), 1.0)), whole)


def _blend(y: Any, share: Any) -> Any:
    share = _like(share, y)
    return share * y + (1.0 - share) * y[::-1]


def _like(share: Any, values: Any) -> Any:
    """Return shares (n,) with as many axes as some values."""
    tf = load_tensorflow()
    return tf.reshape(share, [-1, *[1] * (values.shape.rank - 1)])
