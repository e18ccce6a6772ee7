"""Figures of the search space: which hyperparameters matter, and how."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from vaiopt.present import words
from vaiopt.present.figure import Figure, axis, cell_notes, names_axis, text
from vaiopt.report.data import DRAWN_TRIALS, ReportData
from vaiopt.report.dimensions import Dimension, rank_correlation
from vaiopt.report.ticks import linear_ticks, number, short, ticks
from vaiopt.study.record import TrialRecord
from vaiopt.tasks import validation_metrics

SHOWN_DIMENSIONS = 12
"""Hyperparameters shown one by one at most; the most important ones are kept."""
ENOUGH_TRIALS = 25
"""With fewer completed trials importance is called a guess."""
_COSTS = ("params", "latency_ms", "macs")
"""Costs that are shown of any search, beside those of its front and limits."""


def objective_axis(data: ReportData) -> Dict[str, Any]:
    """Return the axis of the objective: percent for a plain share, a bare number for a score with
    soft costs.
    """
    is_share = words.is_share(data.metric) and not data.weighed
    return axis(objective_name(data), tickformat=".1%" if is_share else None)


def objective_name(data: ReportData) -> str:
    """Return what the objective is called: its metric, or ``score`` if soft costs weigh in."""
    return "score" if data.weighed else words.name(data.metric)


def parallel_coordinates(data: ReportData, dims: Sequence[Dimension]) -> Optional[Figure]:
    """Return one line a completed trial through its hyperparameters, costs and objective; ``None``
    for fewer than two trials.
    """
    chosen = data.drawn()
    trials = [data.complete[i] for i in chosen]
    varying = [d.only(chosen) for d in dims if d.varies][:SHOWN_DIMENSIONS]
    if len(trials) < 2 or not varying:
        return None
    axes = [_parallel_axis(d) for d in varying]
    known = [c for c in data.objective.told if all(c in t.costs for t in trials)]
    costs = [c for c in known if len({t.costs[c] for t in trials}) > 1]
    axes += [_cost_axis(c, [float(t.costs[c]) for t in trials]) for c in costs]
    values = [float(t.value or 0.0) for t in trials]
    axes.append(_outcome_axis(data, values))
    trace = {
        "type": "parcoords",
        "dimensions": axes,
        "line": {
            "color": values,
            "colorscale": "@rank",
            "reversescale": data.minimise,
            "showscale": False,
        },
        "unselected": {"line": {"color": "@line", "opacity": 0.5}},
        "labelfont": {"color": "@ink", "size": 12},
        "tickfont": {"color": "@muted", "size": 11},
        "rangefont": {"color": "@card", "size": 1},
        "labelangle": -18,
        "labelside": "top",
    }
    return Figure(
        name="parallel_coordinates",
        title="Parallel coordinates" + of_all(data),
        caption=(
            "Drag along an axis to keep only the trials that pass there; drag its name sideways to"
            " move it. The stronger a line's colour, the better the trial. 'off' means that the"
            " hyperparameter is not active."
        ),
        traces=[trace],
        layout={"margin": {"l": 60, "r": 60, "t": 86, "b": 24}},
        columns=["trial", data.metric, *[d.name for d in varying], *costs],
        rows=[
            [t.number, t.value, *[d.values[i] for d in varying], *[t.costs[c] for c in costs]]
            for i, t in enumerate(trials)
        ],
        height=430,
        min_width=max(340, 88 * len(axes)),
    )


def of_all(data: ReportData) -> str:
    """Return, for a title, how many of the completed trials are drawn, if not all."""
    count = len(data.complete)
    return "" if count <= DRAWN_TRIALS else f" of {DRAWN_TRIALS} of {count} trials"


def _short(key: str) -> str:
    return words.SHORT_NAMES.get(key, key)


def _parallel_axis(dim: Dimension) -> Dict[str, Any]:
    """Return an axis of codes with readable ticks; inactive trials pass below the lowest value."""
    codes = dim.codes()
    finite = codes[np.isfinite(codes)]
    places, texts = ticks(dim)
    if len(finite) < len(codes):
        off = float(finite.min()) - 0.18 * (float(finite.max() - finite.min()) or 1.0)
        codes = np.where(np.isfinite(codes), codes, off)
        places, texts = [off] + places, ["off"] + texts
    return _axis(short(dim.name, 22), codes.tolist(), places, texts)


def _cost_axis(key: str, values: List[float]) -> Dict[str, Any]:
    places = linear_ticks(min(values), max(values))
    return _axis(_short(key), values, places, [number(place) for place in places])


def _outcome_axis(data: ReportData, values: List[float]) -> Dict[str, Any]:
    share = words.is_share(data.metric) and not data.weighed
    places = linear_ticks(min(values), max(values))
    texts = [f"{100 * place:.4g} %" if share else f"{place:.4g}" for place in places]
    return _axis("score" if data.weighed else _short(data.metric), values, places, texts)


def _axis(label: str, values: List[float], places: List[float], texts: List[str]) -> Dict[str, Any]:
    return {"label": text(label), "values": values, "tickvals": places, "ticktext": texts}


def importance(data: ReportData, shares: Dict[str, float]) -> Optional[Figure]:
    """Return the bars of each hyperparameter's importance, or ``None`` if there is none to show."""
    if not shares:
        return None
    kept = list(shares.items())[:20][::-1]
    ends = [0, min(1.12, 1.15 * max(shares.values()) + 0.02)]
    caption = (
        "How much the partial dependence of the rank (below) varies with each: the variance of its"
        " curve over the values tried, times the share of trials in which it is active, as a share"
        " of their sum. What hyperparameters do only together is not in it."
    )
    if len(data.complete) < ENOUGH_TRIALS:
        caption += f" From {len(data.complete)} trials this is a rough guess."
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [text(name) for name, _ in kept],
        "x": [share for _, share in kept],
        "text": [f"{share:.0%}" if share >= 0.005 else "< 1%" for _, share in kept],
        "textposition": "outside",
        "textfont": {"color": "@ink"},
        "cliponaxis": False,
        "marker": {"color": "@blue"},
        "hovertemplate": "%{y}: %{x:.1%}<extra></extra>",
    }
    return Figure(
        name="importance",
        title="Importance of each hyperparameter",
        caption=caption,
        traces=[trace],
        layout={
            "showlegend": False,
            "xaxis": axis("share of the variance", tickformat=".0%", range=ends),
            "yaxis": {"type": "category", "showgrid": False},
            "margin": {"t": 8},
        },
        columns=("hyperparameter", "share"),
        rows=list(shares.items()),
        height=90 + 30 * len(kept),
    )


