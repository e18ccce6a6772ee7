"""Columns of a table as the numbers that a model reads: texts one-hot coded, gaps filled.

It is done once, when the data are loaded, and from all rows of the source, so that host, later
stages and kit have the same numbers; what was done stands in ``data.json``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from vaiopt import memory
from vaiopt.errors import DataError
from vaiopt.record import Record, part

Cells = Sequence[Union[None, float, str]]
"""A column: numbers or texts, None for a gap."""

MOST_TEXTS = 50
"""Different texts of a column that are one-hot coded; more are names, dates or free text."""

NUMBER, TEXT = "number", "text"


@dataclass(frozen=True)
class Column(Record):
    """How a column was turned into numbers.

    Attributes:
        name: of the column.
        kind: ``number`` (one feature) or ``text`` (one of 0 or 1 for each of ``values``).
        fill: what stands for gaps: the median, or the most frequent text; None if there were none.
        values: the texts, in the order of their features.
    """

    name: str = part()
    kind: str = part(choices=(NUMBER, TEXT))
    fill: Union[None, float, str] = part(None)
    values: Tuple[str, ...] = part(())


class Encoded(NamedTuple):
    """A table as numbers.

    Attributes:
        x: float32 (N, F).
        feature_names: of the F features; ``column=text`` of one-hot coded ones.
        columns: how each column was turned into them.
        notes: what a person should know of it, a line each.
    """

    x: np.ndarray
    feature_names: Tuple[str, ...]
    columns: Tuple[Column, ...]
    notes: Tuple[str, ...]


def encode(columns: Mapping[str, Cells], where: str) -> Encoded:
    """Return the columns of a table as numbers.

    Args:
        columns: by name, all of one length of at least 1.
        where: what holds them, in messages.

    Raises:
        DataError: a column holds nothing but gaps, numbers and texts, an infinite number or too
            many texts; or all of them are too large for the memory.
    """
    features: List[np.ndarray] = []
    names: List[str] = []
    done: List[Column] = []
    filled: List[str] = []
    rows = max(len(cells) for cells in columns.values())
    for name, cells in columns.items():
        column = _column(name, cells, where)
        done.append(column)
        if column.fill is not None:
            gaps = sum(cell is None for cell in cells)
            shown = f"{column.fill:g}" if isinstance(column.fill, float) else f"'{column.fill}'"
            filled.append(f"{name} ({gaps}, with {shown})")
        reason = memory.shortage(4 * rows * (len(features) + max(1, len(column.values))))
        if reason:
            raise DataError(f"{where} does not fit into memory: {reason}", "Use fewer columns.")
        whole = [column.fill if cell is None else cell for cell in cells]
        if column.kind == NUMBER:
            with np.errstate(over="ignore"):
                features.append(np.asarray(whole, dtype=np.float64).astype(np.float32))
            names.append(name)
        else:
            array = np.asarray(whole)
            features += [(array == value).astype(np.float32) for value in column.values]
            names += [f"{name}={value}" for value in column.values]
    notes = [f"gaps of {where} are filled: {_few(filled)}"] if filled else []
    coded = [f"{c.name} ({len(c.values)})" for c in done if c.kind == TEXT]
    if coded:
        notes.append(f"texts of {where} are one-hot coded: {_few(coded)}")
    return Encoded(np.stack(features, axis=1), tuple(names), tuple(done), tuple(notes))


def _few(items: Sequence[str], most: int = 8) -> str:
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")


def _column(name: str, cells: Cells, where: str) -> Column:
    """Return how a column is turned into numbers. Raises DataError: it cannot be."""
    known = [cell for cell in cells if cell is not None]
    has_gaps = len(known) < len(cells)
    if not known:
        raise DataError(f"column '{name}' of {where} holds nothing but gaps", "Remove it.")
    numbers = [cell for cell in known if not isinstance(cell, str)]
    if len(numbers) == len(known):
        if not all(map(math.isfinite, numbers)):
            raise DataError(f"column '{name}' of {where} holds an infinite number", "Mend it.")
        return Column(name, NUMBER, float(np.median(numbers)) if has_gaps else None)
    texts = [str(cell) for cell in known]
    if numbers:
        raise DataError(
            f"column '{name}' of {where} holds numbers and texts ('{texts[0]}')",
            "Make all its cells numbers or all texts; leave cells empty where nothing is known.",
        )
    counts: Dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    if len(counts) > MOST_TEXTS:
        raise DataError(
            f"column '{name}' of {where} holds {len(counts)} different texts (such as"
            f" '{texts[0][:40]}'); at most {MOST_TEXTS} are coded",
            "Remove the column if it is a name, a number of something or free text; or make numbers"
            " or few groups of it.",
        )
    values = tuple(sorted(counts))
    fill: Optional[str] = max(values, key=lambda v: counts[v]) if has_gaps else None
    return Column(name, TEXT, fill, values)
