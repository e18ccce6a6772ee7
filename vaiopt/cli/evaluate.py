"""``vaiopt evaluate``: the chosen model on the test split."""

from __future__ import annotations

from typing import List

import typer

from vaiopt.cli.common import JSON, RUN, TRUST, emit, emit_for, load_of_run, progress


def command(
    run: str = RUN,
    trial: List[int] = typer.Option(
        [],
        "--trial",
        "-n",
        help="Instead evaluate this trial; may be repeated.",
        show_default=False,
    ),
    kept: bool = typer.Option(
        False, "--all", help="Instead evaluate every trial whose model is kept."
    ),
    trust: bool = TRUST,
    as_json: bool = JSON,
) -> None:
    """Evaluate the chosen model, and its int8 form, once on the test split; or several trials, to
    compare them.
    """
    from vaiopt.flow import evaluate, evaluate_trials
    from vaiopt.network.loadable import trusting_models

    opened, settings = load_of_run(run, [], None, "evaluate")
    with trusting_models(trust):
        if trial or kept:
            emit(evaluate_trials(opened, trial, progress), as_json)
        else:
            emit_for(evaluate(opened, settings, progress), as_json, run)
