"""Samples in the shape in which a model takes them.

A model of series (time, channels) is quantized as one of images of one column, (time, 1, channels):
:mod:`vaiopt.network.series`. Its samples stay series everywhere else; the column is put in here.
"""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple, Union

import numpy as np

Arrays = Union[np.ndarray, Sequence[np.ndarray]]


def in_shape(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Return samples (N, ...) in a shape (without N) that differs by axes of length 1 only; as they
    are where it differs otherwise.
    """
    wanted, given = tuple(shape), tuple(array.shape[1:])
    if wanted == given or _without_ones(wanted) != _without_ones(given):
        return array
    return array.reshape(len(array), *wanted)


def fed(model: Any, x: Arrays) -> Any:
    """Return what a Keras model is fed: an array, or a list of them for several inputs.

    Args:
        model: functional.
        x: samples first; one array, or one per input of the model; or rows (n, values) of the
            values of all inputs, one after the other.
    """
    arrays = list(x) if isinstance(x, (list, tuple)) else taken_apart(np.asarray(x), _shapes(model))
    found: List[np.ndarray] = [
        in_shape(np.asarray(array), tuple(tensor.shape)[1:])
        for array, tensor in zip(arrays, model.inputs)
    ]
    return found[0] if len(model.inputs) == 1 else found


def taken_apart(rows: np.ndarray, shapes: Sequence[Sequence[int]]) -> List[np.ndarray]:
    """Return rows (n, values) as an array (n, ...) of each shape, one after the other; of one shape
    the array itself.
    """
    if len(shapes) == 1:
        return [rows]
    sizes = [int(np.prod(shape, dtype=np.int64)) for shape in shapes]
    parts = np.split(rows, np.cumsum(sizes)[:-1], axis=1)
    return [part.reshape(len(rows), *shape) for part, shape in zip(parts, shapes)]


def _shapes(model: Any) -> List[Tuple[int, ...]]:
    return [tuple(tensor.shape)[1:] for tensor in model.inputs]


def _without_ones(shape: Tuple[int, ...]) -> Tuple[int, ...]:
    return tuple(length for length in shape if length != 1)
