"""One figure: what plotly draws, and the rows that it was drawn from."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Sequence

from vaiopt.present.theme import FONT, PALETTES, on_cell, resolve
from vaiopt.text import printable


@dataclass(frozen=True)
class Figure:
    """A figure of the report.

    Attributes:
        name: a short stable name; the stem of its PNG and CSV.
        title: what it shows, as plain text.
        caption: how to read it, as plain text.
        traces: plotly's traces, colours as tokens of :mod:`vaiopt.present.theme`.
        layout: what this figure adds to the common layout.
        columns, rows: the data behind it, as written to its CSV.
        height: pixels. min_width: pixels below which it scrolls sideways instead of shrinking.
        small: several of these stand side by side.
        full: what of the layout differs when all is shown, where the figure opens on a part.
    """

    name: str
    title: str
    caption: str
    traces: Sequence[Dict[str, Any]]
    layout: Dict[str, Any] = field(default_factory=dict)
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    height: int = 380
    min_width: int = 0
    small: bool = False
    full: Dict[str, Any] = field(default_factory=dict)

    def spec(self) -> Dict[str, Any]:
        """Return ``{"data", "layout"}`` as plain JSON values, colours still as tokens; with
        ``"full"`` where the figure opens on a part.
        """
        found = {
            "data": clean(list(self.traces)),
            "layout": clean(merge(base_layout(self.small), self.layout)),
        }
        return {**found, "full": clean(self.full)} if self.full else found

    def to_plotly(self, theme: str = "light", width: Optional[int] = None) -> Any:
        """Return a ``plotly.graph_objects.Figure`` in one palette, ``light`` or ``dark``, for a
        notebook or an image.

        Args:
            width: pixels; ``None`` fills what there is.
        """
        from vaiopt.present.plotly_figure import plotly_figure

        spec = resolve(self.spec(), PALETTES[theme])
        layout = spec["layout"]
        title = {"text": text(self.title), "x": 0.02, "y": 0.98, "yanchor": "top"}
        layout["title"] = {**title, "font": {"size": 15}}
        layout["margin"] = dict(layout["margin"], t=layout["margin"]["t"] + 40)
        layout["height"] = self.height + 40
        if width is not None:
            layout["width"] = width
        return plotly_figure(spec["data"], layout)


def base_layout(small: bool = False) -> Dict[str, Any]:
    """Return the layout that all figures share."""
    line = {"gridcolor": "@line", "linecolor": "@line", "zerolinecolor": "@line"}
    title = {"font": {"color": "@muted", "size": 12}, "standoff": 8}
    axis = {**line, "tickfont": {"color": "@muted", "size": 11}, "title": title, "automargin": True}
    left, right, top, bottom = (46, 10, 10, 40) if small else (56, 16, 30, 48)
    ink = {"color": "@ink", "size": 12}
    hover = {"bgcolor": "@card", "bordercolor": "@line", "font": {"family": FONT, **ink}}
    return {
        "font": {"family": FONT, "size": 12, "color": "@ink"},
        "paper_bgcolor": "@card",
        "plot_bgcolor": "@card",
        "margin": {"l": left, "r": right, "t": top, "b": bottom},
        "xaxis": axis,
        "yaxis": dict(axis),
        "hovermode": "closest",
        "hoverlabel": {**hover, "align": "left"},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": ink},
        "showlegend": not small,
        "bargap": 0.25,
    }


def merge(first: Dict[str, Any], second: Dict[str, Any]) -> Dict[str, Any]:
    """Return ``first`` overlaid with ``second``, nested tables key by key."""
    result = dict(first)
    for key, value in second.items():
        mine = result.get(key)
        both = isinstance(mine, dict) and isinstance(value, dict)
        result[key] = merge(mine, value) if both else value  # type: ignore[arg-type]
    return result


def axis(title: str = "", **more: Any) -> Dict[str, Any]:
    """Return an axis with a title (plain text) and other plotly attributes; None leaves one out."""
    known = {key: value for key, value in more.items() if value is not None}
    return merge({"title": {"text": text(title)}} if title else {}, known)


def names_axis(**more: Any) -> Dict[str, Any]:
    """Return the axis of a figure whose rows are names, from above, with other attributes."""
    return {"type": "category", "autorange": "reversed", "showgrid": False, **more}


def cell_notes(
    matrix: Sequence[Sequence[Optional[float]]],
    scale: str,
    place: Callable[[float], float],
    form: str,
    places: Sequence[Sequence[float]] = (),
) -> List[Dict[str, Any]]:
    """Return the numbers in the cells of a heat map as annotations that stand out from their cell.

    Args:
        matrix: the numbers, row by row; ``None`` leaves a cell empty.
        scale: the token of the colour scale.
        place: where on the scale (0 to 1) a number's cell lies; or
        places: the same, cell by cell.
        form: the format of a number.
    """
    notes = []
    for row, line in enumerate(matrix):
        for column, value in enumerate(line):
            if value is None:
                continue
            depth = places[row][column] if places else place(value)
            font = {"size": 11, "color": on_cell(scale, depth)}
            shown = form.format(value).replace("-", "\u2212")
            notes.append({"x": column, "y": row, "text": shown, "showarrow": False, "font": font})
    return notes


def text(value: Any) -> str:
    """Return a value as text for plotly, which reads a subset of HTML in every label."""
    return html.escape(printable(str(value), keep="\n"), quote=False)


def clean(value: Any) -> Any:
    """Return plain JSON values: numpy numbers and arrays converted, NaN and infinity as ``None``,
    floats cut to 7 digits, texts printable.
    """
    if isinstance(value, dict):
        return {str(key): clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    if hasattr(value, "tolist"):
        return clean(value.tolist())
    if isinstance(value, str):
        return printable(value, keep="\n")
    if isinstance(value, float):
        return float(f"{value:.7g}") if math.isfinite(value) else None
    return value


def file_stem(name: str) -> str:
    """Return ``name`` with everything but letters, digits, dots and dashes replaced, for use as a
    file name.
    """
    kept = [c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name]
    return ("".join(kept).strip(".") or "unnamed")[:80]
