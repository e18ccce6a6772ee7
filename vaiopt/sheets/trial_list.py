"""Trials in a few columns: what tells them apart, in one cell."""

from __future__ import annotations

import math
from typing import Any, Iterable, List, Mapping, Optional, Sequence

from vaiopt.present import words
from vaiopt.present.table import Table
from vaiopt.present.uncertainty import interval
from vaiopt.runs.records import Value
from vaiopt.study.record import TrialRecord


def trial_list(
    trials: Sequence[TrialRecord],
    metric: str,
    chosen: Optional[int] = None,
    costs: Sequence[str] = ("params", "latency_ms"),
    curves: bool = False,
) -> Table:
    """Return one row a trial: number, metric (or its state, if it has none), costs, time, and what
    tells it from the others, or why it is not complete. Costs that all trials share are left out.

    Args:
        trials: in the order to show.
        metric: of the objective.
        chosen: number of the trial to set off.
        costs: that are shown.
        curves: whether the metric by epoch is drawn, of pruned trials too.
    """
    costs = [cost for cost in costs if _differs(cost, trials)]
    drawn = [sparkline(points_of(t, metric)) if curves else "" for t in trials]
    is_measured = any(t.measured_latency_ms is not None for t in trials)
    measured = ["measured latency"] * is_measured
    titles = [words.name(cost).replace(" (ms)", "") for cost in costs]
    numbers = ["trial", words.name(metric), *titles, *measured]
    sure = [interval(metric, t.metrics.get(metric), t.samples) for t in trials]
    numbers[2:2] = ["95 % interval"] * any(sure)
    names = varying(trial.hyperparameters for trial in trials)
    rows: List[List[Any]] = []
    for t, within, curve in zip(trials, sure, drawn):
        score = words.metric(metric, t.metrics.get(metric)) if t.value is not None else t.status
        row: List[Any] = [t.number, score, *[within if t.value is not None else None] * any(sure)]
        row += [words.bare_amount(cost, t.costs.get(cost)) for cost in costs]
        row += [words.milliseconds(t.measured_latency_ms)] * is_measured
        point = t.reason or point_text(t.hyperparameters, names)
        rows.append([*row, point, words.seconds(t.seconds), *[curve or None] * any(drawn)])
    position = next((i for i, t in enumerate(trials) if t.number == chosen), -1)
    columns = [*numbers, "hyperparameters", "time", *["by epoch"] * any(drawn)]
    numeric = (*range(len(numbers)), len(numbers) + 1)
    return Table(columns, rows, numeric=numeric, highlight=position)


BARS = "▁▂▃▄▅▆▇█"
MOST_BARS = 12
"""Characters of a curve; of more epochs so many are drawn, evenly spaced, the last among them."""


def _differs(cost: str, trials: Sequence[TrialRecord]) -> bool:
    """Return whether a cost tells trials apart."""
    return len(trials) < 2 or len({trial.costs.get(cost) for trial in trials}) > 1


def points_of(trial: TrialRecord, metric: str) -> List[float]:
    """Return a trial's metric by epoch; what its pruner saw where the curve does not have it."""
    found = [step.get(metric) for step in trial.curve]
    known = [float(value) for value in found if value is not None]
    reports = trial.pruning.get("reports", []) if not known else []
    return known or [float(value) for _, value in reports]


def sparkline(values: Sequence[float]) -> str:
    """Return numbers as a line of bars, the lowest to the highest; empty for fewer than two."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:
        return ""
    step = max(1.0, (len(finite) - 1) / (MOST_BARS - 1))
    places = [int(round(i * step)) for i in range(int((len(finite) - 1) / step) + 1)]
    low, high = min(finite), max(finite)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[int(round((finite[place] - low) * scale))] for place in places)


def varying(points: Iterable[Mapping[str, Value]]) -> Optional[List[str]]:
    """Return the names of the hyperparameters that are not the same in all points; None, which is
    any, for one point.
    """
    known = list(points)
    if len(known) < 2:
        return None
    names = dict.fromkeys(name for point in known for name in point)
    return [n for n in names if len({repr(point[n]) for point in known if n in point}) > 1]


def point_text(point: Mapping[str, Value], names: Optional[Sequence[str]] = None) -> str:
    """Return a point in one line: of these hyperparameters only, or of all."""
    return " ".join(
        f"{name}={' '.join(words.value(value).split())}"
        for name, value in point.items()
        if names is None or name in names
    )
