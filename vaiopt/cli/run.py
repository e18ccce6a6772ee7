"""``vaiopt run``: the whole flow, or a part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Optional

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
    load_of_run,
    run_folder,
)
from vaiopt.errors import BoardError

if TYPE_CHECKING:
    from vaiopt.summary import Summary


def command(
    settings: Optional[str] = SETTINGS,
    run: Optional[str] = RUN_OPTION,
    first: Optional[str] = typer.Option(
        None,
        "--from",
        metavar="STEP",
        help="First step: search, quantize, evaluate, compile, bundle, measure, report.",
    ),
    last: Optional[str] = typer.Option(None, "--to", metavar="STEP", help="Last step."),
    front: int = typer.Option(
        1,
        "--front",
        metavar="N",
        min=1,
        help="Carry N points of the front, spread over it, to the kit together. [default: 1, the"
        " chosen one]",
        show_default=False,
    ),
    overrides: List[str] = SET,
    target: Optional[str] = TARGET,
    doubts: List[str] = ACCEPT,
    trust: bool = TRUST,
    as_json: bool = JSON,
) -> None:
    """Search, quantize, evaluate, compile, bundle, measure and report; or a part of it."""
    from vaiopt.cli.live import follow
    from vaiopt.flow import run_flow, steps_between
    from vaiopt.network.loadable import trusting_models
    from vaiopt.runs.commands import command_line

    overrides = [*overrides, *given({"deploy.accept": doubts or None})]
    steps = [step.name for step in steps_between(first, last)]
    if settings is None and run is not None and "search" not in steps:
        _, wanted = load_of_run(run, overrides, target, *steps)
    else:
        wanted = load(settings, overrides, target, run)
    folder = run_folder(run, settings, wanted.data.source)
    view = follow(wanted, folder, as_json)
    words = [*(["--from", first] if first else []), *(["--to", last] if last else [])]
    words += ["--front", str(front)] * (front > 1) + ["--trust-model"] * trust
    again = command_line("run", folder, *words)
    with trusting_models(trust), leading_on(folder, again):
        summary = run_flow(
            wanted,
            folder,
            first=first,
            last=last,
            front=front,
            progress=view.progress,
            on_trial=view,
        )
    emit_for(summary, as_json, folder, wanted)
    check_measured(summary)


def check_measured(summary: Summary) -> None:
    """Raise BoardError if points of the front were not measured, with the command that goes on."""
    if summary.go_on:
        raise BoardError(
            f"{len(summary.unmeasured)} of {len(summary.front)} candidates were not measured",
            f"Go on with: {summary.go_on}",
        )
