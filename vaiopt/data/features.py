"""Brings ``x`` into one of three forms, uint8 or float32: images (N, H, W, C), signals (N, time,
channels) or tables (N, F).
"""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from vaiopt.data.rows import Rows, rows_of_memmap
from vaiopt.errors import DataError
from vaiopt.tasks.arrays import as_array

CHANNELS_FIRST = (1, 3)
"""Sizes of axis 1 that, before a square plane, mean channels first: grey and RGB."""

MAPPED = 64 * 10**6
"""Bytes of a memory-mapped array from which on it is read batch by batch."""

SMALLEST_SIDE, LEAST_SIDE, MOST_TIMES = 4, 8, 2
"""Of an image of bytes or a square one, and of any other; how many times its shorter side its
longer one may be.
"""

KINDS = {
    **{"O": "Python objects", "U": "text", "S": "bytes", "c": "complex numbers"},
    **{"M": "dates", "m": "time spans", "V": "records"},
}
"""numpy's kinds of values that are no real numbers."""


def check_features(x: Any, label: str) -> Any:
    """Return ``x`` as uint8 or float32, of the shape it has: images (N, H, W, C), signals (N, time,
    channels) or grey images (N, H, W), tables (N, F).

    uint8 stays as it is, bool becomes uint8, every other integer or real type becomes float32.

    Args:
        x: an array, or what ``numpy.asarray`` makes one of.
        label: what the array is called in messages, such as ``x_train of 'data.npz'``.

    Raises:
        DataError: it is no array of numbers, has another number of axes, is empty, has the channels
            first, or holds NaN or infinity.
    """
    if isinstance(x, np.memmap) and x.ndim > 1 and x.nbytes > MAPPED:
        mapped = rows_of_memmap(x)
        x = x if mapped is None else mapped
    if isinstance(x, Rows):
        return _checked_rows(x, label)
    x = as_array(x, label)
    _check_shape(x, label)
    if x.dtype == np.uint8:
        x = np.ascontiguousarray(x)
    elif x.dtype == np.bool_:
        x = x.astype(np.uint8)
    elif np.issubdtype(x.dtype, np.integer):
        x = x.astype(np.float32)
    elif np.issubdtype(x.dtype, np.floating):
        x = _as_float32(x, label)
    else:
        raise _no_numbers(x, label)
    return x


def reshaped(x: Any, sample: Sequence[int]) -> Any:
    """Return samples, each in another shape with as many values."""
    if isinstance(x, Rows):
        return x.as_samples(x.dtype, tuple(sample))
    return x.reshape(-1, *sample)


def is_grey(x: Any) -> bool:
    """Tell whether samples of two axes look like grey images, not like signals (time, channels):
    whole images are square or nearly so, or of bytes, and have several pixels either way.
    """
    if x.ndim != 3:
        return False
    shorter, longer = sorted(x.shape[1:])
    if shorter < SMALLEST_SIDE:
        return False
    near = shorter >= LEAST_SIDE and longer <= MOST_TIMES * shorter
    return x.dtype == np.uint8 or shorter == longer or near


def _no_numbers(x: Any, label: str) -> DataError:
    kind = KINDS.get(x.dtype.kind, "something else")
    return DataError(
        f"{label} holds no numbers but {kind} (dtype {x.dtype})",
        "Give uint8, another integer type or float32: for example x.astype('float32').",
    )


def _checked_rows(x: Rows, label: str) -> Rows:
    """Return samples in a file in the same form, as :func:`check_features`; of those of a real type
    all are read once.
    """
    _check_shape(x, label)
    if x.dtype.kind not in "biuf":
        raise _no_numbers(x, label)
    is_small = x.dtype in (np.uint8, np.bool_)
    if x.dtype.kind == "f":
        start = 0
        for part in x.chunks():
            _as_float32(part, label, start)
            start += len(part)
    return x.as_samples(np.uint8 if is_small else np.float32, x.shape[1:])


def _check_shape(x: Any, label: str) -> None:
    """Raise :class:`DataError` unless the shape is that of samples that are vectors or images."""
    if x.ndim not in (2, 3, 4):
        raise DataError(
            f"{label} has {x.ndim} axes (shape {x.shape})",
            "Give (samples, features) for tables, (samples, time, channels) for signals, (samples,"
            " height, width) or (samples, height, width, channels) for images.",
        )
    if x.size == 0:
        raise DataError(
            f"{label} is empty (shape {x.shape})", "Give at least a few samples of every class."
        )
    if x.ndim == 4 and x.shape[1] in CHANNELS_FIRST and x.shape[2] == x.shape[3] and x.shape[3] > 4:
        raise DataError(
            f"{label} has its channels first (shape {x.shape})",
            "The DPU reads channels last: x.transpose(0, 2, 3, 1).",
        )


def _as_float32(x: np.ndarray, label: str, start: int = 0) -> np.ndarray:
    """Return contiguous float32; refuse NaN, infinity and what float32 cannot hold. ``start`` is
    the number of the first sample.
    """
    with np.errstate(over="ignore"):
        result = np.ascontiguousarray(x, dtype=np.float32)
    finite = np.isfinite(result)
    if not finite.all():
        where = tuple(int(i) for i in np.unravel_index(int(np.argmin(finite)), finite.shape))
        index = [where[0] + start, *where[1:]]
        raise DataError(
            f"{label} holds {x[where]} at index {index} ({int(finite.size - finite.sum())}"
            " such values in all)",
            "Remove or replace NaN, infinite and huge values (beyond 3.4e38): for example"
            " numpy.nan_to_num(x).",
        )
    return result
