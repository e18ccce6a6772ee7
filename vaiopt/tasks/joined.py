"""What belongs to several outputs of the same samples, as one array: labels, or a model's outputs.

It is a structured array (n,) with a field for each output, by its name. So it is sliced, taken by
indices, put together and hashed as any array of labels is, and nobody else need know of it.
"""

from __future__ import annotations

from collections import abc
from typing import Any, Callable, Dict, Mapping, Sequence, Tuple

import numpy as np


def joined(parts: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return arrays (n, ...) of the same samples, by the names of outputs, as one array (n,)."""
    first = next(iter(parts.values()))
    fields: Any = [(name, array.dtype, array.shape[1:]) for name, array in parts.items()]
    found = np.empty(len(first), np.dtype(fields))
    for name, array in parts.items():
        found[name] = array
    return found


def outputs_in(array: Any) -> Tuple[str, ...]:
    """Return the names of the outputs that an array is joined of; () for a plain one."""
    return tuple(getattr(getattr(array, "dtype", None), "names", None) or ())


def parts_of(array: np.ndarray) -> Dict[str, np.ndarray]:
    """Return the arrays (n, ...) that an array is joined of, by the names of their outputs."""
    return {name: np.ascontiguousarray(array[name]) for name in outputs_in(array)}


def mapped(function: Callable[[np.ndarray, str], np.ndarray], array: np.ndarray) -> np.ndarray:
    """Return what a function makes of an array, or of each that it is joined of.

    Args:
        function: of an array (n, ...) and the name of its output, "" of a plain one.
    """
    parts = parts_of(array)
    if not parts:
        return function(array, "")
    return joined({name: function(part, name) for name, part in parts.items()})


def is_finite(array: np.ndarray) -> bool:
    """Return whether all numbers of an array are finite, joined or not."""
    parts = parts_of(array) or {"": array}
    return all(bool(np.isfinite(part).all()) for part in parts.values())


def as_said(outputs: Any, names: Sequence[str]) -> np.ndarray:
    """Return what a Keras model gave: one array (n, ...), or those of several outputs joined.

    Args:
        outputs: an array, a list of them in the order of the model's outputs, or a dictionary.
        names: of the outputs, in that order; a single one does not matter.
    """
    if isinstance(outputs, abc.Mapping):
        outputs = [outputs[name] for name in names]
    if not isinstance(outputs, (list, tuple)):
        return np.asarray(outputs)
    arrays = [np.asarray(output) for output in outputs]
    return arrays[0] if len(arrays) == 1 else joined(dict(zip(names, arrays)))


def plain_or_parts(array: Any) -> Any:
    """Return an array as it is, or a dictionary of those that it is joined of."""
    return parts_of(array) if outputs_in(array) else array
