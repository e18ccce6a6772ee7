"""A figure as a still SVG image, for places where plotly does not run: GitHub, a notebook made into
a page.

It draws what figures are: lines, points and bars over two axes here, heat maps and parallel
coordinates in :mod:`vaiopt.present.still_maps`. Of anything else there is no image.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from vaiopt.present import svg
from vaiopt.present.still_maps import heat_map, parallel_axes
from vaiopt.present.svg import (
    BOTTOM,
    GREY,
    HEIGHT,
    LEFT,
    LONGEST_NAME,
    MOST_NAMES,
    RIGHT,
    TOP,
    WIDTH,
)

DRAWN = ("scatter", "bar")
STILL = "image/svg+xml"
"""What a notebook calls such an image."""
ALONE = {"heatmap": heat_map, "parcoords": parallel_axes}
"""What draws a figure that is one trace of such a kind."""
TICKS = 6


@dataclass(frozen=True)
class Axis:
    """One axis: where values lie between 0 and 1.

    Attributes:
        names: of the rows of an axis of names; empty for one of numbers.
        low, high: ends; of a logarithmic axis their logarithms.
        is_log: whether it is logarithmic.
        is_reversed: whether it begins at the other end.
        as_share: whether its numbers are shown in percent.
        marks: values to mark and what stands beside them, where the figure says so.
    """

    names: Tuple[str, ...]
    low: float
    high: float
    is_log: bool = False
    is_reversed: bool = False
    as_share: bool = False
    marks: Tuple[Tuple[Any, str], ...] = ()

    def place(self, value: Any) -> Optional[float]:
        """Return where a value lies; None where it has no place."""
        number: Any = self.names.index(str(value)) if str(value) in self.names else value
        if self.names and number is value or not isinstance(number, (int, float)):
            return None
        if self.is_log:
            number = math.log10(number) if number > 0 else math.nan
        if not math.isfinite(number):
            return None
        share = (number - self.low) / (self.high - self.low)
        return 1 - share if self.is_reversed else share

    def ticks(self) -> List[Tuple[Any, str]]:
        """Return values to mark, and what stands beside them."""
        if self.marks:
            return [(value, svg.short(said, LONGEST_NAME)) for value, said in self.marks]
        if self.names:
            step = -(-len(self.names) // MOST_NAMES)
            return [(name, svg.short(name, LONGEST_NAME)) for name in self.names[::step]]
        if self.is_log:
            powers = range(math.ceil(self.low), math.floor(self.high) + 1)
            ends = [10**self.low, 10**self.high] if len(powers) < 2 else []
            return [(v, f"{v:.3g}") for v in sorted({*ends, *(10.0**p for p in powers)})]
        width = _round_step((self.high - self.low) / TICKS)
        first = math.ceil(self.low / width - 1e-9)
        last = math.floor(self.high / width + 1e-9)
        values = [n * width for n in range(first, last + 1)]
        return [(v, f"{100 * v:.4g} %" if self.as_share else f"{v:.6g}") for v in values]


def still(figure: Mapping[str, Any]) -> str:
    """Return a figure as SVG; empty if it is of a kind that is not drawn.

    Args:
        figure: ``data`` and ``layout`` as plotly has them, in plain values.
    """
    layout = figure.get("layout", {})
    traces = [trace for trace in figure.get("data", ()) if _is_seen(trace, layout)]
    axes = {trace.get(name, name[0]) for trace in traces for name in ("xaxis", "yaxis")}
    kinds = [trace.get("type", "scatter") for trace in traces]
    if len(traces) == 1 and kinds[0] in ALONE:
        return ALONE[kinds[0]](traces[0], layout)
    if not traces or axes != {"x", "y"} or any(kind not in DRAWN for kind in kinds):
        return ""
    spans = _spans(traces, layout.get("barmode", ""))
    is_flat = any(trace.get("orientation") == "h" for trace in traces)
    lengths = ("x" if is_flat else "y") if "bar" in kinds else ""
    across, up = (
        _marked_axis(layout.get(f"{name}axis", {}), spans, name, lengths) for name in "xy"
    )
    if across is None or up is None:
        return ""
    return _page(layout, traces, spans, across, up)


def _is_seen(trace: Mapping[str, Any], layout: Mapping[str, Any]) -> bool:
    """Return whether a trace is shown, and its values at axes that are."""
    axes = [trace.get(f"{name}axis", name).replace(name, f"{name}axis") for name in "xy"]
    hidden = any(layout.get(axis, {}).get("visible") is False for axis in axes)
    return trace.get("visible", True) is True and not hidden


Span = Dict[str, List[Any]]
"""``x`` and ``y`` of a trace, and of bars where they begin (``base``), and which of how many they
are that stand side by side (``slot``).
"""


def _spans(traces: Sequence[Mapping[str, Any]], barmode: str) -> List[Span]:
    """Return where the values of each trace lie; stacked bars begin where those before end."""
    bars = [number for number, trace in enumerate(traces) if trace.get("type") == "bar"]
    in_groups = barmode in ("", "group") and len(bars) > 1
    found, ends = [], {}  # type: List[Span], Dict[str, float]
    for number, trace in enumerate(traces):
        x, y = list(trace.get("x") or ()), list(trace.get("y") or ())
        is_flat = trace.get("orientation") == "h"
        begin = trace.get("base") or [0.0] * len(x)
        if isinstance(begin, (list, tuple)) and len(begin) == len(x) and trace.get("base"):
            ends_at = [b + (v or 0.0) for b, v in zip(begin, x if is_flat else y)]
            x, y = (ends_at, y) if is_flat else (x, ends_at)
        slot = [bars.index(number), len(bars)] if in_groups and number in bars else [0, 1]
        span: Span = {"x": x, "y": y, "base": list(begin), "slot": slot}
        if trace.get("type") == "bar" and barmode in ("stack", "relative"):
            names, lengths = (y, x) if is_flat else (x, y)
            base = [ends.get(str(name), 0.0) for name in names]
            tops = [b + (v or 0.0) for b, v in zip(base, lengths)]
            ends.update(zip(map(str, names), tops))
            span = {
                "x": tops if is_flat else x,
                "y": y if is_flat else tops,
                "base": base,
                "slot": slot,
            }
        found.append(span)
    return found


def _marked_axis(
    layout: Mapping[str, Any], spans: Sequence[Span], name: str, lengths: str
) -> Optional[Axis]:
    """Return an axis as :func:`_axis`, with the marks that the figure gives it."""
    axis = _axis(layout, spans, name, lengths)
    values, said = layout.get("tickvals"), layout.get("ticktext")
    if axis is None or not values or not said:
        return axis
    texts = [html.unescape(str(text)) for text in said]
    return replace(axis, marks=tuple(zip(values, texts)))


def _axis(
    layout: Mapping[str, Any], spans: Sequence[Span], name: str, lengths: str
) -> Optional[Axis]:
    """Return an axis over all values; None if there are none.

    Args:
        lengths: the axis along which bars are long; empty without bars.
    """
    values = [value for span in spans for value in span[name] if value is not None]
    if lengths == name:  # bars begin somewhere
        values += [value for span in spans for value in span["base"]]
    is_reversed = layout.get("autorange") == "reversed"
    if layout.get("type") == "category" or any(isinstance(value, str) for value in values):
        names = tuple(dict.fromkeys(map(str, values)))
        return Axis(names, -0.5, len(names) - 0.5, False, is_reversed) if names else None
    is_log = layout.get("type") == "log"
    numbers = [float(value) for value in values if math.isfinite(value)]
    numbers = [math.log10(n) for n in numbers if n > 0] if is_log else numbers
    given = layout.get("range")
    if given and all(isinstance(end, (int, float)) for end in given) and given[0] != given[1]:
        as_share = str(layout.get("tickformat", "")).endswith("%")
        return Axis((), min(given), max(given), is_log, given[0] > given[1], as_share)
    if not numbers:
        return None
    low, high = min(numbers), max(numbers)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    from_zero = lengths == name or layout.get("rangemode") == "tozero"
    low = 0.0 if from_zero and low >= 0 and not is_log else low - room
    as_share = str(layout.get("tickformat", "")).endswith("%")
    return Axis((), low, high + room, is_log, is_reversed, as_share)


def _page(
    layout: Mapping[str, Any],
    traces: Sequence[Mapping[str, Any]],
    spans: Sequence[Span],
    across: Axis,
    up: Axis,
) -> str:
    ink = svg.colour(layout.get("font", {}).get("color"), "#222222")
    parts = [*svg.start(layout, ink), *_grid(across, up, ink)]
    clip = f"{LEFT},{TOP} {WIDTH - RIGHT},{TOP} {WIDTH - RIGHT},{HEIGHT - BOTTOM}"
    parts.append(
        f'<clipPath id="c"><polygon points="{clip} {LEFT},{HEIGHT - BOTTOM}"/></clipPath>'
        '<g clip-path="url(#c)">'
    )
    for trace, span in zip(traces, spans):
        draw = _bars if trace.get("type") == "bar" else _points
        parts += draw(trace, span, across, up)
    return "".join([*parts, "</g>", *_legend(traces, ink), "</svg>"])


def _grid(across: Axis, up: Axis, ink: str) -> List[str]:
    parts = []
    for value, shown in across.ticks():
        x = _x(across, value)
        if x is not None and LEFT - 1 <= x <= WIDTH - RIGHT + 1:
            parts.append(svg.line(x, TOP, x, HEIGHT - BOTTOM))
            parts.append(svg.text(x, HEIGHT - BOTTOM + 16, shown, ink, "middle"))
    for value, shown in up.ticks():
        y = _y(up, value)
        if y is not None and TOP - 1 <= y <= HEIGHT - BOTTOM + 1:
            parts.append(svg.line(LEFT, y, WIDTH - RIGHT, y))
            parts.append(svg.text(LEFT - 6, y + 4, shown, ink, "end"))
    return parts


def _points(trace: Mapping[str, Any], span: Span, across: Axis, up: Axis) -> List[str]:
    placed = [(_x(across, x), _y(up, y)) for x, y in zip(span["x"], span["y"])]
    mode = trace.get("mode") or "lines"
    parts = []
    if "lines" in mode:
        line = trace.get("line", {})
        steps, last = [], None
        for x, y in placed:
            if x is None or y is None:
                last = None
                continue
            if last is not None and line.get("shape") == "hv":
                steps.append(f"L{x:.1f} {last:.1f}")
            steps.append(f"{'M' if last is None else 'L'}{x:.1f} {y:.1f}")
            last = y
        colour = svg.colour(line.get("color"), GREY)
        parts.append(
            f'<path d="{" ".join(steps)}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
    if "markers" in mode:
        colours = (trace.get("marker") or {}).get("color")
        for number, (x, y) in enumerate(placed):
            if x is not None and y is not None:
                colour = svg.colour(colours, (trace.get("line") or {}).get("color") or GREY, number)
                parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
    return parts


def _bars(trace: Mapping[str, Any], span: Span, across: Axis, up: Axis) -> List[str]:
    is_flat = trace.get("orientation") == "h"
    names = up.names if is_flat else across.names
    room = (HEIGHT - TOP - BOTTOM) if is_flat else (WIDTH - LEFT - RIGHT)
    place_in_group, of_group = span["slot"]
    thick = 0.7 * room / max(len(names) or len(span["x"]), 1) / of_group
    aside = (place_in_group - (of_group - 1) / 2) * thick
    colours, parts = (trace.get("marker") or {}).get("color"), []
    for number, (x, y, base) in enumerate(zip(span["x"], span["y"], span["base"])):
        begin = _x(across, base) if is_flat else _y(up, base)
        end_x, end_y = _x(across, x), _y(up, y)
        if end_x is None or end_y is None:
            continue
        end_x, end_y = (end_x, end_y + aside) if is_flat else (end_x + aside, end_y)
        if is_flat:
            begin = LEFT if begin is None else begin
            box = (min(begin, end_x), end_y - thick / 2, abs(end_x - begin), thick)
        else:
            begin = HEIGHT - BOTTOM if begin is None else begin
            box = (end_x - thick / 2, min(begin, end_y), thick, abs(end_y - begin))
        place = 'x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"'.format(*box)
        parts.append(f'<rect {place} fill="{svg.colour(colours, GREY, number)}"/>')
    return parts


def _legend(traces: Sequence[Mapping[str, Any]], ink: str) -> List[str]:
    parts, x = [], float(LEFT)
    for trace in traces:
        name = str(trace.get("name") or "")
        if not name or trace.get("showlegend") is False or x > WIDTH - 120 or len(traces) < 2:
            continue
        shown = svg.short(html.unescape(name), 2 * LONGEST_NAME)
        marker = (trace.get("marker") or {}).get("color")
        colour = svg.colour(marker, svg.colour((trace.get("line") or {}).get("color"), GREY))
        parts.append(f'<rect x="{x:.0f}" y="32" width="10" height="10" fill="{colour}"/>')
        parts.append(svg.text(x + 14, 41, shown, ink))
        x += 30 + 6.2 * len(shown)
    return parts


def _x(axis: Axis, value: Any) -> Optional[float]:
    share = axis.place(value)
    return None if share is None else LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(axis: Axis, value: Any) -> Optional[float]:
    share = axis.place(value)
    return None if share is None else HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _round_step(step: float) -> float:
    """Return the next step of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= step * 0.999)
