"""Colours of the report, once: page and figures draw from the same two palettes, light and dark.

A figure names its colours by token (``@blue``, ``@scale``); :func:`resolve` puts one palette's
values in their place. The page does the same in JavaScript when the reader's system, or the reader,
switches between light and dark, so every figure is stored once.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

LIGHT: Dict[str, Any] = {
    "page": "#f4f6f8",
    "card": "#ffffff",
    "sunken": "#eef1f4",
    "ink": "#17202b",
    "muted": "#556172",
    "line": "#dde2e8",
    "accent": "#1d5bbf",
    "good": "#0b6e4f",
    "warn": "#8f4b00",
    "bad": "#b3261e",
    "blue": "#2b6cd4",
    "orange": "#c75c00",
    "teal": "#0b8577",
    "rose": "#c0326b",
    "grey": "#8592a3",
    "faint": "rgba(85,97,114,0.28)",
    "band": "rgba(43,108,212,0.16)",
    "scale": [[0.0, "#f3f6fb"], [0.35, "#b3ccf2"], [0.7, "#4a84dc"], [1.0, "#123f8c"]],
    "rank": [[0.0, "#c3ccd8"], [0.5, "#6a9be6"], [1.0, "#0f3f94"]],
    "diverging": [[0.0, "#b4530a"], [0.5, "#f6f7f9"], [1.0, "#1d5bbf"]],
}

DARK: Dict[str, Any] = {
    "page": "#0d1117",
    "card": "#161c24",
    "sunken": "#1e2530",
    "ink": "#e7ecf2",
    "muted": "#a0adbc",
    "line": "#2b3441",
    "accent": "#82b4ff",
    "good": "#5fd3a6",
    "warn": "#f2b05e",
    "bad": "#ff8f86",
    "blue": "#6ea6ff",
    "orange": "#f09a4a",
    "teal": "#3fc4b2",
    "rose": "#f07fae",
    "grey": "#7f8c9d",
    "faint": "rgba(160,173,188,0.26)",
    "band": "rgba(110,166,255,0.20)",
    "scale": [[0.0, "#1b2330"], [0.35, "#27487c"], [0.7, "#4c86dd"], [1.0, "#b5d2ff"]],
    "rank": [[0.0, "#3b4757"], [0.5, "#4f86d8"], [1.0, "#cfe1ff"]],
    "diverging": [[0.0, "#e08a3c"], [0.5, "#1e2530"], [1.0, "#6ea6ff"]],
}

PALETTES = {"light": LIGHT, "dark": DARK}

CELL_STEPS = 100
"""Text on a heat map's cell has one of this many tokens and one more, by the cell's place on its
colour scale; see :func:`on_cell`.
"""

STATUS_COLOURS = {
    "complete": "@blue",
    "pruned": "@orange",
    "infeasible": "@grey",
    "failed": "@bad",
    "running": "@teal",
    "interrupted": "@rose",
}
"""Colour token of each trial status."""

_COLOUR_KEYS = ("color", "colors", "colorscale")


def resolve(value: Any, palette: Dict[str, Any]) -> Any:
    """Return a copy of a figure's parts with every colour token replaced.

    Only values under keys that hold colours are looked at, so that a class or hyperparameter named
    ``@blue`` stays what it is.
    """
    if isinstance(value, dict):
        return {
            key: (
                _colour(item, palette)
                if str(key).endswith(_COLOUR_KEYS)
                else resolve(item, palette)
            )
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [resolve(item, palette) for item in value]
    return value


def _colour(value: Any, palette: Dict[str, Any]) -> Any:
    if isinstance(value, str) and value.startswith("@"):
        return palette[value[1:]]
    if isinstance(value, list):
        return [_colour(item, palette) for item in value]
    return value


def css_variables(palette: Dict[str, Any]) -> str:
    """Return the palette's plain colours as CSS custom properties."""
    return "".join(
        f"--{name}:{value};"
        for name, value in palette.items()
        if isinstance(value, str) and not name.startswith("on_")
    )


def contrast(foreground: str, background: str) -> float:
    """Return the contrast ratio of two ``#rrggbb`` colours, 1 to 21 (WCAG 2.1, relative
    luminance).
    """
    first, second = _luminance(foreground), _luminance(background)
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)


def _luminance(colour: str) -> float:
    channels: List[float] = []
    for start in (1, 3, 5):
        part = int(colour[start : start + 2], 16) / 255.0
        channels.append(part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4)
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def on_cell(scale: str, place: float) -> str:
    """Return the token of the text colour for a cell at ``place`` (0 to 1) of the colour scale
    ``scale``.
    """
    return f"@on_{scale}_{int(round(min(1.0, max(0.0, place)) * CELL_STEPS))}"


def scale_colour(stops: Sequence[Sequence[Any]], place: float) -> str:
    """Return the colour at ``place`` (0 to 1) of a colour scale, interpolated as plotly does."""
    for (low, first), (high, second) in zip(stops, stops[1:]):
        if place <= high:
            part = (place - low) / (high - low)
            mixed = [
                int(
                    round(
                        int(first[k : k + 2], 16) * (1 - part) + int(second[k : k + 2], 16) * part
                    )
                )
                for k in (1, 3, 5)
            ]
            return "#{:02x}{:02x}{:02x}".format(*mixed)
    return str(stops[-1][1])


def _add_cell_colours(palette: Dict[str, Any]) -> None:
    """Add, for each step of the scales that carry text, black or white: whichever contrasts more
    (always 4.58 or better).
    """
    for scale in ("scale", "diverging"):
        for step in range(CELL_STEPS + 1):
            cell = scale_colour(palette[scale], step / CELL_STEPS)
            palette[f"on_{scale}_{step}"] = max(
                ("#000000", "#ffffff"), key=lambda c: contrast(c, cell)
            )


for _palette in PALETTES.values():
    _add_cell_colours(_palette)
