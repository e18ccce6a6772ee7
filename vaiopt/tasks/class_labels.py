"""Class numbers from labels as a person gives them."""

from __future__ import annotations

import unicodedata
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from vaiopt.errors import DataError, did_you_mean
from vaiopt.tasks.arrays import as_array
from vaiopt.tasks.task import Labels
from vaiopt.text import printable

MOST_CLASSES = 5000
"""A table of them by themselves, as an evaluation holds one, has 25 million numbers."""


def check_labels(
    arrays: Sequence[Any], labels: Sequence[str], classes: Optional[Sequence[Any]]
) -> Labels:
    """Return the class numbers of one to three sets of labels (train and given ones) and the class
    names.

    Accepted are class numbers (integers, or floats that are whole), one-hot rows, and names. Names
    that come without ``classes`` are numbered in sorted order; numbers that come without
    ``classes`` are their own names.

    Args:
        arrays: the labels of the training data, and of the given sets if there are any.
        labels: what each is called in messages.
        classes: the class names in the order of their numbers, or None.

    Returns:
        One int64 array (N,) per given array, and the class names.

    Raises:
        DataError: negative, fractional or missing labels, rows that are not one-hot, unknown names,
            fewer than two classes, or a class without a sample.
    """
    names = None if classes is None else _class_names(classes, labels[0])
    found = [_flatten(array, label) for array, label in zip(arrays, labels)]
    if any(array.dtype.kind == "U" for array in found):
        found, names = _number_names(found, labels, names)
    numbers = [_class_numbers(array, label) for array, label in zip(found, labels)]
    highest = max(int(array.max()) for array in numbers)
    if names is None:
        names = (
            tuple(str(i) for i in range(highest + 1)) if highest < sum(map(len, numbers)) else ()
        )
    if highest >= len(names):
        raise DataError(
            "{} holds class {}, but there are {}".format(
                labels[0],
                highest,
                f"{len(names)} class names" if names else "fewer samples than that",
            ),
            "Number the classes 0, 1, 2, … without gaps, and give as many names as there are"
            " classes.",
        )
    _check_present(numbers, labels[0], names)
    check_names(names, labels[0])
    return numbers, names


def check_names(names: Sequence[str], label: str) -> None:
    """Check that a person can tell classes by their names, and that they are not too many.

    Args:
        names: of the classes, different as texts.
        label: whose they are, for messages.

    Raises:
        DataError: two differ only in what is not seen, such as spaces or how an accent is written;
            one has nothing to be seen; or there are more than :data:`MOST_CLASSES`.
    """
    if len(names) > MOST_CLASSES:
        raise DataError(
            f"{label} has {len(names):,} classes; at most {MOST_CLASSES:,} are possible",
            "Is it the right folder or array? Give one class, or one folder, for each kind.",
        )
    seen: Dict[str, str] = {}
    for name in names:
        looks = _as_seen(name)
        if not looks:
            raise DataError(f"{label} has the class name {ascii(name)}", "Give it a name to read.")
        if looks in seen:
            raise DataError(
                f"the class names {ascii(seen[looks])} and {ascii(name)} of {label} look the same",
                "Rename one, or put their samples together.",
            )
        seen[looks] = name


def _as_seen(name: str) -> str:
    """Return a name without what does not show: its characters composed, no format characters (such
    as one of no width), single spaces.
    """
    text = unicodedata.normalize("NFC", printable(name))
    return " ".join("".join(c for c in text if unicodedata.category(c) != "Cf").split())


