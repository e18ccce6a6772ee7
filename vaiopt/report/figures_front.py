"""The figure of the metric against a cost: the trials, their front with its uncertainty, and the
limits. It opens on the front and what lies near it; all trials are a click away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from vaiopt.present import words
from vaiopt.present.figure import Figure, axis, text
from vaiopt.present.theme import STATUS_COLOURS
from vaiopt.present.uncertainty import is_accuracy, wilson
from vaiopt.report.data import ReportData
from vaiopt.report.figures_search import metric_axis, number_axis, points, sentence
from vaiopt.study.objective import Limit
from vaiopt.study.question import knee_of
from vaiopt.study.record import COMPLETE, PRUNED, TrialRecord

Item = Tuple[TrialRecord, float, float]
"""A trial, its cost and its metric."""
Range = Tuple[float, float]

LOG_FROM = 6.0
"""Costs that differ by more than this factor have a logarithmic axis."""
NEAR_CHANCE = 1 / 3
"""The share of the way from chance, or from the worst trial, to the best below which a point of the
front does not matter.
"""
NEAR_BEST = 0.1
"""Of shares of 1, such as accuracies: how far from the best a point always matters."""
NEAR_BOUND, SEEN_BOUND = 2.0, 4.0
"""Factors of the costs that are shown within which a limit is shown, too: beside the front, and
with all trials.
"""
PADDING = 0.07
"""Room at each end of an axis, as a share of what is shown."""


@dataclass(frozen=True)
class _View:
    """What both axes show, in their own units."""

    x: Range
    y: Range

    def holds(self, item: Item) -> bool:
        """Whether the point of a trial is in sight."""
        return self.x[0] <= item[1] <= self.x[1] and self.y[0] <= item[2] <= self.y[1]


class _Plot:
    """What the figure is made of.

    Args:
        data: of the run.
        cost: on the horizontal axis.
    """

    def __init__(self, data: ReportData, cost: str) -> None:
        self.data, self.cost = data, cost
        self.objective = data.objective
        scored = [
            (t, t.costs[cost], data.score(t))
            for t in data.trials
            if cost in t.costs and t.status in (COMPLETE, PRUNED)
        ]
        self.known: List[Item] = [(t, x, y) for t, x, y in scored if y is not None]
        self.finished = {item[0].number: item for item in self.known if item[0].status == COMPLETE}
        self.front = [self.finished[n] for n in data.front(cost) if n in self.finished]
        self.chosen = self.finished.get(-1 if data.chosen_number is None else data.chosen_number)
        self.limits: List[Tuple[str, Limit, float]] = [
            (name, limit, bound)
            for name, (limit, bound) in self.objective.limits.items()
            if limit.cost == cost
        ]
        xs = [x for _, x, _ in self.known]
        self.log = bool(xs) and min(xs) > 0 and max(xs) / min(xs) > LOG_FROM

    @property
    def least_useful(self) -> Optional[float]:
        """The metric that a model must reach, if the settings say so."""
        return self.objective.min_metric

    def interval(self, item: Item) -> Optional[Range]:
        """Return the 95 % interval of a trial's metric, if that is an accuracy."""
        trial, _, score = item
        if trial.samples < 1 or not is_accuracy(self.data.metric) or not 0 <= score <= 1:
            return None
        return wilson(score, trial.samples)

    def knee(self) -> Optional[Item]:
        """Return the knee of the front, if it has one."""
        found = knee_of([trial for trial, _, _ in self.front], self.objective, self.cost)
        return None if found is None else self.finished[found.number]

    def _matters(self) -> List[Item]:
        """Return the points of the front that matter, and the chosen one."""
        sign = 1.0 if self.data.minimise else -1.0
        losses = [sign * y for _, _, y in self.finished.values()]
        best, worst = min(losses), max(losses)
        classes = 0 if self.data.data is None else len(self.data.data.classes)
        if is_accuracy(self.data.metric) and classes > 1:
            worst = max(best, sign / classes)
        bound = worst - (worst - best) * NEAR_CHANCE
        if words.is_share(self.data.metric):
            bound = max(bound, best + NEAR_BEST)
        if self.least_useful is not None and sign * self.least_useful >= best:
            bound = sign * self.least_useful
        found = [item for item in self.front if sign * item[2] <= bound] or self.front[-1:]
        return found + ([self.chosen] if self.chosen is not None else [])

    def near(self) -> _View:
        """Return the view of the front."""
        items = self._matters()
        ends = [end for item in items for end in self.interval(item) or ()]
        return self._view(items, ends, NEAR_BOUND)

    def full(self) -> _View:
        """Return the view of all trials."""
        return self._view(self.known, [], SEEN_BOUND)

    def _view(self, items: Sequence[Item], ends: Sequence[float], factor: float) -> _View:
        xs, ys = [x for _, x, _ in items], [y for _, _, y in items]
        seen = [
            bound for _, _, bound in self.limits if min(xs) / factor <= bound <= max(xs) * factor
        ]
        least = [] if self.least_useful is None else [self.least_useful]
        return _View(_padded([*xs, *seen], self.log), _padded([*ys, *ends, *least], False))

    def axes(self, view: _View) -> Dict[str, Dict[str, Any]]:
        """Return what of the layout's axes is a view's own."""
        low, high = view.x
        x = number_axis(view.x, log=self.log)
        ends = [math.log10(low), math.log10(high)] if self.log else [low, high]
        return {"xaxis": {**x, "range": ends}, "yaxis": {"range": list(view.y)}}


