"""What a result shows, as text and as HTML."""

from __future__ import annotations

import html
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Optional, Sequence, Tuple

from vaiopt.environment import has_module
from vaiopt.present.figure import Figure
from vaiopt.present.html import Markup, heading, join, note, table, tag, tiles
from vaiopt.present.table import Table
from vaiopt.text import aligned, fitting

TEXT_WIDTH = 120
"""Characters of a line of text where there is no terminal."""


# Grey with an opacity is legible on light and on dark pages alike; a notebook does not tell which
# it has. What is important is what Jupyter's own style sheet sets on every table and heading.
STYLE = """
.vaiopt { max-width: 1100px; padding: 0.4em 0; font-variant-numeric: tabular-nums; }
.vaiopt h3 { margin: 0.9em 0 0.3em !important; font-size: 1em !important; font-weight: 600 !important; }
.vaiopt h3:first-of-type { margin-top: 0.2em !important; font-size: 1.15em !important; }
.vaiopt .tiles { display: flex; flex-wrap: wrap; gap: 0.5em; margin: 0.3em 0 0.6em; }
.vaiopt .tile { background: rgba(128,128,128,0.12); border-radius: 8px; padding: 0.45em 0.8em; min-width: 8em; }
.vaiopt .tile dt, .vaiopt .tile dd { margin: 0; padding: 0; float: none; width: auto; display: block; font-weight: 400; }
.vaiopt .tile dt, .vaiopt .remark { font-size: 0.85em; opacity: 0.8; }
.vaiopt .tile dd.value { font-size: 1.25em; font-weight: 600; overflow-wrap: anywhere; }
.vaiopt .scroll { overflow: auto; max-height: 30em; margin: 0.3em 0; }
.vaiopt table { border-collapse: collapse; margin: 0 !important; font-size: 0.92em; }
.vaiopt th, .vaiopt td { padding: 0.25em 0.7em !important; white-space: nowrap; border-bottom: 1px solid rgba(128,128,128,0.3); }
.vaiopt th, .vaiopt td { text-align: left !important; } .vaiopt th.num, .vaiopt td.num { text-align: right !important; }
.vaiopt td.long { white-space: normal; min-width: 24em; }
.vaiopt tr.mark td { background: rgba(43,108,212,0.18); font-weight: 600; }
.vaiopt .note { border-left: 3px solid #c75c00; padding-left: 0.7em; margin: 0.5em 0; }
"""


@dataclass(frozen=True)
class Sheet:
    """What a result shows.

    Attributes:
        title: what it is.
        facts: key figures: (label, value, remark); those without a value are left out.
        tables: (heading, table); those without rows are left out.
        notes: what a person should know.
    """

    title: str
    facts: Sequence[Tuple[str, Optional[str], str]] = ()
    tables: Sequence[Tuple[str, Table]] = ()
    notes: Sequence[str] = ()

    def to_text(self) -> str:
        """Return it as lines of text."""
        width = shutil.get_terminal_size((TEXT_WIDTH, 0)).columns
        facts = [
            (plain(label), plain(value), plain(remark))
            for label, value, remark in self.facts
            if value is not None
        ]
        parts = (
            [self.title, aligned(("", "", ""), facts, (0, 1, 2), width)] if facts else [self.title]
        )
        for title, content in self.tables:
            if content.rows:
                parts.append("\n".join([title] * bool(title) + [_table_text(content, width)]))
        return "\n\n".join(parts + ["note: " + line for line in self.notes])

    def to_html(self) -> str:
        """Return it as HTML for a notebook's cell, its style included."""
        parts: List[Any] = [tag("style", Markup(STYLE)), heading(self.title), tiles(self.facts)]
        for title, content in self.tables:
            if content.rows:
                parts += [heading(title)] * bool(title) + [table(content)]
        return str(
            tag("div", join([*parts, *[note(line) for line in self.notes]]), class_="vaiopt")
        )


def _table_text(content: Table, width: int) -> str:
    """Return a table as text, without its last columns if they do not fit."""
    columns, rows = (
        [str(column) for column in content.columns],
        [[plain(cell) for cell in row] for row in content.rows],
    )
    count = fitting(columns, rows, width)
    left = [position for position in range(count) if position not in content.numeric]
    rest = ["and: {}".format(", ".join(columns[count:]))] if count < len(columns) else []
    return "\n".join([aligned(columns[:count], [row[:count] for row in rows], left, width), *rest])


def plain(value: Any) -> str:
    """Return a cell as text: a dash for none, HTML without its tags."""
    if value is None:
        return "-"
    return html.unescape(re.sub(r"<[^>]+>", "", value)) if isinstance(value, Markup) else str(value)


class View:
    """A result that shows itself."""

    def sheet(self) -> Sheet:
        """Return what it shows."""
        raise NotImplementedError

    def plots(self) -> List[Figure]:
        """Return the figures that stand under it."""
        return []

    def __repr__(self) -> str:
        return self.sheet().to_text()

    def _repr_html_(self) -> str:
        return self.sheet().to_html()

    def _ipython_display_(self) -> None:
        from IPython import get_ipython
        from IPython.display import display

        sheet = self.sheet()
        display({"text/plain": sheet.to_text(), "text/html": sheet.to_html()}, raw=True)
        # A terminal would open a browser's window for each figure.
        if hasattr(get_ipython(), "kernel"):
            for figure in self.plots():
                show(figure.to_plotly())


def show(figure: Any) -> None:
    """Display a plotly figure in a notebook; without nbformat, which plotly asks for, as HTML that
    holds all of plotly.js.
    """
    from IPython.display import HTML, display

    if has_module("nbformat"):
        display(figure)
    else:
        display(HTML(figure.to_html(full_html=False, include_plotlyjs=True)))


def _bytes(size: Any) -> str:
    if size is None:
        return ""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def _link(path: Path) -> Markup:
    """Return a link to a file: relative where it lies under the notebook's folder, which a notebook
    server can open, else absolute.
    """
    whole, here = path.resolve(), Path.cwd()
    target = whole.relative_to(here).as_posix() if here in whole.parents else whole.as_uri()
    return tag("a", str(path), href=target, target="_blank")
