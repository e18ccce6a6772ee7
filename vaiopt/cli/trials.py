"""``vaiopt trials``: the trials of a run, best first."""

from __future__ import annotations

import sys
from typing import Any, Dict, Sequence

import typer

from vaiopt.cli.common import JSON, RUN, emit


def command(
    run: str = RUN,
    pareto: bool = typer.Option(
        False,
        "--pareto",
        help="Only those on the front: of objective.front, else of the metric against latency or"
        " parameters.",
    ),
    as_csv: bool = typer.Option(False, "--csv", help="Print CSV on stdout."),
    as_json: bool = JSON,
) -> None:
    """List trials, best first: a table, CSV or JSON."""
    from vaiopt.errors import SettingsError
    from vaiopt.runs.layout import open_run
    from vaiopt.summary import rank_trials

    if as_csv and as_json:
        raise SettingsError("--csv and --json are two forms of one output", "Give one of them.")
    found = rank_trials(open_run(run), pareto=pareto)
    if as_csv:
        _print_csv([trial.row() for trial in found.trials])
    else:
        emit(found, as_json)


def _print_csv(rows: Sequence[Dict[str, Any]]) -> None:
    from vaiopt.present.spreadsheet import write_csv
    from vaiopt.study.record import columns

    names = columns(rows)
    write_csv(sys.stdout, names, ([row.get(name) for name in names] for row in rows))
