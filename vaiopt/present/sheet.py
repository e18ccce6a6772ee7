"""What a result shows, as text and as HTML."""

from __future__ import annotations

import functools
import html
import re
import shutil
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from vaiopt.present.html import Markup, heading, join, note, table, tag, tiles
from vaiopt.present.table import Table, aligned, fitting, whole_width
from vaiopt.text import printable

TEXT_WIDTH = 120
"""Characters of a line of text where there is no terminal."""

MOST_NAMES = 5
"""Rows that are named before one sentence."""

Fact = Tuple[str, Optional[str], str]
"""A key figure: label, value, remark."""


@dataclass(frozen=True)
class Sheet:
    """What a result shows.

    Attributes:
        title: what it is.
        facts: key figures; those without a value are left out.
        tables: (heading, table); those without rows are left out.
        notes: what a person should know.
    """

    title: str
    facts: Sequence[Fact] = ()
    tables: Sequence[Tuple[str, Table]] = ()
    notes: Sequence[str] = ()

    def to_text(self, width: Optional[int] = None) -> str:
        """Return it as lines of text.

        Args:
            width: characters of a line, beyond which cells wrap and the last columns of a table are
                only named; None: that of the terminal.
        """
        width = width or shutil.get_terminal_size((TEXT_WIDTH, 0)).columns
        facts = [[plain(cell) for cell in fact] for fact in self.facts if fact[1] is not None]
        parts = [plain(self.title)] + [aligned(("", "", ""), facts, (), width)] * bool(facts)
        for title, content in self.tables:
            if content.rows:
                parts.append(
                    "\n".join([plain(title)] * bool(title) + [_table_text(content, width)])
                )
        notes = [
            textwrap.fill(f"note: {plain(line)}", width, subsequent_indent="  ")
            for line in self.notes
        ]
        return "\n\n".join([*parts, *["\n".join(notes)] * bool(notes)])

    def to_html(self) -> str:
        """Return it as HTML for a notebook's cell, its style included."""
        parts: List[Any] = [tag("style", Markup(_style())), heading(self.title), tiles(self.facts)]
        for title, content in self.tables:
            if content.rows:
                parts += [heading(title)] * bool(title) + [table(content)]
        return str(tag("div", join([*parts, *map(note, self.notes)]), class_="vaiopt"))


@functools.lru_cache(maxsize=None)
def _style() -> str:
    return (Path(__file__).parent / "assets" / "notebook.css").read_text(encoding="utf-8")


def _table_text(content: Table, width: int) -> str:
    """Return a table as text; columns at its end that do not fit are only named."""
    columns = [plain(column) for column in content.columns]
    rows = [[plain(cell) for cell in row] for row in content.rows]
    numeric, below = list(content.numeric), []
    if content.aside in columns and whole_width(columns, rows) > width:
        place = columns.index(content.aside)
        below = _set_below(columns, rows, place, width)
        columns, *rows = [[*row[:place], *row[place + 1 :]] for row in (columns, *rows)]
        numeric = [number - (number > place) for number in numeric if number != place]
    count = fitting(columns, rows, width)
    lines = [aligned(columns[:count], [row[:count] for row in rows], numeric, width)]
    if count < len(columns):
        lines += textwrap.wrap(f"and: {', '.join(columns[count:])}", width)
    return "\n".join([*lines, *below])


def _set_below(
    columns: Sequence[str], rows: Sequence[Sequence[str]], place: int, width: int
) -> List[str]:
    """Return the sentences of a column as lines, each with the first cells of the rows that have
    it.
    """
    found: Dict[str, List[str]] = {}
    for row in rows:
        if row[place] != "-":
            found.setdefault(row[place], []).append(row[0])
    lines = [columns[place]] * bool(found)
    for said, names in found.items():
        more = len(names) - MOST_NAMES
        few = ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
        lines += textwrap.wrap(f" {few}: {said}", width, subsequent_indent="   ")
    return lines


def plain(value: Any) -> str:
    """Return a cell as text that may be shown: a dash for none, HTML without its tags."""
    if value is None:
        return "-"
    is_html = isinstance(value, Markup)
    return printable(html.unescape(re.sub(r"<[^>]+>", "", value)) if is_html else str(value))


def link(path: Path) -> Markup:
    """Return a link to a file: relative where it lies under the notebook's folder, which a notebook
    server can open, else absolute.
    """
    whole, here = path.resolve(), Path.cwd()
    target = whole.relative_to(here).as_posix() if here in whole.parents else whole.as_uri()
    return tag("a", str(path), href=target, target="_blank")
