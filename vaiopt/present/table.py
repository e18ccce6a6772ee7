"""A table of a result, and how it is set as text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, List, Mapping, Sequence, Tuple

NARROW, LONG_WORD = 16, 24
"""Characters of a column that is made no narrower to make room for others, and of a word that is
not folded for that.
"""

GAP = 3
"""Characters between two columns."""


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
        aside: the column of sentences that few rows have: a terminal that is too narrow for the
            table has them below it.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    numeric: Tuple[int, ...] = ()
    name: str = ""
    highlight: int = -1
    data: Sequence[Sequence[Any]] = ()
    aside: str = ""

    def first(self, names: Sequence[str]) -> Table:
        """Return it with the columns of these names first, in this order, as far as it has them."""
        places = [self.columns.index(name) for name in names if name in self.columns]
        places += [place for place in range(len(self.columns)) if place not in places]
        return replace(
            self,
            columns=[self.columns[place] for place in places],
            rows=[[row[place] for place in places] for row in self.rows],
            numeric=tuple(places.index(place) for place in self.numeric),
        )


def whole_width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return the characters of a line that rows need to stand under their headings unfolded."""
    cells = zip(columns, *rows)
    return sum(max(map(len, column)) for column in cells) + GAP * (len(columns) - 1) + 2


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


def aligned(
    columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int], width: int
) -> str:
    """Return rows under their headings, aligned.

    Args:
        columns: headings; where all are empty there is none.
        rows: the cells.
        numeric: positions of columns that are set flush right.
        width: characters of a line, beyond which headings and cells wrap.
    """
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table as Grid

    widths = [max(map(len, cells)) for cells in zip(*rows)]
    headed = sum(max(len(c), w) for c, w in zip(columns, widths)) + GAP * (len(widths) - 1)
    grid = Grid(box=SIMPLE, pad_edge=False, header_style="bold", show_header=any(columns))
    for position, column in enumerate(columns):
        # Else a long heading would take the room that sentences need.
        is_long = headed > width and len(column) > widths[position]
        title = "\n".join(column.split()) if is_long else column
        side: Any = "right" if position in numeric else "left"
        grid.add_column(title, justify=side, overflow="fold")
    for row in rows:
        grid.add_row(*row)
    # In a notebook rich would print HTML by itself; a height keeps it from taking 80 columns for
    # TERM=dumb, whatever the width. The text has no colours, on a terminal either: what prints it
    # shows control characters as they are.
    console = Console(
        highlight=False,
        markup=False,
        width=width,
        height=len(rows),
        force_jupyter=False,
        color_system=None,
    )
    with console.capture() as printed:
        console.print(grid)
    return "\n".join(line.rstrip() for line in printed.get().splitlines()).strip("\n")


def fitting(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> int:
    """Return how many of the first columns fit into ``width`` characters, at least one, or all if
    they have no headings: headings wrap between words, cells at :data:`NARROW` characters or more,
    between words where these have no more than :data:`LONG_WORD`.
    """
    if not any(columns):
        return len(columns)
    used = 0
    for position, column in enumerate(columns):
        cells = [*column.split(), *(row[position] for row in rows)]
        longest = max((len(word) for cell in cells for word in cell.split()), default=1)
        used += max(min(NARROW, max(map(len, cells), default=1)), min(LONG_WORD, longest))
        if used > width:
            return max(1, position)
        used += GAP
    return len(columns)
