"""``vaiopt inspect``: what a model costs on a target, layer by layer, without a board."""

from __future__ import annotations

from typing import Optional

import typer

from vaiopt.cli.common import JSON, emit, option
from vaiopt.releases import one_of


def command(
    model: str = typer.Argument(
        ...,
        help="An .h5 (never executed), an architecture JSON, file.py:build_model, or a run folder.",
        show_default=False,
    ),
    target: str = typer.Option(
        "zcu102", "--target", "-t", help="One of 'vaiopt targets', or an arch.json."
    ),
    release: Optional[str] = option("--release", help=f"{one_of()}."),
    threads: int = typer.Option(1, "--threads", min=1, help="Threads for frames per second."),
    as_json: bool = JSON,
) -> None:
    """Show where each layer runs, why, and what it costs."""
    from vaiopt.flow import inspect

    emit(inspect(model, target, release=release, threads=threads), as_json)
