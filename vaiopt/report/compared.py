"""The page of several runs: their tables, and curves and fronts over each other."""

from __future__ import annotations

import itertools
from typing import Any, Dict, List, Optional, Sequence, Tuple

from vaiopt.present import words
from vaiopt.present.figure import Figure, axis, text
from vaiopt.present.html import heading, note
from vaiopt.report.data import ReportData, evenly
from vaiopt.report.figures_search import DRAWN_POINTS, metric_axis, number_axis
from vaiopt.report.page import html_page
from vaiopt.report.places import places_of
from vaiopt.report.section import Block, Section
from vaiopt.sheets.comparison import tables

COLOURS = ("@blue", "@orange", "@teal", "@rose", "@grey", "@good", "@bad", "@accent")
DASHES = ("solid", "dash", "dot", "dashdot")
"""Of lines, where there are more runs than colours."""

LOG_FROM = 6.0
"""Costs that differ by more than this factor have a logarithmic axis."""

Named = Tuple[str, ReportData, Dict[str, Any]]
"""A run: its name, what it has, and how its line is drawn."""


def comparison_page(result: Any, names: Sequence[str], data: Sequence[ReportData]) -> str:
    """Return the page as HTML.

    Args:
        result: :class:`vaiopt.comparison.Comparison`. names: of its runs. data: theirs.

    Raises:
        MissingToolError: plotly is not installed.
    """
    first = data[0].metric
    named: List[Named] = [
        (name, found, {"color": COLOURS[i % len(COLOURS)], "dash": DASHES[i // len(COLOURS) % 4]})
        for i, (name, found) in enumerate(zip(names, data))
        if found.metric == first and found.complete
    ]
    blocks: List[Block] = [note(line) for line in result.notes]
    for title, content in tables(result):
        if content.rows:
            blocks += [heading(title)] * bool(title) + [content]
    drawn = [best_so_far(named), curves_of_chosen(named), *(fronts(named, c) for c in _COSTS)]
    figures = [figure for figure in drawn if figure is not None]
    sections = [Section(blocks=blocks, key="compared", title="Side by side")]
    if figures:
        lead = "A colour a run; a click on a name hides it."
        sections.append(Section(lead, figures, key="figures", title="Over each other"))
    written = f"Written by vaiopt from the runs {', '.join(names)}."
    places = places_of(data)
    return html_page(" and ".join(names[:3]), f"{len(names)} runs", sections, written, places)


_COSTS = ("latency_ms", "params")


def best_so_far(named: Sequence[Named]) -> Optional[Figure]:
    """Return the best objective up to each trial, a line a run."""
    traces, rows = [], []
    for name, data, line in named:
        scored = [(t.number, data.score(t)) for t in data.complete]
        known = [(number, value) for number, value in scored if value is not None]
        best = list(itertools.accumulate([v for _, v in known], _better(data)))
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": text(name),
                "x": [number for number, _ in known],
                "y": best,
                "line": {**line, "width": 2.5, "shape": "hv"},
                "hovertemplate": text(name) + ", best after trial %{x}: %{y}<extra></extra>",
            }
        )
        rows += [(name, number, value) for (number, _), value in zip(known, best)]
    if not rows:
        return None
    return Figure(
        name="best_so_far",
        title="Best so far",
        caption="The best value of the metric up to each trial that was completed.",
        traces=traces,
        layout={"xaxis": axis("trial"), "yaxis": metric_axis(named[0][1])},
        columns=("run", "trial", "best"),
        rows=rows,
    )


def _better(data: ReportData) -> Any:
    return min if data.minimise else max


def curves_of_chosen(named: Sequence[Named]) -> Optional[Figure]:
    """Return the metric of each run's chosen trial by epoch."""
    traces, rows = [], []
    for name, data, line in named:
        trial = data.chosen_trial
        steps = [] if trial is None else [s for s in trial.curve if s.get(data.metric) is not None]
        if trial is None or not steps:
            continue
        label = f"{name}, trial {trial.number}"
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if len(steps) < 40 else "lines",
                "name": text(label),
                "x": [step.get("epoch") for step in steps],
                "y": [step[data.metric] for step in steps],
                "line": {**line, "width": 2},
                "hovertemplate": text(label) + ", epoch %{x}: %{y:.4f}<extra></extra>",
            }
        )
        rows += [(name, trial.number, s.get("epoch"), s[data.metric]) for s in steps]
    if not rows:
        return None
    return Figure(
        name="chosen_curves",
        title="Learning curves of the chosen trials",
        caption="",
        traces=traces,
        layout={"xaxis": axis("epoch"), "yaxis": metric_axis(named[0][1])},
        columns=("run", "trial", "epoch", "value"),
        rows=rows,
    )


def fronts(named: Sequence[Named], cost: str) -> Optional[Figure]:
    """Return the trials of all runs by a predicted cost, and the front of each run."""
    traces, rows, xs = [], [], []
    for name, data, line in named:
        known = [(t, t.costs.get(cost), data.score(t)) for t in data.complete]
        points = [(t, x, y) for t, x, y in known if x is not None and y is not None]
        on_front = data.front(cost)
        by_number = {t.number: (t, x, y) for t, x, y in points}
        line_points = [by_number[number] for number in on_front if number in by_number]
        faint = {"color": line["color"], "size": 5, "opacity": 0.35}
        traces.append(_marks(name, evenly(points, DRAWN_POINTS // len(named)), faint, "markers"))
        marker = {"color": line["color"], "size": 9}
        front = _marks(f"{name}, front", line_points, marker, "lines+markers")
        traces.append({**front, "line": {**line, "width": 2}, "showlegend": True})
        xs += [x for _, x, _ in points]
        rows += [(name, t.number, x, y, t.number in on_front) for t, x, y in points]
    if not rows or len(set(xs)) < 2:
        return None
    is_log = min(xs) > 0 and max(xs) / min(xs) > LOG_FROM
    return Figure(
        name=f"fronts_{cost}",
        title=f"Fronts against {words.name(cost)}",
        caption="Faint: all completed trials. The line goes through the points of a run's front.",
        traces=traces,
        layout={
            "xaxis": axis(words.name(cost), **number_axis(xs, log=is_log)),
            "yaxis": metric_axis(named[0][1]),
        },
        columns=("run", "trial", cost, "value", "on_front"),
        rows=rows,
    )


def _marks(name: str, points: Sequence[Any], marker: Dict[str, Any], mode: str) -> Dict[str, Any]:
    return {
        "type": "scatter",
        "mode": mode,
        "name": text(name),
        "x": [x for _, x, _ in points],
        "y": [y for _, _, y in points],
        "text": [f"trial {t.number}" for t, _, _ in points],
        "hovertemplate": text(name) + ", %{text}: %{y:.4f} at %{x}<extra></extra>",
        "marker": marker,
        "showlegend": False,
    }
