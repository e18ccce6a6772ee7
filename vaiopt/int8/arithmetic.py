"""The DPU's numbers: signed 8 bit, symmetric, one power-of-two scale per tensor.

A tensor's *fix position* ``p`` says that the integer ``q`` in -128..127 stands for ``q * 2**-p``.
Weights and biases are rounded half to even, inputs and activations half up, ``floor(x + 0.5)``.
Both happen in float32, as the vendor's quantizer does them, so that the same real number becomes
the same integer. Sources: the release sources of vai-q-tensorflow2 1.4 to 3.5, and networks
recorded from them.
"""

from __future__ import annotations

import math
from typing import Optional, Tuple

import numpy as np

BITS = 8
"""Width of every quantized tensor."""

QMIN, QMAX = -128, 127
"""Range of the integers."""

CANDIDATES = 5
"""How many positions are tried, from the first that does not overflow upwards, when the squared
error decides.
"""

ZERO_POSITION = 51
"""The position of a tensor that is all zero: ``floor(-log2(2**-52))`` in float32, where 2**-52
guards the logarithm.
"""

SIGMOID_MULTIPLIER, SIGMOID_SHIFT = 2731, 14
"""The DPU's sigmoid is ``clip(x + 3, 0, 6) * 2731 / 2**14``, 1/6 in 14 bits."""

LEAKY_ALPHA = 26.0 / 256.0
"""The DPU's leaky ReLU, used for a slope of 0.1; no other slope exists on it."""

_AVERAGE_TABLE = {3: (7, 6), 5: (10, 8), 6: (7, 8), 7: (21, 10), 14: (21, 12)}
"""Sum multipliers ``K / 2**n`` of square average pooling, by size, that are not the closest ones
(the DPU's own table).
"""

LARGEST_SQUARE = 8
"""Largest side of a square that a rectangle, which covers the whole input, is averaged as."""

_AVERAGE_LARGEST = 255
"""Above this size the average is not approximated."""


def quantize_weights(values: np.ndarray, position: int) -> np.ndarray:
    """Return the int8 integers of weights or biases at a fix position: half to even, saturated."""
    scaled = np.asarray(values, np.float32) * np.float32(2.0**position)
    return np.clip(np.rint(scaled), QMIN, QMAX).astype(np.int8)


def quantize_activations(values: np.ndarray, position: int) -> np.ndarray:
    """Return the int8 integers of an input or activation at a fix position: half up, saturated."""
    scaled = np.asarray(values, np.float32) * np.float32(2.0**position)
    return np.clip(np.floor(scaled + np.float32(0.5)), QMIN, QMAX).astype(np.int8)


def dequantize(integers: np.ndarray, position: int) -> np.ndarray:
    """Return the float32 values that integers at a fix position stand for (exact)."""
    return np.asarray(integers, np.float32) * np.float32(2.0**-position)


def non_overflow_position(values: np.ndarray) -> int:
    """Return the largest position at which no value saturates: ``floor(-log2(max(|min| / 128, max /
    127)))`` in float32.

    The steps are those of the vendor's graph after TensorFlow has optimized it: divisions by
    constants are products with their reciprocals. At a few powers of two their rounding costs one
    position (a largest weight of -2**-6 has 12, not 13), and it does in the vendor's too.

    Raises:
        ValueError: the array is empty or has a value that is not finite.
    """
    array = np.asarray(values, np.float32)
    if array.size == 0:
        raise ValueError("a position cannot be chosen for an empty array")
    low, high = np.float32(array.min()), np.float32(array.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("a position cannot be chosen for values that are not finite")
    one, ratio = np.float32(1), np.float32(-127.0 / 128.0)
    low, high = min(low, np.float32(high * (one / ratio))), max(high, np.float32(low * ratio))
    scale = max(
        low / np.float32(QMIN), np.float32(high * (one / np.float32(QMAX))), np.float32(2.0**-52)
    )
    return int(np.floor(np.float32(-math.log(scale)) * (one / np.float32(math.log(2.0)))))


def candidate_positions(values: np.ndarray) -> Tuple[int, ...]:
    """Return the positions that are tried for weights and activations."""
    first = non_overflow_position(values)
    return tuple(range(first, first + CANDIDATES))


def min_error_position(values: np.ndarray, half_up: bool) -> int:
    """Return the candidate with the smallest sum of squared errors, the first of equals.

    This is the reference in float64; the backends sum in float32 with TensorFlow, as the vendor
    does, which can only decide otherwise where two candidates are equally good within float32.

    Args:
        values: weights, or one calibration batch of an activation.
        half_up: round as activations do, else as weights.
    """
    array = np.asarray(values, np.float32)
    quantize = quantize_activations if half_up else quantize_weights
    candidates = candidate_positions(array)
    errors = [
        float(np.sum((array - dequantize(quantize(array, p), p)).astype(np.float64) ** 2))
        for p in candidates
    ]
    return candidates[int(np.argmin(errors))]


def levels_used(low: float, high: float, position: int) -> int:
    """Return how many of the 256 integers an input in ``[low, high]`` can take at a position."""
    first, last = quantize_activations(np.array([low, high]), position)
    return int(last) - int(first) + 1


def average_multiplier(height: int, width: int, is_global: bool) -> Optional[Tuple[int, int]]:
    """Return ``(K, n)`` with which the DPU averages a window: ``sum * K / 2**n``; None where the
    plain mean is kept.

    A rectangular window is averaged as the smallest square that both sides divide, if it covers the
    whole input and that square is at most 8; other rectangles of a global average pooling take the
    closest; other rectangular windows are not approximated.

    Args:
        height, width: of the window.
        is_global: the window is the whole input, of an average pooling or a global one.
    """
    if height != width and not is_global:
        return None
    square = square_side(height, width)
    if height == width or square > LARGEST_SQUARE:
        return window_multiplier(height, width)
    inner = window_multiplier(square, square)
    assert inner is not None  # for so small a square there is one
    return inner[0] * (square // height) * (square // width), inner[1]


def square_side(height: int, width: int) -> int:
    """Return the side of the smallest square that both sides of a window divide."""
    return height * width // math.gcd(height, width)


def window_multiplier(height: int, width: int) -> Optional[Tuple[int, int]]:
    """Return ``(K, n)`` for a window by its own area: of a table for some squares, else the closest
    ``K / 2**n`` with ``n < 7 + ceil(log2(area))``; None for a side over 255.
    """
    if height > _AVERAGE_LARGEST or width > _AVERAGE_LARGEST:
        return None
    if height == width and height in _AVERAGE_TABLE:
        return _AVERAGE_TABLE[height]
    area = np.float32(height * width)
    count = 7 + int(math.ceil(np.log(area) / np.log(np.float32(2.0))))
    powers = np.float32(2.0) ** np.arange(count, dtype=np.float32)
    multipliers = np.rint(powers / area)
    best = int(np.argmin(np.abs(multipliers / powers - np.float32(1.0) / area)))
    return int(multipliers[best]), best
