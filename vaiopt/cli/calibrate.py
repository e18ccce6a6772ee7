"""``vaiopt calibrate``: let the latency model learn from a kit."""

from __future__ import annotations

from typing import Any, List, Optional

import typer

from vaiopt.cli.common import ACCEPT, JSON, TARGET, emit, option, progress


def command(
    runs: List[str] = typer.Argument(
        ..., help="Run folders, measured on the same kit.", show_default=False
    ),
    target: Optional[str] = TARGET,
    name: Optional[str] = option("--name", help="Name of the fit. [default: TARGET-measured]"),
    out: Optional[str] = option("--out", help="Write the fit to this .json file instead."),
    doubts: List[str] = ACCEPT,
    as_json: bool = JSON,
) -> None:
    """Fit the latency constants to measured runs; --target may then name the fit."""
    from vaiopt.deploy.calibrate import calibrate_runs
    from vaiopt.runs.layout import open_run

    opened = [open_run(run) for run in runs]
    result = calibrate_runs(opened, target, name=name, out=out, accept=doubts, progress=progress)
    emit(result, as_json, f"use it with --target {_name(result)}")


def _name(result: Any) -> str:
    """Return what to write after ``--target``: the name for a file in the user's folder, else the
    path.
    """
    from vaiopt.hardware.own_targets import own_target

    return str(result.target if own_target(result.target) == result.path else result.path)
