"""``vaiopt search``: Bayesian search over a model family."""

from __future__ import annotations

from typing import List, Optional

import typer

from vaiopt.cli.common import (
    ACCEPT,
    JSON,
    RUN_OPTION,
    SET,
    SETTINGS,
    TARGET,
    TRUST,
    emit_for,
    given,
    leading_on,
    load,
    option,
    run_folder,
)


def command(
    settings: Optional[str] = SETTINGS,
    run: Optional[str] = RUN_OPTION,
    overrides: List[str] = SET,
    target: Optional[str] = TARGET,
    scheduler: Optional[str] = option(
        "--scheduler", help="Train on a Dask cluster: tcp://HOST:PORT, or a scheduler file."
    ),
    accept: bool = typer.Option(
        False,
        "--accept-changes",
        help="Go on with a run although its settings, model code or data have changed.",
    ),
    doubts: List[str] = ACCEPT,
    trust: bool = TRUST,
    as_json: bool = JSON,
) -> None:
    """Search for the best model; an existing run goes on to the number of trials asked for."""
    from vaiopt import flow
    from vaiopt.cli.live import follow
    from vaiopt.network.loadable import trusting_models
    from vaiopt.runs.commands import command_line

    more = given({"search.scheduler": scheduler, "deploy.accept": doubts or None})
    wanted = load(settings, [*overrides, *more], target, run)
    folder = run_folder(run, settings, wanted.data.source)
    view = follow(wanted, folder, as_json)
    again = command_line("search", folder, *["--trust-model"] * trust)
    with trusting_models(trust), leading_on(folder, again):
        result = flow.search(wanted, folder, progress=view.progress, on_trial=view, accept=accept)
    emit_for(result, as_json, folder)
