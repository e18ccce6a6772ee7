"""Pieces of a still SVG image, of one size for every kind of figure."""

from __future__ import annotations

import html
import re
from typing import Any, Mapping, Sequence

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 116, 16, 72, 52
"""Around what is drawn, for titles and the names at the axes; in pixels."""
MOST_NAMES = 14
LONGEST_NAME = 16
"""Characters of a name at an axis, or in the legend twice as many."""
GREY = "#888888"


def line(x: float, y: float, to_x: float, to_y: float) -> str:
    """Return a line of a grid."""
    return (
        f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="{GREY}"'
        ' stroke-opacity="0.3"/>'
    )


def text(x: float, y: float, said: str, ink: str, anchor: str = "start", size: int = 11) -> str:
    """Return a text, or nothing for none."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f'<text {place} fill="{ink}">{html.escape(said)}</text>' if said else ""


def title(layout: Mapping[str, Any]) -> str:
    """Return a title without the HTML that plotly reads in it."""
    title = layout.get("title") or {}
    said = title.get("text") if isinstance(title, Mapping) else title
    return html.unescape(re.sub(r"<[^>]*>", " ", str(said or "")))


def colour(value: Any, default: str, number: int = 0) -> str:
    """Return a colour, of a list that of one value; scales of numbers are not drawn."""
    if isinstance(value, (list, tuple)):
        value = value[number] if number < len(value) else None
    fits = isinstance(value, str) and re.fullmatch(r"#\w{3,8}|\w+|rgba?\([\d., %]+\)", value)
    return str(value) if fits else default


def short(said: str, most: int) -> str:
    """Return a text of so many characters at most."""
    return said if len(said) <= most else said[: most - 1] + "\u2026"


def start(layout: Mapping[str, Any], ink: str) -> Sequence[str]:
    """Return the beginning of an image: its size, its ground, and the titles of figure and axes."""
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    across = title(layout.get("xaxis", {}))
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">',
        f'<rect width="100%" height="100%" fill="{colour(layout.get("paper_bgcolor"), "#fff")}"/>',
        text(12, 20, title(layout), ink, size=15),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, across, ink, "middle"),
        text(12, TOP - 10, title(layout.get("yaxis", {})), ink),
    ]
