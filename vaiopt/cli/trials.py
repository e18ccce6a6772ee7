"""``vaiopt trials``: the trials of a run, best first."""

from __future__ import annotations

import csv
import sys
from typing import Any, Dict, Sequence

import typer

from vaiopt.cli.common import JSON, RUN, emit, number, print_table, short


def command(
    run: str = RUN,
    pareto: bool = typer.Option(
        False,
        "--pareto",
        help="Only those on the front of the metric against latency or parameters.",
    ),
    as_csv: bool = typer.Option(False, "--csv", help="Print CSV on stdout."),
    as_json: bool = JSON,
) -> None:
    """List trials, best first: a table, CSV or JSON."""
    from vaiopt.runs.layout import open_run
    from vaiopt.settings import settings_from_run
    from vaiopt.study.objective import Objective
    from vaiopt.study.ranking import best_first, front
    from vaiopt.study.trials import load_trials

    opened = open_run(run)
    objective = Objective(settings_from_run(opened).objective)
    found = best_first(load_trials(opened), objective.direction)
    fronts = {cost: front(found, objective, cost) for cost in ("latency_ms", "params")}
    if pareto:
        found = [t for t in found if any(t.number in numbers for numbers in fronts.values())]
    if as_csv:
        _print_csv([t.row() for t in found])
        return
    content = {
        "metric": objective.metric,
        "direction": objective.direction,
        "pareto": fronts,
        "trials": [t.to_json() for t in found],
    }
    emit(content, as_json, lambda _: _show(found, objective.metric))


def _print_csv(rows: Sequence[Dict[str, Any]]) -> None:
    from vaiopt.study.record import columns

    writer = csv.DictWriter(sys.stdout, columns(rows))
    writer.writeheader()
    writer.writerows(rows)


def _show(trials: Sequence[Any], metric: str) -> None:
    rows = []
    for trial in trials:
        hyperparameters = ", ".join(
            f"{n}={short(v)}" for n, v in trial.hyperparameters.items() if n != "split"
        )
        rows.append(
            (
                trial.number,
                number(trial.metrics.get(metric), 5) if trial.value is not None else trial.status,
                number(trial.costs.get("params")),
                number(trial.costs.get("latency_ms"), 3),
                f"{trial.seconds:.1f}",
                trial.reason or hyperparameters,
            )
        )
    print_table(("trial", metric, "params", "ms", "s", "hyperparameters"), rows, left=(5,))
