"""Small pieces of HTML. Everything that is not :class:`Markup` is escaped."""

from __future__ import annotations

import html
import re
from typing import Any, Optional, Sequence, Tuple

from vaiopt.present.table import Table
from vaiopt.text import printable

_LONG = 36
"""Characters of a cell that is a sentence."""
_WORDY = 10
"""Letters of a word that a tile has room for in large letters."""
_TALL = 25
"""Rows of a table that scrolls by itself."""
_FEW_ROWS, _SEVERAL_COLUMNS = 8, 3
"""A table of so few rows with more columns than that is set as one card a row where there is no
room to see it whole."""


_WITHIN_KEYS = re.compile(r"(?<=[^\W\d_][._])(?=[^\W_])")
"""Where a key such as ``versions.tensorflow`` or ``batch_size`` may break: between its words."""


class Markup(str):
    """Text that is HTML already."""


def escape(value: Any) -> str:
    """Return a value as HTML: :class:`Markup` as it is, ``None`` as a dash, anything else
    escaped and made printable.
    """
    if isinstance(value, Markup):
        return str(value)
    return "–" if value is None else html.escape(printable(str(value), keep="\n\t"))


def tag(name: str, content: Any = "", **attributes: Any) -> Markup:
    """Return an element; ``class_`` is written ``class``, an attribute that is ``None`` is left
    out.
    """
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{shown}>{escape(content)}</{name}>")


def join(parts: Sequence[Any], between: str = "") -> Markup:
    """Return parts one after another, those that are not :class:`Markup` escaped."""
    return Markup(between.join(escape(part) for part in parts))


def breakable(value: Any) -> Any:
    """Return a text as markup in which long keys break between their words alone; any other value
    as it is, and paths: what is looked for in a page is found in one piece.
    """
    words = value.split(" ") if isinstance(value, str) and not isinstance(value, Markup) else []
    if all(len(word) <= _WORDY or "/" in word for word in words):
        return value
    return join([word if "/" in word else _broken(word) for word in words], " ")


def _broken(word: str) -> Markup:
    return join(_WITHIN_KEYS.split(word) if len(word) > _WORDY else [word], "<wbr>")


def paragraph(*parts: Any) -> Markup:
    """Return a paragraph."""
    return tag("p", join(parts, " "))


def heading(title: str) -> Markup:
    """Return a heading within a section."""
    return tag("h3", title)


def chip(status: str) -> Markup:
    """Return a trial's status as a small label."""
    return tag("span", status, class_="chip chip-" + "".join(c for c in status if c.isalpha()))


def note(*parts: Any) -> Markup:
    """Return a remark that is set off."""
    return tag("p", join(parts, " "), class_="note")


def to_do(what: str, command: str) -> Markup:
    """Return what is not there yet, and the command that makes it."""
    return tag("div", join([tag("p", what), tag("pre", tag("code", command))]), class_="todo")


def details(summary: str, content: Markup) -> Markup:
    """Return a part that opens on demand."""
    return tag("details", join([tag("summary", summary), content]))


def tiles(items: Sequence[Tuple[str, Optional[str], Any]]) -> Markup:
    """Return key figures: (label, value, remark); those without a value are left out."""

    def tile(label: str, value: str, remark: Any) -> Markup:
        wordy = any(len(word) > _WORDY for word in str(value).split())
        kind = "value wordy" if wordy else "value"
        shown = [tag("dt", label), tag("dd", value, class_=kind)]
        return tag("div", join([*shown, tag("dd", remark or "", class_="remark")]), class_="tile")

    cells = [tile(label, value, remark) for label, value, remark in items if value is not None]
    return tag("dl", join(cells), class_="tiles")


def table(content: Table) -> Markup:
    """Return a table that scrolls sideways when it is too wide; a click on a heading sorts by
    it.
    """
    numeric = [
        "num" if position in content.numeric else None for position in range(len(content.columns))
    ]

    several = len(content.columns) > _SEVERAL_COLUMNS and any(map(str, content.columns))
    is_few = several and len(content.rows) <= _FEW_ROWS

    def cell(position: int, value: Any) -> Markup:
        is_long = len(str(value)) > _LONG and not isinstance(value, Markup)
        named = position or numeric[position]  # a number alone would not tell what it is
        label = content.columns[position] if is_few and named else None
        kinds = [numeric[position] or "long" * is_long, "none" * (is_few and value is None)]
        return tag(
            "td", breakable(value), class_=" ".join(filter(None, kinds)) or None, data_label=label
        )

    titles = [
        tag("th", c, scope="col", class_=n) if str(c) else tag("td", "")
        for c, n in zip(content.columns, numeric)
    ]
    head = tag("thead", tag("tr", join(titles))) if any(map(str, content.columns)) else ""
    rows = [
        tag(
            "tr",
            join([cell(position, value) for position, value in enumerate(row)]),
            class_="mark" if place == content.highlight else None,
        )
        for place, row in enumerate(content.rows)
    ]
    narrow = "narrow" if len(content.columns) <= _SEVERAL_COLUMNS else None
    whole = tag("table", join([head, tag("tbody", join(rows))]), class_="few" if is_few else narrow)
    # Focusable, so that a keyboard can scroll it.
    kind = "scroll tall" if len(content.rows) > _TALL else "scroll"
    return tag("div", whole, class_=kind, tabindex="0")
