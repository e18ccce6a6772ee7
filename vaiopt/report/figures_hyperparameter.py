"""Small figures, one for each hyperparameter or pair: slices, distributions, partial dependence."""

from __future__ import annotations

import itertools
from typing import Any, Dict, List, NamedTuple, Sequence, Set

import numpy as np

from vaiopt.present import words
from vaiopt.present.figure import Figure, file_stem, text
from vaiopt.report.data import ReportData
from vaiopt.report.dependence import Dependence
from vaiopt.report.dimensions import Dimension
from vaiopt.report.figures_space import SHOWN_DIMENSIONS, objective_axis, objective_name
from vaiopt.report.ticks import code_axis, number, short

HISTOGRAM_BINS = 8
TICK_CHARACTERS = 30
"""Characters of all ticks that a small figure has room for."""


def slices(data: ReportData, dims: Sequence[Dimension]) -> List[Figure]:
    """Return, for each hyperparameter that varies, the objective of the completed trials over its
    values.
    """
    figures = []
    complete, drawn = data.complete, data.drawn()
    for dim in [d for d in dims if d.varies][:SHOWN_DIMENSIONS]:
        own = [(complete[i], dim.values[i]) for i in drawn if dim.values[i] is not None]
        colours = {"color": [t.number for t, _ in own], "colorscale": "@rank"}
        edge = {"width": 0.5, "color": "@card"}
        trace = {
            "type": "scatter",
            "mode": "markers",
            "x": [dim.code(v) for _, v in own],
            "y": [t.value for t, _ in own],
            "text": [
                f"trial {t.number}<br>{text(words.value(v))}: {_outcome(data, t.value)}"
                for t, v in own
            ],
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"size": 7, "opacity": 0.9, **colours, "line": edge},
        }
        columns = ("trial", dim.name, objective_name(data))
        rows = [(t.number, v, t.value) for t, v in own]
        figures.append(_small("slice", dim, [trace], objective_axis(data), columns, rows))
    return figures


def _outcome(data: ReportData, value: Any) -> str:
    return words.metric(objective_name(data) if data.weighed else data.metric, value) or ""


def _small(
    kind: str,
    dim: Dimension,
    traces: List[Dict[str, Any]],
    y: Dict[str, Any],
    columns: Sequence[str],
    rows: Sequence[Any],
) -> Figure:
    return Figure(
        name=f"{kind}_{file_stem(dim.name)}",
        title=dim.name,
        caption="",
        traces=traces,
        # The title says what is on the axis; in a small figure it would only take room.
        layout={"xaxis": code_axis(dim), "yaxis": {**y, "title": {"text": ""}, "nticks": 6}},
        columns=columns,
        rows=rows,
        height=210,
        small=True,
    )


