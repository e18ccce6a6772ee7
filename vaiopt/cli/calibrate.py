"""``vaiopt calibrate``: let the latency model learn from a kit."""

from __future__ import annotations

from typing import Any, List, Optional

import typer

from vaiopt.cli.common import JSON, TARGET, emit, number, print_table, progress


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

    emit(
        calibrate_runs(
            [open_run(run) for run in runs], target, name=name, out=out, progress=progress
        ),
        as_json,
        _show,
    )


def _show(result: Any) -> None:
    content = result.to_json()
    rows = [
        (
            row["run"],
            *(
                number(row[key])
                for key in ("measured_ms", "before_ms", "left_out_ms", "predicted_ms")
            ),
        )
        for row in content["measurements"]
    ]
    print_table(("run", "measured ms", "before", "fitted without it", "fitted"), rows)
    before, after = content["error"]["before"], content["error"]["single"]
    typer.echo("mean error {} % (before: {} %), largest {} % ({} %)".format(
        after["mean_percent"], before["mean_percent"], after["max_percent"], before["max_percent"]
    ))  # fmt: skip
    typer.echo("{}: use it with --target {}".format(content["path"], _given(content)))


def _given(content: Any) -> str:
    """Return what to write after ``--target``: the name for a file in the user's folder, else the
    path.
    """
    from pathlib import Path

    from vaiopt.hardware.own_targets import own_target

    found = own_target(content["target"])
    return str(
        content["target"]
        if found is not None and found == Path(content["path"])
        else content["path"]
    )
