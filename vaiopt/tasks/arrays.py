"""Arrays from what a person gives as samples or labels."""

from __future__ import annotations

import warnings
from typing import Any, Sequence, Tuple

import numpy as np

from vaiopt.errors import DataError


def as_array(values: Any, label: str) -> np.ndarray:
    """Return ``numpy.asarray(values)``; rows of different lengths become a :class:`DataError` on
    every numpy.
    """
    try:
        with warnings.catch_warnings():
            # numpy before 1.24 warns and makes an object array of ragged rows; the check of the
            # type refuses that.
            warnings.simplefilter("ignore")
            return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{label} cannot be made into one array ({error})",
            "Give all samples the same shape and a numeric type.",
        ) from error


def as_numbers(values: Any, label: str) -> np.ndarray:
    """Return labels (N, ...) as an array of real numbers that float32 has.

    Raises:
        DataError: they are none, or one is missing, infinite or too large.
    """
    array = as_array(values, label)
    if array.ndim == 0 or array.size == 0:
        raise DataError(f"{label} is empty", "Give one label per sample.")
    if array.dtype.kind in "OUS":  # texts of numbers, as a reader of .csv files gives them
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"{label} holds no numbers ({error})", "Give numbers.") from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"{label} holds no numbers (dtype {array.dtype})", "Give numbers.")
    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore", over="ignore"):
            fits = np.isfinite(array.astype(np.float32))
        if not fits.all():
            place = int(np.argmin(fits.reshape(len(array), -1).all(axis=1)))
            raise DataError(
                f"{label} holds NaN, infinity or a number too large for float32: the first in"
                f" sample {place} (counted from 0)",
                "Leave such samples out.",
            )
    return array


def output_names(names: Any, count: int, label: str, what: str, default: Any) -> Tuple[str, ...]:
    """Return the names of a model's outputs.

    Args:
        names: as a person gave them, or None.
        count: how many there must be.
        label: whose they are, for messages.
        what: what they name, such as ``quantities``.
        default: the names where none are given.

    Raises:
        DataError: there are not as many different ones.
    """
    if names is None:
        return tuple(map(str, default))
    given = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in names]
    if len(given) != count or len(set(given)) != count or not all(n.strip() for n in given):
        raise DataError(
            f"{label} is of {count} {what}, and the names are {given[:10]}",
            f"Give {count} different names (classes), or none.",
        )
    return tuple(given)


def columns(sets: Sequence[np.ndarray], labels: Sequence[str], what: str) -> int:
    """Return how many columns the labels (n, columns) of all sets have.

    Args:
        sets: of labels. labels: what each is called in messages. what: a column stands for.

    Raises:
        DataError: they have not as many each.
    """
    count = int(sets[0].shape[1])
    for array, label in zip(sets, labels):
        if array.shape[1] != count:
            raise DataError(
                f"{labels[0]} holds {count} {what} a sample, {label} {array.shape[1]}",
                f"Give all sets the same {what}.",
            )
    return count
