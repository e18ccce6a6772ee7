"""``vaiopt kit``: what a kit has for a measurement."""

from __future__ import annotations

from typing import Optional

import typer

from vaiopt.cli.common import JSON, emit, option, progress


def command(
    host: str = typer.Argument(..., help="The kit, such as root@192.168.1.10."),
    clean: bool = typer.Option(
        False, "--clean", help="End your measurements there and remove all bundles."
    ),
    config: Optional[str] = option("-F", "--ssh-config", help="Configuration file for ssh."),
    as_json: bool = JSON,
) -> None:
    """Check a kit: ssh, space, Python, runtime, DPU, clock, who uses it; or clean it."""
    from vaiopt.deploy.kit_check import check_kit, clean_kit

    emit((clean_kit if clean else check_kit)(host, config, progress), as_json)
