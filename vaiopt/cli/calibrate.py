"""``vaiopt calibrate``: let the latency model learn from a kit."""

from __future__ import annotations

from typing import Any, List, Optional

import typer

from vaiopt.cli.common import JSON, TARGET, emit, progress


def command(
    runs: List[str] = typer.Argument(
        ..., help="Run folders, measured on the same kit.", show_default=False
    ),
    target: Optional[str] = TARGET,
    name: Optional[str] = typer.Option(
        None, "--name", help="Name of the fit. [default: TARGET-measured]", show_default=False
    ),
    out: Optional[str] = typer.Option(
        None, "--out", help="Write the fit to this .json file instead.", show_default=False
    ),
    as_json: bool = JSON,
) -> None:
    """Fit the latency constants to measured runs; --target may then name the fit."""
    from vaiopt.deploy.calibrate import calibrate_runs
    from vaiopt.runs.layout import open_run

    opened = [open_run(run) for run in runs]
    result = calibrate_runs(opened, target, name=name, out=out, progress=progress)
    emit(result, as_json, f"use it with --target {_name(result)}")


def _name(result: Any) -> str:
    """Return what to write after ``--target``: the name for a file in the user's folder, else the
    path.
    """
    from vaiopt.hardware.own_targets import own_target

    return str(result.target if own_target(result.target) == result.path else result.path)
