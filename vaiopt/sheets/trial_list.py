"""Trials in a few columns: what tells them apart, in one cell."""

from __future__ import annotations

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
) -> Table:
    """Return one row a trial: number, metric (or its state, if it has none), costs, time, and what
    tells it from the others, or why it is not complete.

    Args:
        trials: in the order to show.
        metric: of the objective.
        chosen: number of the trial to set off.
        costs: that are shown.
    """
    is_measured = any(t.measured_latency_ms is not None for t in trials)
    measured = ["measured latency"] * is_measured
    titles = [words.name(cost).replace(" (ms)", "") for cost in costs]
    numbers = ["trial", words.name(metric), *titles, *measured]
    sure = [interval(metric, t.metrics.get(metric), t.samples) for t in trials]
    numbers[2:2] = ["95 % interval"] * any(sure)
    names = varying(trial.hyperparameters for trial in trials)
    rows: List[List[Any]] = []
    for t, within in zip(trials, sure):
        score = words.metric(metric, t.metrics.get(metric)) if t.value is not None else t.status
        row: List[Any] = [t.number, score, *[within if t.value is not None else None] * any(sure)]
        row += [words.bare_amount(cost, t.costs.get(cost)) for cost in costs]
        row += [words.milliseconds(t.measured_latency_ms)] * is_measured
        point = t.reason or point_text(t.hyperparameters, names)
        rows.append([*row, point, words.seconds(t.seconds)])
    position = next((i for i, t in enumerate(trials) if t.number == chosen), -1)
    columns = [*numbers, "hyperparameters", "time"]
    numeric = (*range(len(numbers)), len(numbers) + 1)
    return Table(columns, rows, numeric=numeric, highlight=position)


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
