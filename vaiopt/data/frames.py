"""Data frames, of pandas or what is like it, as arrays. Neither needs to be installed."""

from __future__ import annotations

import numbers
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from vaiopt.data.table import Column, encode
from vaiopt.errors import DataError

GAP_TYPES = ("NAType", "NaTType")
"""pandas' own gaps, besides None and NaN."""


def is_frame(x: Any) -> bool:
    """Return whether something is a table with named columns."""
    return hasattr(x, "columns") and hasattr(x, "to_numpy") and hasattr(x, "__getitem__")


class Frames:
    """The samples of all sets of a dataset, of which each was a data frame, as arrays.

    Attributes:
        arrays: of each set.
        feature_names, columns, notes: as those of :class:`vaiopt.data.table.Encoded`.
    """

    def __init__(self, samples: Sequence[Any], where: str) -> None:
        self.feature_names: Tuple[str, ...] = ()
        self.columns: Tuple[Column, ...] = ()
        self.notes: Tuple[str, ...] = ()
        self.arrays: List[Any] = list(samples)
        if not any(map(is_frame, samples)):
            return
        names = _names(samples, where)
        arrays = [_plain_array(frame) for frame in samples]
        if all(array is not None for array in arrays):
            self.feature_names, self.arrays = tuple(names), list(arrays)
            return
        cells: Dict[str, List[Union[None, float, str]]] = {name: [] for name in names}
        for frame in samples:
            for name, key in zip(names, frame.columns):
                cells[name] += [_cell(cell, name, where) for cell in _values(frame[key])]
        found = encode(cells, where)
        self.feature_names, self.columns = found.feature_names, found.columns
        self.notes = found.notes
        ends = np.cumsum([len(frame) for frame in samples])[:-1]
        self.arrays = list(np.split(found.x, ends))


def _names(frames: Sequence[Any], where: str) -> List[str]:
    """Return the names of the columns, which are the same in all frames."""
    if not all(map(is_frame, frames)):
        raise DataError(
            f"the sets of {where} are data frames and arrays", "Give all of them in one form."
        )
    found = [[str(name) for name in frame.columns] for frame in frames]
    if any(names != found[0] for names in found) or len(set(found[0])) < len(found[0]):
        raise DataError(
            f"the columns of {where} are not the same in all sets, or one is there twice",
            "Give all sets the same columns in the same order, each once.",
        )
    return found[0]


def _plain_array(frame: Any) -> Optional[np.ndarray]:
    """Return the array of a frame of numbers without gaps, which is taken as any other array is;
    None for another frame.
    """
    try:
        array = np.asarray(frame)
    except (TypeError, ValueError):
        return None
    is_whole = array.dtype.kind in "biu"
    return array if is_whole or (array.dtype.kind == "f" and not np.isnan(array).any()) else None


def _values(column: Any) -> List[Any]:
    return list(column.tolist() if hasattr(column, "tolist") else column.to_list())


def _cell(cell: Any, name: str, where: str) -> Union[None, float, str]:
    """Return a cell as a number or a text, None for a gap. Raises DataError: it is neither."""
    if cell is None or type(cell).__name__ in GAP_TYPES:
        return None
    if isinstance(cell, str):
        return cell
    if isinstance(cell, (bool, np.bool_, numbers.Real)):
        number = float(cell)
        return None if number != number else number
    raise DataError(
        f"column '{name}' of {where} holds a {type(cell).__name__}",
        "Make numbers or texts of it, or leave the column out.",
    )
