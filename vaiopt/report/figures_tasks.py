"""Figures of a regression: true against predicted values, and how far off they are."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import numpy as np

from vaiopt.present.figure import Figure, axis
from vaiopt.tasks.regression import RegressionEvaluation

BINS = 30


def true_and_predicted(evaluation: RegressionEvaluation, quantity: int) -> Figure:
    """Return predicted over true values of one quantity, by its number."""
    points = [p for p in evaluation.points if p.quantity == quantity]
    true, said = [p.true for p in points], [p.predicted for p in points]
    ends = [min(true + said, default=0.0), max(true + said, default=1.0)]
    name = evaluation.per_quantity[quantity].name
    traces: List[Dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": ends,
            "y": ends,
            "line": {"color": "@muted", "width": 1, "dash": "dot"},
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": true,
            "y": said,
            "marker": {"color": "@blue", "size": 6, "opacity": 0.7},
            "customdata": [p.index for p in points],
            "hovertemplate": "sample %{customdata}: true %{x:.4g}, predicted %{y:.4g}"
            "<extra></extra>",
        },
    ]
    return Figure(
        name=f"true_and_predicted_{evaluation.kind}_{quantity}",
        title=f"{evaluation.kind.title()} model",
        caption="",
        traces=traces,
        layout={
            "xaxis": axis(f"true {name}"),
            "yaxis": axis(f"predicted {name}"),
            "showlegend": False,
        },
        columns=["sample", "true", "predicted"],
        rows=[[p.index, p.true, p.predicted] for p in points],
    )


def error_histogram(evaluations: Sequence[RegressionEvaluation], quantity: int) -> Figure:
    """Return how many samples are how far off in one quantity, of each model."""
    off = [
        np.array([p.error for p in e.points if p.quantity == quantity], np.float64)
        for e in evaluations
    ]
    edges = np.histogram_bin_edges(np.concatenate(off), BINS)
    counts = [np.histogram(errors, edges)[0] for errors in off]
    middles = ((edges[1:] + edges[:-1]) / 2).tolist()
    traces = [
        {
            "type": "bar",
            "name": f"{evaluation.kind} model",
            "x": middles,
            "y": of_it.tolist(),
            "marker": {"color": colour, "opacity": 0.7},
            "hovertemplate": "error about %{x:.3g}: %{y} samples<extra></extra>",
        }
        for evaluation, of_it, colour in zip(evaluations, counts, ("@blue", "@orange"))
    ]
    name = evaluations[0].per_quantity[quantity].name
    return Figure(
        name=f"errors_{quantity}",
        title="Errors",
        caption="",
        traces=traces,
        layout={
            "xaxis": axis(f"predicted less true {name}"),
            "yaxis": axis("samples"),
            "barmode": "overlay",
        },
        columns=["error", *(f"samples_{e.kind}" for e in evaluations)],
        rows=[[m, *(int(c[i]) for c in counts)] for i, m in enumerate(middles)],
    )
