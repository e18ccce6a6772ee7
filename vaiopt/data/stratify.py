"""Seeded draws that keep the classes in their shares, the same on every platform and numpy.

All randomness is ``numpy.random.RandomState(...).permutation``, whose stream numpy has frozen (NEP
19), one generator per class. All arithmetic that decides where a sample goes is on integers.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from vaiopt.errors import DataError

# Each purpose has its own stream, so that a limit and the split after it draw independently.
SPLIT, LIMIT, CALIBRATION = 1, 2, 3


def is_whole(value: Any, low: int, below: float = float("inf")) -> bool:
    """Return whether a value is a whole number in ``[low, below)``; true and false are not."""
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return is_integer and low <= int(value) < below


def check_seed(seed: int) -> int:
    """Return the seed, from 0 to 2**32 - 1 as numpy takes it. Raises :class:`DataError`."""
    if not is_whole(seed, 0, 2**32):
        raise DataError(f"seed is {seed!r}", "Give a whole number from 0 to 4294967295.")
    return int(seed)


def class_ranks(y: np.ndarray, seed: int, purpose: int) -> np.ndarray:
    """Return each sample's place, int64 from 0, in a seeded permutation of its class.

    A class's permutation depends on the seed, the class number and how many samples the class has,
    and on nothing else.
    """
    seed = check_seed(seed)
    ranks = np.empty(len(y), dtype=np.int64)
    by_class = np.argsort(y, kind="stable")
    numbers, starts = np.unique(y[by_class], return_index=True)
    for number, members in zip(numbers, np.split(by_class, starts[1:])):
        order = np.random.RandomState([purpose, seed, int(number)]).permutation(len(members))
        ranks[members[order]] = np.arange(len(members), dtype=np.int64)
    return ranks


def stratified_order(y: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Return all indices, int64, such that any first k of them hold every class in its share
    (within one sample or so).

    A sample of rank r in a class of n stands at (r + 1/2) / n of the way; ties go by class number.
    """
    counts = np.bincount(y)[y]
    return np.lexsort((y, (2 * ranks + 1) / (2 * counts))).astype(np.int64)


def stratified_subset(y: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Return ``size`` sorted indices, int64, stratified by ``y``; nested for one seed."""
    return np.sort(stratified_order(y, class_ranks(y, seed, LIMIT))[:size])


def calibration_indices(y: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Draw calibration samples with every class equally often.

    Args:
        y: class numbers of the training part, (N,).
        size: how many; all are taken if there are no more. Where a class has too few, the others
            fill up.
        seed: decides which.

    Returns:
        Positions in ``y``, int64, one class after the other in turn, so that every batch is
        balanced too.

    Raises:
        DataError: ``size`` is not a whole number from 1.
    """
    if not is_whole(size, 1):
        raise DataError(
            f"the calibration size is {size!r}",
            "Give how many samples to calibrate with: quantize.calibration_size = 200.",
        )
    y = np.asarray(y)
    return np.lexsort((y, class_ranks(y, seed, CALIBRATION)))[: int(size)].astype(np.int64)


def count_below(threshold: Fraction, count: int) -> int:
    """Return how many ranks r below ``count`` have (r + 1/2) / count below ``threshold``."""
    doubled = 2 * threshold.denominator
    below = -((threshold.denominator - 2 * threshold.numerator * count) // doubled)
    return max(0, min(count, below))
