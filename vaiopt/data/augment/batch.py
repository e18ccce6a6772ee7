"""What operations of augmentation work on: a batch, what is known of its samples, and chance."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, NamedTuple, Tuple

import numpy as np

from vaiopt.data.preprocessing import Preprocessing
from vaiopt.keras import load_tensorflow
from vaiopt.tasks import Task

IMAGE, SIGNAL, TABLE = "image", "signal", "table"


class Batch(NamedTuple):
    """Tensors of a batch.

    Attributes:
        x: preprocessed samples, float32: images (n, H, W, C), signals as images of one column or
            row, tables (n, F).
        y: labels (n, ...), as the loss wants them.
        weights: how much each counts in the loss, (n,), or (n, H, W) of masks; None for all alike.
    """

    x: Any
    y: Any
    weights: Any = None


@dataclass(frozen=True, eq=False)
class Frame:
    """What is known of samples before they are seen.

    Attributes:
        kind: :data:`IMAGE`, :data:`SIGNAL` (one side is 1) or :data:`TABLE`.
        shape: of a sample, (H, W, C), (T, C) or (F,).
        low, high: the ends of the range of preprocessed values, float32: (C,), or () for all.
        task: what is learned.
    """

    kind: str
    shape: Tuple[int, ...]
    low: np.ndarray
    high: np.ndarray
    task: Task

    @property
    def span(self) -> np.ndarray:
        """How wide the range of values is, (C,) or ()."""
        return np.asarray(self.high - self.low)

    def clipped(self, x: Any) -> Any:
        """Return samples with values beyond the range at its ends: what is learned from keeps the
        range that data have when they are quantized.
        """
        return load_tensorflow().clip_by_value(x, self.low, self.high)


def frame_of(preprocessing: Preprocessing, task: Task) -> Frame:
    """Return what is known of samples of a preprocessing."""
    low, high = _ends(preprocessing)
    shape = tuple(preprocessing.shape)
    return Frame(_kind(shape), shape, low, high, task)


def _kind(shape: Tuple[int, ...]) -> str:
    if len(shape) == 1:
        return TABLE
    return SIGNAL if len(shape) == 2 or 1 in shape[:2] else IMAGE


def _ends(preprocessing: Preprocessing) -> Tuple[np.ndarray, np.ndarray]:
    """Return lowest and highest value, of each channel where channels are scaled by themselves.

    The record has the lowest of all channels. All raw channels have one range, so its end is the
    raw value that takes no channel below that.
    """
    low, high = (np.float32(end) for end in preprocessing.input_range)
    offset, scale = (np.asarray(v, np.float64) for v in (preprocessing.offset, preprocessing.scale))
    if len(preprocessing.shape) == 1 or offset.ndim == scale.ndim == 0:
        return np.asarray(low), np.asarray(high)
    raw_low, raw_high = np.max(low * scale + offset), np.min(high * scale + offset)
    ends = ((raw - offset) / scale for raw in (raw_low, raw_high))
    first, last = (np.clip(end, low, high).astype(np.float32) for end in ends)
    return first, last


class Draw:
    """Random numbers that an operation asks for: the same for the same seeds, whatever else is
    drawn.

    Args:
        seed: of the training, below 2**32.
        number: of the batch, an int64 tensor.
        name: of the operation.
    """

    def __init__(self, seed: int, number: Any, name: str) -> None:
        self._first = (seed << 30) ^ zlib.crc32(name.encode("ascii"))
        self._number = number
        self._count = 0

    def _seed(self) -> Any:
        tf = load_tensorflow()
        self._count += 1
        return tf.stack([tf.constant(self._first + self._count, tf.int64), self._number])

    def uniform(self, shape: Any, low: float = 0.0, high: float = 1.0) -> Any:
        """Return float32 numbers from low to high."""
        tf = load_tensorflow()
        return tf.random.stateless_uniform(shape, self._seed(), low, high)

    def normal(self, shape: Any) -> Any:
        """Return float32 numbers of deviation 1."""
        return load_tensorflow().random.stateless_normal(shape, self._seed())

    def beta(self, shape: Any, alpha: float) -> Any:
        """Return float32 numbers (n,) of Beta(alpha, alpha), from 0 to 1."""
        tf = load_tensorflow()
        one, other = (
            tf.random.stateless_gamma(shape, self._seed(), alpha, dtype=tf.float64)
            for _ in range(2)
        )
        whole = one + other  # a small alpha gives numbers that are 0 in floating point
        share = tf.where(whole > 0, one / tf.maximum(whole, np.finfo(np.float64).tiny), 1.0)
        return tf.cast(share, tf.float32)


def counted(weights: Any, places: Any) -> Any:
    """Return the weights of pixels (n, H, W), float32: 0 but at some places (n, H, W), there those
    of before, which may be None or of whole samples (n,).
    """
    tf = load_tensorflow()
    at_places = tf.cast(places, tf.float32)
    if weights is None:
        return at_places
    weights = tf.cast(weights, tf.float32)
    return at_places * (weights[:, None, None] if weights.shape.rank == 1 else weights)


def count_of(x: Any) -> Any:
    """Return how many samples a batch has, as a tensor."""
    return load_tensorflow().shape(x)[0]
