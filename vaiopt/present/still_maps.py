"""Heat maps and parallel coordinates as still SVG images."""

from __future__ import annotations

import html
import math
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from vaiopt.present import svg
from vaiopt.present.svg import BOTTOM, GREY, HEIGHT, LEFT, LONGEST_NAME, MOST_NAMES, RIGHT, TOP
from vaiopt.present.svg import WIDTH as WHOLE
from vaiopt.present.theme import scale_colour

SCALE_ROOM = 74
"""Pixels at the right for what the colours of a heat map mean."""
SIDES, UPPER, LOWER = (46, 56), 100, HEIGHT - 24
"""Pixels beside the axes of parallel coordinates, and where these begin and end."""
MOST_LINES = 400
"""Lines of parallel coordinates that are drawn, evenly spaced."""

LETTER = 6.5
"""Pixels of a letter of a name."""


def heat_map(trace: Mapping[str, Any], layout: Mapping[str, Any]) -> str:
    """Return a heat map; empty if it has no cells, or a scale of plotly's own.

    Args:
        trace: plotly's. layout: of its figure; the numbers in the cells are its annotations.
    """
    rows = [list(row) for row in trace.get("z") or ()]
    known = [v for row in rows for v in row if v is not None and math.isfinite(v)]
    if not known or not isinstance(trace.get("colorscale"), (list, tuple)):
        return ""
    low, high = trace.get("zmin", min(known)), trace.get("zmax", max(known))
    room = SCALE_ROOM if trace.get("showscale", True) else 0
    wide = (WHOLE - RIGHT - room - LEFT) / len(rows[0])
    tall = (HEIGHT - BOTTOM - TOP) / len(rows)
    falls = layout.get("yaxis", {}).get("autorange") == "reversed"
    ink = svg.colour(layout.get("font", {}).get("color"), "#222222")

    def corner(column: float, row: float) -> Tuple[float, float]:
        """Return the upper left corner of a cell."""
        return LEFT + column * wide, TOP + (row if falls else len(rows) - 1 - row) * tall

    parts = [*svg.start(layout, ink)]
    for j, row in enumerate(rows):
        for i, value in enumerate(row):
            if value is not None and math.isfinite(value):
                x, y = corner(i, j)
                fill = _on_scale(trace, (value - low) / ((high - low) or 1.0))
                size = f'width="{max(wide - 1, 0.5):.1f}" height="{max(tall - 1, 0.5):.1f}"'
                parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{fill}"/>')
    for note in layout.get("annotations") or ():
        x, y = corner(note["x"], note["y"])
        said, shade = html.unescape(str(note["text"])), svg.colour(note["font"]["color"], ink)
        parts.append(svg.text(x + wide / 2, y + tall / 2 + 4, said, shade, "middle"))
    for place, said in _names(trace.get("x"), layout.get("xaxis", {}), len(rows[0]), wide):
        x = corner(place, 0)[0] + wide / 2
        parts.append(svg.text(x, HEIGHT - BOTTOM + 16, said, ink, "middle"))
    for place, said in _names(trace.get("y"), layout.get("yaxis", {}), len(rows), LEFT):
        parts.append(svg.text(LEFT - 6, corner(0, place)[1] + tall / 2 + 4, said, ink, "end"))
    return "".join([*parts, *(_scale(trace, low, high, ink) if room else ()), "</svg>"])


def _on_scale(trace: Mapping[str, Any], place: float) -> str:
    place = 1 - place if trace.get("reversescale") else place
    return scale_colour(trace["colorscale"], min(1.0, max(0.0, place)))


