"""Small pieces of HTML. Everything that is not :class:`Markup` is escaped."""

from __future__ import annotations

import html
from typing import Any, Optional, Sequence, Tuple

from vaiopt.present.table import Table

_LONG = 36


class Markup(str):
    """Text that is HTML already."""


def escape(value: Any) -> str:
    """Return a value as HTML: :class:`Markup` as it is, ``None`` as a dash, anything else
    escaped.
    """
    if isinstance(value, Markup):
        return str(value)
    return "–" if value is None else html.escape(str(value))


def tag(name: str, content: Any = "", **attributes: Any) -> Markup:
    """Return an element; ``class_`` is written ``class``, an attribute that is ``None`` is left
    out.
    """
    shown = [
        '{}="{}"'.format(key.rstrip("_").replace("_", "-"), escape(value))
        for key, value in attributes.items()
        if value is not None
    ]
    return Markup("<{}>{}</{}>".format(" ".join([name] + shown), escape(content), name))


def join(parts: Sequence[Any], between: str = "") -> Markup:
    """Return parts one after another, those that are not :class:`Markup` escaped."""
    return Markup(between.join(escape(part) for part in parts))


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
    cells = [
        tag(
            "div",
            join(
                [
                    tag("dt", label),
                    tag("dd", value, class_="value"),
                    tag("dd", remark or "", class_="remark"),
                ]
            ),
            class_="tile",
        )
        for label, value, remark in items
        if value is not None
    ]
    return tag("dl", join(cells), class_="tiles")


def table(content: Table) -> Markup:
    """Return a table that scrolls sideways when it is too wide; a click on a heading sorts by
    it.
    """

    def cell(name: str, position: int, value: Any) -> Markup:
        kind = (
            "num"
            if position in content.numeric
            else "long"
            if len(str(value)) > _LONG and not isinstance(value, Markup)
            else None
        )
        return tag(name, value, class_=kind)

    titled = any(str(column) for column in content.columns)
    head = tag(
        "tr",
        join(
            [
                tag("th", c, scope="col", class_="num" if i in content.numeric else None)
                for i, c in enumerate(content.columns)
            ]
        ),
    )
    rows = [
        tag(
            "tr",
            join([cell("td", i, value) for i, value in enumerate(row)]),
            class_="mark" if k == content.highlight else None,
        )
        for k, row in enumerate(content.rows)
    ]
    # Focusable, so that a keyboard can scroll it.
    return tag(
        "div",
        tag("table", join([tag("thead", head) if titled else "", tag("tbody", join(rows))])),
        class_="scroll tall" if len(content.rows) > 25 else "scroll",
        tabindex="0",
    )
