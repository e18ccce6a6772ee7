"""A table of a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Mapping, Sequence, Tuple


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


def flatten(content: Mapping[str, Any], prefix: str = "") -> List[List[Any]]:
    """Return nested values as (dotted key, value), long lists by their length only."""
    rows: List[List[Any]] = []
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            rows += flatten(value, name + ".")
        elif isinstance(value, (list, tuple)):
            few = ", ".join(map(str, value))
            rows.append([name, few if len(value) <= 6 else f"{len(value)} entries"])
        else:
            rows.append([name, f"{value:.6g}" if isinstance(value, float) else value])
    return rows
