"""Which task labels are of, where nobody says: from ``y`` and the shape of ``x``."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from vaiopt.tasks.arrays import as_array
from vaiopt.tasks.task import UNSCORED

AUTO = "auto"

MOST_CLASSES = 20
"""Different whole numbers up to which they are taken for classes, whatever they are."""

FEW_EACH = 10
"""With more different numbers, classes have at least so many samples each."""

MOST_OF_A_MASK = 64
"""Whole numbers in images below which they are taken for masks; 255 besides."""


class Guess(NamedTuple):
    """A task, and by what it is told."""

    task: str
    why: str


def guess_task(x_shape: Sequence[int], y: Any, classes: Optional[Sequence[Any]] = None) -> Guess:
    """Return the task of samples of a shape ``(n, ...)`` and their labels, as a person gave them.

    What cannot be told apart is taken for classes, whose checks say what is wrong.

    Raises:
        DataError: ``y`` is no array.
    """
    y = as_array(y, "y")
    if y.dtype.kind == "O" and y.ndim == 1:
        y = _plain_numbers(y)
    if y.dtype.kind not in "biuf" or y.size == 0:
        return _of_names(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 1:
        return _of_numbers(y, classes)
    return _of_rows(y) if y.ndim == 2 else _of_images(tuple(x_shape), y)


def _of_names(y: np.ndarray) -> Guess:
    """Texts are names, but for many different ones that are broken numbers."""
    try:
        numbers = y.astype(np.float64).reshape(-1) if y.dtype.kind in "OUS" else np.empty(0)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    few = len(np.unique(numbers)) <= max(MOST_CLASSES, len(numbers) // FEW_EACH)
    with np.errstate(invalid="ignore"):
        if not few and (numbers % 1 != 0).any():
            return Guess("regression", "y holds texts of numbers that are not whole")
    return Guess("classification", "y holds names")


def _plain_numbers(y: np.ndarray) -> np.ndarray:
    try:
        return y if any(isinstance(v, (str, bytes)) for v in y) else y.astype(np.float64)
    except (TypeError, ValueError):
        return y


def _of_numbers(y: np.ndarray, classes: Optional[Sequence[Any]]) -> Guess:
    named = len(classes) if isinstance(classes, (list, tuple, np.ndarray)) else 0
    if named > 1:
        return Guess("classification", f"there are names of {named} classes")
    if y.dtype.kind == "f" and not np.array_equal(y, np.floor(y)):
        known = bool(np.isfinite(y).all())  # a gap is for the check of classes, or of quantities
        fraction = known or bool((y[np.isfinite(y)] % 1 != 0).any())
        return (
            Guess("regression", "y holds numbers that are not whole")
            if fraction
            else Guess("classification", "y holds whole numbers")
        )
    different = np.unique(y)
    few = len(different) <= MOST_CLASSES or len(different) * FEW_EACH <= len(y)
    numbered = float(different[0]) == 0.0 and float(different[-1]) == len(different) - 1
    if few or (numbered and 2 * len(different) <= len(y)):
        return Guess("classification", f"y holds {len(different)} different whole numbers")
    return Guess("regression", f"y holds {len(different):,} different numbers")


def _of_rows(y: np.ndarray) -> Guess:
    if not ((y == 0) | (y == 1)).all():
        return Guess("regression", f"y holds rows of {y.shape[1]} numbers")
    if (y.sum(axis=1) == 1).all():
        return Guess("classification", "y holds rows with a single 1")
    return Guess("multilabel", f"y holds rows of {y.shape[1]} zeros and ones")


def _of_images(x_shape: Tuple[int, ...], y: np.ndarray) -> Guess:
    over = len(x_shape) >= 3 and y.shape[1:3] == x_shape[1:3]
    channels = y.shape[3] if y.ndim == 4 else 1
    if y.ndim == 4 and channels > 1 and ((y == 0) | (y == 1)).all():
        if (y.sum(axis=3) == 1).all():
            return Guess("segmentation", f"y holds one-hot masks of {channels} classes")
    if over and channels == 1 and y.dtype.kind in "biu":
        different = np.unique(y)
        if (different[different != UNSCORED] < MOST_OF_A_MASK).all():
            return Guess("segmentation", f"y holds masks of {len(different)} different numbers")
    if y.ndim == 4 or len(x_shape) in (3, 4):
        return Guess("image_to_image", "y holds images")
    return Guess("classification", f"y has {y.ndim} axes")
