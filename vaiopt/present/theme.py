"""Colours of the report, once: page and figures draw from the same two palettes, light and dark.

A figure names its colours by token (``@blue``, ``@scale``); :func:`resolve` puts one palette's
values in their place. The page does the same in JavaScript when the reader's system, or the reader,
switches between light and dark, so every figure is stored once.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Sequence

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

PALETTES: Dict[str, Dict[str, Any]] = json.loads(
    (Path(__file__).parent / "assets" / "palettes.json").read_text(encoding="utf-8")
)
LIGHT, DARK = PALETTES["light"], PALETTES["dark"]

CELL_STEPS = 100
"""Text on a heat map's cell has one of this many tokens and one more, by the cell's place on its
colour scale; see :func:`on_cell`.
"""

STATUS_COLOURS = {
    "complete": "@blue",
    "pruned": "@orange",
    "infeasible": "@grey",
    "outdated": "@grey",
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
            key: (_colour if str(key).endswith(_COLOUR_KEYS) else resolve)(item, palette)
            for key, item in value.items()
        }
    return [resolve(item, palette) for item in value] if isinstance(value, list) else value


def _colour(value: Any, palette: Dict[str, Any]) -> Any:
    if isinstance(value, str) and value.startswith("@"):
        return palette[value[1:]]
    return [_colour(item, palette) for item in value] if isinstance(value, list) else value


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
            pairs = [(int(first[k : k + 2], 16), int(second[k : k + 2], 16)) for k in (1, 3, 5)]
            mixed = [int(round(start * (1 - part) + end * part)) for start, end in pairs]
            return "#{:02x}{:02x}{:02x}".format(*mixed)
    return str(stops[-1][1])


def _cell_colours(palette: Dict[str, Any]) -> Dict[str, str]:
    """Return, for each step of the scales that carry text, black or white: whichever contrasts more
    (always 4.58 or better).
    """
    found = {}
    for scale in ("scale", "diverging"):
        for step in range(CELL_STEPS + 1):
            cell = scale_colour(palette[scale], step / CELL_STEPS)
            more = contrast("#000000", cell) >= contrast("#ffffff", cell)
            found[f"on_{scale}_{step}"] = "#000000" if more else "#ffffff"
    return found


for _palette in PALETTES.values():
    _palette.update(_cell_colours(_palette))
