"""A table of a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence, Tuple


@dataclass(frozen=True)
class Table:
    """A table: plain values, escaped when it is written.

    Attributes:
        columns: headings. rows: one list a row; ``None`` becomes a dash.
        numeric: positions of columns that are set flush right.
        name: stem of its CSV; empty if it is not exported.
        highlight: position of a row to set off, or -1.
        data: heading and rows of its CSV, where they are to hold more, or plainer numbers, than
            what is shown.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    numeric: Tuple[int, ...] = ()
    name: str = ""
    highlight: int = -1
    data: Sequence[Sequence[Any]] = ()
