"""Tables as text, and what is told line by line."""

from __future__ import annotations

import re
from typing import Any, Callable, Iterable, Optional, Sequence

Progress = Callable[[str], None]
"""Told one line at a time what happens."""


def silent(line: str) -> None:
    """Drop a line of progress."""


def without_password(url: str) -> str:
    """Return a database URL as it may be shown."""
    url = re.sub(r"(//[^:@/]*|^[^:@/]*):(?!//).*@", r"\1:***@", url)
    return re.sub(r"([?&](?:password|passwd)=)[^&]*", r"\1***", url)


def aligned(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    left: Sequence[int] = (0,),
    width: Optional[int] = None,
) -> str:
    """Return rows under their headings, aligned: ``left`` columns to the left, the others to the
    right.

    Args:
        columns: headings; where all are empty there is none.
        rows: the cells.
        left: positions of columns.
        width: characters of a line, beyond which cells wrap; None: that of the terminal.
    """
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE, pad_edge=False, header_style="bold", show_header=any(columns))
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index in left else "right", overflow="fold")
    for row in rows:
        table.add_row(*[str(cell) for cell in row])
    # In a notebook rich would print HTML by itself.
    console = Console(highlight=False, markup=False, width=width, force_jupyter=False)
    with console.capture() as printed:
        console.print(table)
    return "\n".join(line.rstrip() for line in printed.get().splitlines()).strip("\n")


def fitting(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> int:
    """Return how many of the first columns fit into ``width`` characters if headings and sentences
    wrap between words only.
    """
    used = 0
    for position, column in enumerate(columns):
        words = [
            word for text in [column, *[row[position] for row in rows]] for word in text.split()
        ]
        used += max([len(word) for word in words], default=1) + 3
        if used > width:
            return max(1, position)
    return len(columns)
