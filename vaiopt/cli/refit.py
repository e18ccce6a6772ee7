"""``vaiopt refit``: train a point of a finished search once more."""

from __future__ import annotations

from typing import Optional

import typer

from vaiopt.cli.common import JSON, RUN, emit, option, progress


def command(
    run: str = RUN,
    trial: Optional[int] = option("--trial", "-n", help="Of this trial; by default the chosen."),
    epochs: Optional[int] = option(
        "--epochs",
        help="For so many epochs; by default three times the trial's, of which the best is kept; on"
        " train+validation the trial's best.",
    ),
    on: str = typer.Option("train", "--on", help="On this: train, or train+validation."),
    as_json: bool = JSON,
) -> None:
    """Train a trial's point for longer, or on all but the test split; makes it a candidate."""
    from vaiopt.flow import refit
    from vaiopt.runs.commands import command_line
    from vaiopt.runs.layout import open_run

    record = refit(open_run(run), trial=trial, epochs=epochs, on=on, progress=progress)
    again = command_line("choose", run, "--trial", str(record.number))
    emit(record, as_json, f"next: {again}")