def distributions(data: ReportData, dims: Sequence[Dimension]) -> List[Figure]:
    """Return, for each hyperparameter that varies, how often its values were tried and how often
    among the best quarter.
    """
    trials = data.complete
    if len(trials) < 4:
        return []
    ranked = sorted(range(len(trials)), key=lambda i: (data.loss(trials[i]), i))
    best = set(ranked[: max(1, len(trials) // 4)])
    figures = []
    for dim in [d for d in dims if d.varies][:SHOWN_DIMENSIONS]:
        found = histogram(dim, best)
        traces = [
            {
                "type": "bar",
                "name": label,
                "x": list(range(len(found.names))),
                "y": [n / max(1, sum(counts)) for n in counts],
                "marker": {"color": colour},
                "text": found.names,
                "textposition": "none",
                "hovertemplate": label + ", %{text}: %{y:.0%}<extra></extra>",
            }
            for label, counts, colour in (
                ("all", found.counts, "@grey"),
                ("best quarter", found.best, "@blue"),
            )
        ]
        rows = list(zip(found.names, found.counts, found.best))
        columns = (dim.name, "trials", "trials_in_best_quarter")
        figure = _small("distribution", dim, traces, {"tickformat": ".0%"}, columns, rows)
        axis = {
            "tickvals": found.places,
            "ticktext": found.ticks,
            "tickangle": 0,
            "range": [-0.6, len(found.names) - 0.4],
            "showgrid": False,
        }
        figure.layout.update(barmode="group", bargroupgap=0.05, xaxis={**axis, "zeroline": False})
        figures.append(figure)
    return figures


class Histogram(NamedTuple):
    """Values or ranges of a hyperparameter: their names for plotly, trials in each, those among the
    best, and the ticks of the axis.
    """

    names: List[str]
    counts: List[int]
    best: List[int]
    places: List[float]
    ticks: List[str]


def histogram(dim: Dimension, best: Set[int], bins: int = HISTOGRAM_BINS) -> Histogram:
    """Count the trials by value of a hyperparameter, or by range where it has more than ``bins``
    values.

    Args:
        best: the positions of the best trials.
    """
    codes = dim.codes()
    active = [i for i in range(len(codes)) if np.isfinite(codes[i])]
    distinct = np.unique(codes[active])
    if dim.choices or len(distinct) <= bins:
        where = {i: int(np.searchsorted(distinct, codes[i])) for i in active}
        names = [_value_name(dim, float(code)) for code in distinct]
        every = (
            1 if dim.choices else max(1, -(-sum(len(name) for name in names) // TICK_CHARACTERS))
        )
        places = [float(k) for k in range(0, len(names), every)]
        ticks = [short(name, 12) for name in names[::every]]
    else:
        edges = np.linspace(distinct[0], distinct[-1], bins + 1)
        where = {
            i: min(bins - 1, max(0, int(np.searchsorted(edges, codes[i], side="right")) - 1))
            for i in active
        }
        ends = [_edge(dim, float(edge)) for edge in edges]
        names = [f"{ends[k]}–{ends[k + 1]}" for k in range(bins)]
        places, ticks = [k - 0.5 for k in range(0, bins + 1, 2)], ends[::2]
    counts, top = [0] * len(names), [0] * len(names)
    for i, k in where.items():
        counts[k] += 1
        top[k] += 1 if i in best else 0
    return Histogram(names, counts, top, places, ticks)


def _value_name(dim: Dimension, code: float) -> str:
    value = dim.decode(code)
    return text(words.value(value)) if dim.choices else number(float(value))


def _edge(dim: Dimension, code: float) -> str:
    return number(float(f"{float(dim.decode(code)):.2g}"))


def dependences(data: ReportData, surrogate: Dependence, dims: Sequence[Dimension]) -> List[Figure]:
    """Return one partial dependence curve with its band for each of the hyperparameters that the
    surrogate knows.
    """
    figures = []
    for dim in [d for d in dims if d.name in surrogate.names][:SHOWN_DIMENSIONS]:
        values, mean, low, high = surrogate.curve(dim.name)
        codes = [dim.code(v) for v in values]
        curve: Dict[str, Any] = {
            "type": "scatter",
            "x": codes,
            "y": mean,
            "text": [f"{text(words.value(v))}: {_outcome(data, m)}" for v, m in zip(values, mean)],
            "hovertemplate": "%{text}<extra></extra>",
        }
        draw = _with_bars if dim.choices else _with_band
        columns = (dim.name, "expected", "low", "high")
        rows = [(v, float(m), float(a), float(b)) for v, m, a, b in zip(values, mean, low, high)]
        traces = draw(curve, low, high)
        figures.append(_small("dependence", dim, traces, objective_axis(data), columns, rows))
    _share_range(figures)
    return figures


def _with_bars(curve: Dict[str, Any], low: np.ndarray, high: np.ndarray) -> List[Dict[str, Any]]:
    ends = {"array": high - curve["y"], "arrayminus": curve["y"] - low, "symmetric": False}
    bars = {"type": "data", **ends, "color": "@blue", "thickness": 2}
    marker = {"size": 9, "color": "@blue"}
    return [{**curve, "mode": "markers", "error_y": bars, "marker": marker}]


def _with_band(curve: Dict[str, Any], low: np.ndarray, high: np.ndarray) -> List[Dict[str, Any]]:
    band = {
        "type": "scatter",
        "mode": "lines",
        "x": curve["x"] + curve["x"][::-1],
        "y": [*high, *low[::-1]],
        "fill": "toself",
        "fillcolor": "@band",
        "line": {"width": 0},
        "hoverinfo": "skip",
    }
    return [band, {**curve, "mode": "lines", "line": {"color": "@blue", "width": 2.5}}]


def _share_range(figures: Sequence[Figure]) -> None:
    """Give all curves the same vertical axis: a hyperparameter that does nothing then looks like
    it.
    """
    ends = [row[2:] for figure in figures for row in figure.rows]
    low = min((low for low, _ in ends), default=0.0)
    high = max((high for _, high in ends), default=1.0)
    room = 0.05 * (high - low) or 0.5
    for figure in figures:
        figure.layout["yaxis"]["range"] = [low - room, high + room]


def dependences_2d(
    data: ReportData, surrogate: Dependence, dims: Sequence[Dimension]
) -> List[Figure]:
    """Return a map of the expected objective over each pair of the first three hyperparameters that
    the surrogate knows.
    """
    kept = [d for d in dims if d.name in surrogate.names][:3]
    figures = []
    for across, down in itertools.combinations(kept, 2):
        found = surrogate.map(across.name, down.name)
        if found is not None:
            figures.append(_map(data, across, down, *found))
    return figures


def _map(
    data: ReportData,
    across: Dimension,
    down: Dimension,
    x: Sequence[Any],
    y: Sequence[Any],
    means: np.ndarray,
) -> Figure:
    """Return the map of means (down, across)."""
    share = words.is_share(data.metric) and not data.weighed
    names = [text(words.value(a)) for a in x], [text(words.value(b)) for b in y]
    trace = {
        "type": "heatmap",
        "x": [across.code(v) for v in x],
        "y": [down.code(v) for v in y],
        "z": means,
        "colorscale": "@scale",
        "reversescale": data.minimise,
        "colorbar": {
            "thickness": 10,
            "outlinewidth": 0,
            "tickfont": {"color": "@muted", "size": 10},
            "tickformat": ".1%" if share else ".3g",
        },
        "text": [
            [f"{a}, {b}: {_outcome(data, float(means[j, i]))}" for i, a in enumerate(names[0])]
            for j, b in enumerate(names[1])
        ],
        "hoverongaps": False,
        "hovertemplate": "%{text}<extra></extra>",
    }
    axes = [
        {**code_axis(dim), "title": {"text": text(short(dim.name, 28))}, "showgrid": False}
        for dim in (across, down)
    ]
    if len(axes[0]["tickvals"]) > 4 and not across.choices:  # the colour bar takes room
        axes[0].update(tickvals=axes[0]["tickvals"][::2], ticktext=axes[0]["ticktext"][::2])
    for settings in axes:
        del settings["range"]
    known = np.isfinite(means)
    return Figure(
        name=f"dependence2d_{file_stem(across.name)}_{file_stem(down.name)}",
        title=f"{across.name} and {down.name}",
        caption="",
        traces=[trace],
        layout={"xaxis": axes[0], "yaxis": axes[1]},
        columns=(across.name, down.name, "expected"),
        rows=[
            (a, b, float(means[j, i]))
            for i, a in enumerate(x)
            for j, b in enumerate(y)
            if known[j, i]
        ],
        height=280,
        small=True,
    )
