"""The arithmetic behind the operators: biases, factors and shapes that keep results exact."""

from __future__ import annotations

import math
from typing import Tuple

import numpy as np


def as_image(shape: Tuple[int, ...]) -> Tuple[int, int, int]:
    """Return a shape with the same channels and as many pixels, with height and width."""
    if len(shape) == 3:
        return (shape[0], shape[1], shape[2])
    return (1, int(np.prod(shape[:-1], dtype=np.int64)), shape[-1])


def shifted_bias(bias: np.ndarray, shift: int, cut: int) -> np.ndarray:
    """Return the bias on the accumulator's scale, int64, such that the rounded output is exact.

    Args:
        bias: int8.
        shift: accumulator position minus bias position. When it is negative the DPU keeps the
            fraction of the bias; because everything else in the sum is whole, its floor gives the
            same output once at least one more bit is cut off.
        cut: accumulator position minus output position, the bits that are cut off (half up).
    """
    values = bias.astype(np.int64)
    if shift >= 0:
        return values << shift
    fraction = np.ldexp(values.astype(np.float64), shift)
    return (np.floor(fraction) if cut > 0 else np.floor(fraction + 0.5)).astype(np.int64)


def is_power_of_two(scale: float) -> bool:
    """Tell whether a positive number is a power of two."""
    return math.frexp(scale)[0] == 0.5


def as_weight(factor: float) -> Tuple[int, float]:
    """Return (k, scale) with ``factor == k * scale``: k int8 and a power of two as scale, or else k
    = 1 and the factor itself.
    """
    mantissa, exponent = math.frexp(factor)
    for bits in range(1, 8):
        numerator = mantissa * 2**bits
        if numerator == int(numerator) and 0 < numerator <= 127:
            return int(numerator), 2.0 ** (exponent - bits)
    return 1, factor