def _padded(values: Sequence[float], log: bool) -> Range:
    """Return the range of values with room at its ends."""
    low, high = min(values), max(values)
    if log:
        wide = max(math.log10(high / low), 0.1) * PADDING
        return low / 10**wide, high * 10**wide
    room = ((high - low) or 0.2 * abs(high) or 1.0) * PADDING
    return low - room, high + room


def trade_off(data: ReportData, cost: str) -> Optional[Figure]:
    """Return the metric against a cost with the Pareto front, or ``None`` if no completed trial has
    that cost.
    """
    plot = _Plot(data, cost)
    if not plot.finished:
        return None
    near, full = plot.near(), plot.full()
    hidden = sum(not near.holds(item) for item in plot.known)
    on_front = {item[0].number for item in plot.front}
    layout: Dict[str, Any] = {
        "xaxis": axis(words.name(cost)),
        "yaxis": metric_axis(data),
        "shapes": _shapes(plot, full),
        "annotations": _labels(plot),
    }
    for name, own in plot.axes(near).items():
        layout[name] = {**layout[name], **own}
    others = "another trial" if hidden == 1 else f"{hidden} other trials"
    return Figure(
        name=f"tradeoff_{cost}",
        title=f"{sentence(words.name(data.metric))} against {words.name(cost)}",
        caption=f"On the front; {others} lie{'s' * (hidden == 1)} outside." if hidden else "",
        traces=_traces(plot),
        layout=layout,
        columns=("trial", "status", cost, data.metric, "on_front", "low_95", "high_95"),
        rows=[
            (*_row(item), item[0].number in on_front, *(plot.interval(item) or (None, None)))
            for item in plot.known
        ],
        height=400,
        full=plot.axes(full) if hidden else {},
    )


def _row(item: Item) -> Tuple[int, str, float, float]:
    trial, cost, score = item
    return trial.number, trial.status, cost, score