def _class_names(classes: Sequence[Any], label: str) -> Tuple[str, ...]:
    array = as_array(classes, f"the class names of {label}")
    names = tuple(_text(name) for name in array.tolist()) if array.ndim == 1 else ()
    if array.ndim != 1 or len(set(names)) != len(names) or not all(name.strip() for name in names):
        raise DataError(
            f"the class names of {label} are not a list of different names",
            "Give one name per class, in the order of the class numbers.",
        )
    return names


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _flatten(values: Any, label: str) -> np.ndarray:
    """Return labels with one axis: names as text, one-hot rows as their class."""
    array = as_array(values, label)
    if array.size == 0:
        raise DataError(f"{label} is empty", "Give one label per sample.")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2 and array.dtype.kind in "biuf":
        return _from_one_hot(array, label)
    if array.ndim != 1:
        raise DataError(
            f"{label} has {array.ndim} axes (shape {array.shape})",
            "Give one label per sample: shape (samples,).",
        )
    if array.dtype.kind == "S" or (
        array.dtype.kind == "O" and all(isinstance(v, (str, bytes)) for v in array)
    ):
        return np.asarray([_text(v) for v in array])
    if array.dtype.kind not in "biufU":
        raise DataError(
            f"{label} holds neither numbers nor names (dtype {array.dtype})",
            "Give class numbers (integers from 0), class names or one-hot rows.",
        )
    return array


def _from_one_hot(array: np.ndarray, label: str) -> np.ndarray:
    one_hot = np.logical_and(((array == 0) | (array == 1)).all(axis=1), array.sum(axis=1) == 1)
    if not one_hot.all():
        raise DataError(
            f"{label} has shape {array.shape} but row {int(np.argmin(one_hot))} is not one-hot",
            "Give one class number per sample, or rows with a single 1; for several labels a"
            " sample: --set task=multilabel",
        )
    return np.argmax(array, axis=1)


def _number_names(
    found: List[np.ndarray], labels: Sequence[str], names: Optional[Tuple[str, ...]]
) -> Labels:
    """Turn class names into class numbers."""
    if not all(array.dtype.kind == "U" for array in found):
        raise DataError(
            "{} are names in one and numbers in the other".format(" and ".join(labels)),
            "Give both in the same form.",
        )
    if names is None:
        names = tuple(sorted({str(v) for array in found for v in np.unique(array)}))
    number = {name: i for i, name in enumerate(names)}
    result = []
    for array, label in zip(found, labels):
        unique, inverse = np.unique(array, return_inverse=True)
        unknown = [str(v) for v in unique if str(v) not in number]
        if unknown:
            raise DataError(
                f"{label} holds the label '{unknown[0]}', which is not a class",
                did_you_mean(unknown[0], names),
            )
        result.append(
            np.asarray([number[str(v)] for v in unique], dtype=np.int64)[inverse.reshape(-1)]
        )
    return result, names


def _class_numbers(array: np.ndarray, label: str) -> np.ndarray:
    """Return whole numbers from 0 as int64."""
    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            whole = np.isfinite(array) & (np.floor(array) == array) & (np.abs(array) < 2**31)
        if not whole.all():
            raise DataError(
                f"{label} holds {array[int(np.argmin(whole))]}, which is not a class number",
                "Give class numbers (integers from 0); to predict a quantity: --set"
                " task=regression",
            )
    elif array.dtype.kind == "u" and int(array.max()) >= 2**31:
        raise DataError(
            f"{label} holds {int(array.max())}, which is not a class number",
            "Give integers from 0.",
        )
    numbers = array.astype(np.int64)
    if int(numbers.min()) < 0:
        raise DataError(
            f"{label} holds the negative label {int(numbers.min())}",
            "Number the classes 0, 1, 2, …, such as (y > 0).astype(int) of -1 and 1; or give names"
            " of classes: y.astype(str).",
        )
    return numbers


def _check_present(numbers: Sequence[np.ndarray], label: str, names: Sequence[str]) -> None:
    """Raise :class:`DataError` unless there are two classes or more and each has a sample."""
    if len(names) < 2:
        raise DataError(
            f"{label} holds a single class, '{names[0]}'", "Give samples of at least two classes."
        )
    counts = sum(np.bincount(array, minlength=len(names)) for array in numbers)
    missing = [i for i, count in enumerate(np.asarray(counts)) if count == 0]
    if missing:
        raise DataError(
            f"class {missing[0]} ('{names[missing[0]]}') of {label} has no sample",
            "Number the classes 0, 1, 2, … without gaps, give labels as names, or leave the class"
            " out.",
        )