def _names(
    values: Any, axis: Mapping[str, Any], count: int, room: float
) -> List[Tuple[float, str]]:
    """Return what stands at the cells of an axis: its marks, among the numbers of the cells, or
    the names of some cells, each in so many pixels of room.
    """
    given = list(values if values is not None else range(count))
    marks, texts = axis.get("tickvals"), axis.get("ticktext")
    if marks and texts and all(isinstance(value, (int, float)) for value in given):
        placed = ((_between(given, mark), said) for mark, said in zip(marks, texts))
        found = [(place, said) for place, said in placed if place is not None]
        return [(place, _shown(said, LONGEST_NAME)) for place, said in found]
    step = -(-count // MOST_NAMES)
    most = min(LONGEST_NAME, max(2, int(step * room / LETTER)))
    return [(i, _shown(given[i], most)) for i in range(0, count, step)]


def _shown(name: Any, most: int) -> str:
    return svg.short(html.unescape(str(name)), most)


def _between(values: Sequence[float], mark: float) -> Optional[float]:
    """Return where a number lies among those of the cells, counted in cells; None outside."""
    for i, (one, other) in enumerate(zip(values, values[1:])):
        if one <= mark <= other and other > one:
            return i + (mark - one) / (other - one)
    return 0.0 if list(values) == [mark] else None


def _scale(trace: Mapping[str, Any], low: float, high: float, ink: str) -> List[str]:
    """Return what the colours mean: a bar with its ends."""
    x, tall, steps = WHOLE - RIGHT - SCALE_ROOM + 14, HEIGHT - BOTTOM - TOP, 40
    parts = []
    for step in range(steps):
        fill = _on_scale(trace, 1 - (step + 0.5) / steps)
        y = TOP + step * tall / steps
        size = f'width="12" height="{tall / steps + 0.5:.1f}"'
        parts.append(f'<rect x="{x}" y="{y:.1f}" {size} fill="{fill}"/>')
    as_share = str(trace.get("colorbar", {}).get("tickformat", "")).endswith("%")
    for value, y in ((high, TOP + 10), (low, TOP + tall)):
        said = f"{100 * value:.3g} %" if as_share else f"{value:.3g}"
        parts.append(svg.text(x + 16, y, said, ink))
    return parts


def parallel_axes(trace: Mapping[str, Any], layout: Mapping[str, Any]) -> str:
    """Return parallel coordinates: a line for each trial through its place at every axis; empty
    with fewer than two axes, or a scale of plotly's own.
    """
    axes = list(trace.get("dimensions") or ())
    count = min((len(axis["values"]) for axis in axes), default=0)
    own_scale = isinstance((trace.get("line") or {}).get("colorscale"), (list, tuple))
    if len(axes) < 2 or not count or not own_scale:
        return ""
    step = (WHOLE - SIDES[0] - SIDES[1]) / (len(axes) - 1)
    across = [SIDES[0] + k * step for k in range(len(axes))]
    ink = svg.colour(layout.get("font", {}).get("color"), "#222222")
    line, shades = trace["line"], trace["line"]["color"]
    low, high = min(shades), max(shades)
    few = min(count, MOST_LINES)
    drawn = [i * count // few for i in range(few)]
    better = -1 if line.get("reversescale") else 1
    parts = [*svg.start(layout, ink)]
    for i in sorted(drawn, key=lambda i: better * shades[i]):  # the best in front
        fill = _on_scale(line, (shades[i] - low) / (high - low) if high > low else 1.0)
        places = [(x, _height(axis, axis["values"][i])) for x, axis in zip(across, axes)]
        path = " L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path d="M{path}" fill="none" stroke="{fill}" stroke-opacity="0.8"/>')
    ground = svg.colour(layout.get("paper_bgcolor"), "#ffffff")
    for k, (x, axis) in enumerate(zip(across, axes)):
        ends = f'x1="{x:.1f}" y1="{UPPER}" x2="{x:.1f}" y2="{LOWER}"'
        parts.append(f'<line {ends} stroke="{GREY}"/>')
        # Neighbours stand at two heights, so that long names do not meet.
        name = _shown(axis["label"], LONGEST_NAME)
        parts.append(svg.text(x, UPPER - (28 if k % 2 else 10), name, ink, "middle"))
        parts += _ticks(axis, x + 3, ink, ground)
    return "".join([*parts, "</svg>"])


def _height(axis: Mapping[str, Any], value: float) -> float:
    """Return how far from the top a value stands at an axis, in pixels."""
    low, high = min(axis["values"]), max(axis["values"])
    return LOWER - ((value - low) / (high - low) if high > low else 0.5) * (LOWER - UPPER)


def _ticks(axis: Mapping[str, Any], x: float, ink: str, ground: str) -> List[str]:
    """Return the marks of an axis, set off from the lines that they stand among."""
    halo = f'<text paint-order="stroke" stroke="{ground}" stroke-width="3" '
    found = []
    for mark, said in zip(axis["tickvals"], axis["ticktext"]):
        y = _height(axis, mark) + 4
        if UPPER - 4 <= y <= LOWER + 14:
            shown = svg.text(x, y, _shown(said, LONGEST_NAME // 2 + 1), ink)
            found.append(shown.replace("<text ", halo, 1))
    return found