def _traces(plot: _Plot) -> List[Dict[str, Any]]:
    """Return the trials by status, the front, its knee and the chosen one."""
    data, traces = plot.data, []
    for status in (COMPLETE, PRUNED):
        own = [item for item in plot.known if item[0].status == status]
        if own:
            marker = {"color": STATUS_COLOURS[status], "size": 8, "opacity": 0.75}
            traces.append(points(data, own, status, marker))
    traces.append(_front(plot))
    joint = {n for numbers in data.fronts().values() for n in numbers}
    beside = [plot.finished[n] for n in joint if n in plot.finished]
    beside = [item for item in beside if item not in plot.front]
    if len(data.objective.front) > 1 and beside:
        ring = {"color": "@orange", "size": 11, "symbol": "circle-open", "line": {"width": 2}}
        traces.append(points(data, beside, "front of all costs", ring))
    found = plot.knee()
    if found is not None:
        ring = {"color": "@teal", "size": 16, "symbol": "diamond-open", "line": {"width": 2}}
        traces.append(points(data, [found], "knee", ring))
    if plot.chosen is not None:
        edge = {"color": "@card", "width": 1}
        star = {"color": "@rose", "size": 15, "symbol": "star", "line": edge}
        traces.append(points(data, [plot.chosen], "chosen", star))
    return traces


def _front(plot: _Plot) -> Dict[str, Any]:
    """Return the front: steps through its points, each with its 95 % interval."""
    marker = {"color": "@orange", "size": 8}
    trace = points(plot.data, plot.front, "Pareto front", marker)
    line = {"color": "@orange", "width": 2, "shape": "hv"}
    within = [plot.interval(item) for item in plot.front]
    if any(within):
        ends = [(0.0, 0.0) if w is None else w for w in within]
        scores = [item[2] for item in plot.front]
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, high - y) if high else 0.0 for (_, high), y in zip(ends, scores)],
            "arrayminus": [max(0.0, y - low) if low else 0.0 for (low, _), y in zip(ends, scores)],
            "color": "@orange",
            "thickness": 1,
            "width": 4,
        }
    return {**trace, "mode": "lines+markers", "line": line}


def _shapes(plot: _Plot, full: _View) -> List[Dict[str, Any]]:
    """Return the limits as lines, and what breaks those of the cost shaded."""
    shapes: List[Dict[str, Any]] = []
    dashed = {"color": "@bad", "width": 1.5, "dash": "dash"}
    for _, limit, bound in plot.limits:
        end = min(full.x[0], bound) if limit.least else max(full.x[1], bound)
        whole = {"xref": "x", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
        shade = {"fillcolor": "@bad", "opacity": 0.1, "line": {"width": 0}}
        shapes.append({"type": "rect", **whole, "x0": bound, "x1": end, **shade})
        line = {**whole, "layer": "above", "line": dashed}
        shapes.append({"type": "line", **line, "x0": bound, "x1": bound})
    if plot.least_useful is not None:
        level = {"y0": plot.least_useful, "y1": plot.least_useful, "yref": "y"}
        whole = {"xref": "paper", "x0": 0, "x1": 1, "layer": "below"}
        line = {**dashed, "color": "@muted"}
        shapes.append({"type": "line", **whole, **level, "line": line})
    return shapes


def _labels(plot: _Plot) -> List[Dict[str, Any]]:
    """Return the names of the limits at their lines."""
    font, labels = {"size": 11, "color": "@muted"}, []
    shared = {"showarrow": False, "font": font, "bgcolor": "@card", "opacity": 0.85}
    for name, limit, bound in plot.limits:
        place = {"x": math.log10(bound) if plot.log else bound, "y": 0, "yref": "paper"}
        side = {"xanchor": "left" if limit.least else "right", "yanchor": "bottom"}
        labels.append({"text": text(f"{name} = {bound:.6g}"), **place, **side, **shared})
    if plot.least_useful is not None:
        place = {"x": 1, "xref": "paper", "y": plot.least_useful, "yref": "y"}
        side = {"xanchor": "right", "yanchor": "bottom" if plot.data.minimise else "top"}
        labels.append({"text": f"min_metric = {plot.least_useful:.6g}", **place, **side, **shared})
    return labels
