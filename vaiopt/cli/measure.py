"""``vaiopt measure``: accuracy and latency of the bundle, here or on a kit."""

from __future__ import annotations

from typing import List, Optional

import typer

from vaiopt.cli.common import JSON, RUN, SET, TARGET, emit_for, given, load_of_run, option, progress


def command(
    run: str = RUN,
    target: Optional[str] = TARGET,
    host: Optional[str] = option("--host", help="local, or root@BOARD. [default: the run's]"),
    config: Optional[str] = option("-F", "--ssh-config", help="Configuration file for ssh."),
    new: bool = typer.Option(
        False, "--new", help="Measure, also where the same measurement runs or ended on the kit."
    ),
    overrides: List[str] = SET,
    as_json: bool = JSON,
) -> None:
    """Run the bundle's own scripts and keep what they report."""
    from vaiopt.flow import measure

    opened, settings = load_of_run(
        run,
        [*overrides, *given({"deploy.host": host, "deploy.ssh_config": config})],
        target,
        "measure",
    )
    emit_for(measure(opened, settings, progress, new), as_json, run, settings)