def correlations(data: ReportData, dims: Sequence[Dimension]) -> Optional[Figure]:
    """Return Spearman's rank correlations between numeric hyperparameters, metrics and costs over
    completed trials, or ``None``.
    """
    trials = data.complete
    with_order = [d for d in dims if d.varies and (not d.choices or _ordered(d))]
    series = [(d.name, d.codes()) for d in with_order[:SHOWN_DIMENSIONS]]
    keys = [(key, "metrics") for key in validation_metrics()]
    keys += [(key, "costs") for key in dict.fromkeys((*_COSTS, *data.objective.told))]
    outcomes = [(_short(key), _series(trials, source, key)) for key, source in keys]
    outcomes.append(("training time", np.array([float(t.seconds) for t in trials], np.float64)))
    outcomes = [
        (name, codes)
        for name, codes in outcomes
        if np.isfinite(codes).sum() >= 4 and np.nanstd(codes) > 0
    ]
    found = [(name, [rank_correlation(a, b) for _, b in outcomes]) for name, a in series]
    found = [(name, row) for name, row in found if any(rho is not None for rho in row)]
    if not found:
        return None
    rows, matrix = [name for name, _ in found], [row for _, row in found]
    columns = [name for name, _ in outcomes]
    trace = {
        "type": "heatmap",
        "x": [text(c) for c in columns],
        "y": [text(r) for r in rows],
        "z": matrix,
        "zmin": -1,
        "zmax": 1,
        "colorscale": "@diverging",
        "xgap": 2,
        "ygap": 2,
        "text": [["" if v is None else words.coefficient(v) for v in row] for row in matrix],
        "hovertemplate": "%{y} and %{x}: %{text}<extra></extra>",
        "showscale": False,
    }
    return Figure(
        name="rank_correlations",
        title="Rank correlations",
        caption=(
            "Spearman's ρ between each hyperparameter that has an order and what came of it: 1"
            " rises together, −1 falls as the other rises."
        ),
        traces=[trace],
        layout={
            "xaxis": {"type": "category", "showgrid": False, "side": "top", "tickangle": -25},
            "yaxis": names_axis(),
            "annotations": cell_notes(matrix, "diverging", lambda rho: (rho + 1) / 2, "{:.2f}"),
            "showlegend": False,
            "margin": {"t": 74, "b": 8},
        },
        columns=["hyperparameter", *columns],
        rows=[[name, *row] for name, row in zip(rows, matrix)],
        height=86 + 30 * len(rows),
        min_width=190 + 74 * len(columns),
    )


def _series(trials: Sequence[TrialRecord], source: str, key: str) -> np.ndarray:
    found = [getattr(trial, source).get(key) for trial in trials]
    return np.array([math.nan if v is None else float(v) for v in found], np.float64)


def _ordered(dim: Dimension) -> bool:
    """Return whether a categorical dimension has an order: two truth values do."""
    return all(isinstance(c, bool) for c in dim.choices)
