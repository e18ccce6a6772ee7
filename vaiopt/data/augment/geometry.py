"""Operations that move the pixels of an image: each is an affine map, all are done in one go.

A map says for each place of the new image where its pixel is taken from, in pixels from the middle:
``y' = m[0, 0] y + m[0, 1] x + m[0, 2]``, and ``x'`` by the second row. What lies outside of the old
image is taken from its edge, and does not count in a mask.
"""

from __future__ import annotations

import math
from typing import Any, Tuple

from vaiopt.data.augment.batch import Batch, Draw, Frame, count_of, counted
from vaiopt.keras import load_tensorflow

Map = Tuple[Any, ...]
"""Six numbers of each sample (n,): the first row of the matrix, then the second."""


def flip(x: Any, amount: float, draw: Draw) -> Map:
    """Mirror left to right, with a probability."""
    sign = _signs(x, amount, draw)
    return _map(x, x_x=sign)


def flip_vertical(x: Any, amount: float, draw: Draw) -> Map:
    """Mirror upside down, with a probability."""
    return _map(x, y_y=_signs(x, amount, draw))


def _signs(x: Any, amount: float, draw: Draw) -> Any:
    tf = load_tensorflow()
    return tf.where(draw.uniform([count_of(x)]) < amount, -1.0, 1.0)


def shift(x: Any, amount: float, draw: Draw) -> Map:
    """Move by whole pixels, at most a share of height and width: nothing is blurred."""
    tf = load_tensorflow()
    height, width = x.shape[1:3]
    y_1, x_1 = (
        tf.round(draw.uniform([count_of(x)], -amount * side, amount * side))
        for side in (height, width)
    )
    return _map(x, y_1=y_1, x_1=x_1)


def crop(x: Any, amount: float, draw: Draw) -> Map:
    """Move by whole pixels, as padding and cutting at random does."""
    tf = load_tensorflow()
    ends = -amount - 0.5, amount + 0.5  # each place equally likely
    y_1, x_1 = (
        tf.clip_by_value(tf.round(draw.uniform([count_of(x)], *ends)), -amount, amount)
        for _ in range(2)
    )
    return _map(x, y_1=y_1, x_1=x_1)


def rotation(x: Any, amount: float, draw: Draw) -> Map:
    """Turn by at most so many degrees, either way."""
    tf = load_tensorflow()
    angle = draw.uniform([count_of(x)], -math.radians(amount), math.radians(amount))
    cos, sin = tf.cos(angle), tf.sin(angle)
    return _map(x, y_y=cos, y_x=-sin, x_y=sin, x_x=cos)


def zoom(x: Any, amount: float, draw: Draw) -> Map:
    """Make larger or smaller by at most a share, without changing proportions."""
    factor = 1.0 / draw.uniform([count_of(x)], 1.0 - amount, 1.0 + amount)
    return _map(x, y_y=factor, x_x=factor)


def _map(
    x: Any,
    y_y: Any = 1.0,
    y_x: Any = 0.0,
    y_1: Any = 0.0,
    x_y: Any = 0.0,
    x_x: Any = 1.0,
    x_1: Any = 0.0,
) -> Map:
    tf = load_tensorflow()
    count = [count_of(x)]
    return tuple(tf.broadcast_to(number, count) for number in (y_y, y_x, y_1, x_y, x_x, x_1))


def after(first: Map, second: Map) -> Map:
    """Return the map of an image that is moved by the first, and then by the second."""
    a, b, c, d, e, f = first
    p, q, r, s, t, u = second
    return (
        *(a * p + b * s, a * q + b * t, a * r + b * u + c),
        *(d * p + e * s, d * q + e * t, d * r + e * u + f),
    )


def moved(batch: Batch, where: Map, frame: Frame, *, blends: bool, stays: bool) -> Batch:
    """Return a batch with all that lies over the samples moved alike.

    Args:
        batch: of images.
        where: what is done to each.
        frame: of the samples.
        blends: whether places lie between pixels, which are blended then; not those of masks.
        stays: whether no pixel comes from outside of its image.
    """
    x, inside = _taken(batch.x, where, blends)
    task = frame.task
    if not task.like_samples:
        return batch._replace(x=x)
    if task.smooth_labels:
        scale = [batch.y.shape[i] / batch.x.shape[i] for i in (1, 2)]
        return batch._replace(x=x, y=_taken(batch.y, _scaled(where, *scale), blends)[0])
    if batch.y.shape.rank == 4:
        y = _taken(batch.y, where, False)[0]
    else:
        y = _taken(batch.y[..., None], where, False)[0][..., 0]
    return Batch(x, y, _weights(batch.weights, where, None if stays else inside))


def _weights(weights: Any, where: Map, inside: Any) -> Any:
    """Return the weights of samples or pixels moved, 0 for pixels that were not inside of their
    image; None for all alike.
    """
    tf = load_tensorflow()
    if weights is not None:
        weights = tf.cast(weights, tf.float32)
        if any(length != 1 for length in weights.shape[1:]):  # they differ within a sample
            weights = _taken(weights[..., None], where, False)[0][..., 0]
    return weights if inside is None else counted(weights, inside)


def _scaled(where: Map, tall: float, wide: float) -> Map:
    """Return the map for images that are so many times as tall and as wide."""
    a, b, c, d, e, f = where
    return (a, b * (tall / wide), c * tall, d * (wide / tall), e, f * wide)


def _taken(values: Any, where: Map, blends: bool) -> Tuple[Any, Any]:
    """Return values (n, H, W, D) as a map takes them, and which places (n, H, W) were inside."""
    tf = load_tensorflow()
    height, width = values.shape[1:3]
    rows = tf.range(height, dtype=tf.float32)[None, :, None] - (height - 1) / 2
    columns = tf.range(width, dtype=tf.float32)[None, None, :] - (width - 1) / 2
    a, b, c, d, e, f = (number[:, None, None] for number in where)
    y = a * rows + b * columns + c + (height - 1) / 2
    x = d * rows + e * columns + f + (width - 1) / 2
    inside = (y >= -0.5) & (y <= height - 0.5) & (x >= -0.5) & (x <= width - 0.5)
    if not blends:
        return _at(values, tf.round(y), tf.round(x)), inside
    top, left = tf.floor(y), tf.floor(x)
    down, right = (y - top)[..., None], (x - left)[..., None]
    upper = _at(values, top, left) * (1 - right) + _at(values, top, left + 1) * right
    lower = _at(values, top + 1, left) * (1 - right) + _at(values, top + 1, left + 1) * right
    return upper * (1 - down) + lower * down, inside


def _at(values: Any, y: Any, x: Any) -> Any:
    """Return values (n, H, W, D) at whole places (n, H, W), those of the edge beyond it."""
    tf = load_tensorflow()
    height, width = values.shape[1:3]
    row = tf.cast(tf.clip_by_value(y, 0.0, height - 1.0), tf.int32)
    column = tf.cast(tf.clip_by_value(x, 0.0, width - 1.0), tf.int32)
    count, depth = count_of(values), values.shape[3]
    first = tf.range(count)[:, None, None] * (height * width)
    return tf.gather(tf.reshape(values, [-1, depth]), first + row * width + column)
