"""Tables of trials and their hyperparameters."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence

from vaiopt.present import words
from vaiopt.present.html import chip
from vaiopt.present.table import Table
from vaiopt.present.uncertainty import interval
from vaiopt.runs.records import Value
from vaiopt.study.ranking import best_first, first_trial
from vaiopt.study.record import TrialRecord
from vaiopt.tasks import validation_metrics


def trial_table(
    trials: Sequence[TrialRecord],
    *,
    metric: str,
    direction: str,
    chosen: Optional[int] = None,
    weighed: bool = False,
    most: Optional[int] = None,
    costs: Sequence[str] = ("params", "latency_ms"),
) -> Table:
    """Return one row a trial, best first: status, metrics, costs, time, hyperparameters, and the
    reason if it has one.

    Args:
        trials: all of the search: the columns are those that any of them has.
        metric, direction: of the objective.
        chosen: number of the trial to set off.
        weighed: whether the objective is a score with soft costs, to be shown beside the metric.
        most: rows at most.
        costs: that are shown, if any trial knows them.
    """
    wanted = dict.fromkeys([metric, *validation_metrics()])
    metrics = [name for name in wanted if any(name in t.metrics for t in trials)]
    costs = [name for name in costs if any(name in t.costs for t in trials)]
    names = list(dict.fromkeys(name for t in trials for name in t.hyperparameters))
    is_measured = any(t.measured_latency_ms is not None for t in trials)
    within = {t.number: interval(metric, t.metrics.get(metric), t.samples) for t in trials}
    sure = any(within.values())
    columns = ["trial", "status", *["score"] * weighed, *map(words.name, metrics)]
    columns += [*["95 % interval"] * sure, *map(words.name, costs)]
    columns += [words.name("measured_latency_ms")] * is_measured + ["time", *names, "remark"]
    shown = best_first(trials, direction)[:most]
    rows: List[List[Any]] = []
    for t in shown:
        row: List[Any] = [t.number, chip(t.status)]
        row += [words.score(t.value)] * weighed
        row += [words.metric(name, t.metrics.get(name)) for name in metrics]
        row += [within[t.number] or None] * sure
        row += [words.cost(name, t.costs.get(name)) for name in costs]
        row += [words.cost("measured_latency_ms", t.measured_latency_ms)] * is_measured
        row += [words.seconds(t.seconds)]
        values = t.hyperparameters
        row += [words.value(values[name]) if name in values else None for name in names]
        rows.append([*row, t.reason or None])
    return Table(
        columns,
        rows,
        numeric=(0, *range(2, len(columns) - 1)),
        name="trials",
        highlight=next((i for i, t in enumerate(shown) if t.number == chosen), -1),
        data=trial_data(trials),
    )


def trial_data(trials: Sequence[TrialRecord]) -> List[List[Any]]:
    """Return all trials as plain values, a heading first: what is exported."""
    metrics, costs, names = (
        list(dict.fromkeys(key for t in trials for key in getattr(t, source)))
        for source in ("metrics", "costs", "hyperparameters")
    )
    measured = ["measured_latency_ms"] * any(t.measured_latency_ms is not None for t in trials)
    timing = ["epoch", *measured, "seconds", "peak_memory_mb", "started", "finished", "worker"]
    rows: List[List[Any]] = [
        ["trial", "status", "value", *metrics, *costs, *timing, *names, "reason"]
    ]
    for t in trials:
        row: List[Any] = [t.number, t.status, t.value]
        row += [t.metrics.get(name) for name in metrics] + [t.costs.get(name) for name in costs]
        row += [getattr(t, name) for name in timing]
        rows.append([*row, *[t.hyperparameters.get(name) for name in names], t.reason])
    return rows


def hyperparameter_table(chosen: Mapping[str, Value], trials: Sequence[TrialRecord]) -> Table:
    """Return the chosen hyperparameters beside the default point's and the range that the trials
    tried.
    """
    first = first_trial(trials)
    default = first.hyperparameters if first is not None else {}
    rows = [
        [
            name,
            _value(chosen, name),
            _value(default, name) if default else None,
            _tried(trials, name),
        ]
        for name in dict.fromkeys([*chosen, *default])
    ]
    columns = ("hyperparameter", "chosen", "default", "tried")
    return Table(columns, rows, numeric=(1, 2, 3), name="hyperparameters")


def _value(point: Mapping[str, Value], name: str) -> str:
    return words.value(point[name]) if name in point else "not active"


def _tried(trials: Sequence[TrialRecord], name: str) -> Optional[str]:
    values = [t.hyperparameters[name] for t in trials if name in t.hyperparameters]
    distinct = {repr(value): value for value in values}
    if not values:
        return None
    if len(distinct) == 1:
        return "only " + words.value(values[0])
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if len(numbers) == len(values):
        return f"{words.value(min(numbers))} to {words.value(max(numbers))}"
    return ", ".join(words.value(distinct[key]) for key in sorted(distinct))
