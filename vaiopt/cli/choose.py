"""``vaiopt choose``: choose another trial of a finished search."""

from __future__ import annotations

from typing import Optional

import typer

from vaiopt.cli.common import JSON, RUN, emit_for, option, progress


def command(
    run: str = RUN,
    trial: Optional[int] = option("--trial", "-n", help="Choose this trial."),
    min_metric: Optional[float] = option(
        "--min-metric",
        help="Choose the cheapest that reaches this value of objective.metric (of one to minimise:"
        " at most this).",
    ),
    min_accuracy: Optional[float] = option(
        "--min-accuracy", help="The same, where the metric is an accuracy, such as 0.97."
    ),
    max_latency_ms: Optional[float] = option(
        "--max-latency-ms",
        help="Choose the best within this latency: measured in the search, else predicted.",
    ),
    min_fps: Optional[float] = option(
        "--min-fps", help="Choose the best of at least so many predicted frames a second."
    ),
    max_params: Optional[float] = option(
        "--max-params", help="Choose the best of at most so many parameters."
    ),
    knee: bool = typer.Option(
        False, "--knee", help="Choose the knee of the front, of those within the limits."
    ),
    as_json: bool = JSON,
) -> None:
    """Choose a trial by number, or by limits, which may be combined; without any, as the search
    does. Of trials that cannot be told from the best within the limits the cheapest is taken.
    """
    from vaiopt.choosing import reason_of_choice
    from vaiopt.flow import choose
    from vaiopt.runs.layout import open_run

    found = open_run(run)
    record = choose(
        found,
        trial=trial,
        min_metric=min_metric,
        min_accuracy=min_accuracy,
        max_latency_ms=max_latency_ms,
        min_fps=min_fps,
        max_params=max_params,
        knee=knee,
    )
    reason = reason_of_choice(found)
    if reason:
        progress(f"note: {reason}")
    emit_for(record, as_json, run)
