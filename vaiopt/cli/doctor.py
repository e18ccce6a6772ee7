"""``vaiopt doctor``: what is installed, and what each stage could use here."""

from __future__ import annotations

from typing import Any

import typer

from vaiopt.cli.common import JSON, emit, print_table


def command(as_json: bool = JSON) -> None:
    """Tell what is installed and what each stage could use here."""
    from vaiopt.doctor import diagnose

    emit(diagnose(), as_json, _show)


def _show(diagnosis: Any) -> None:
    release = diagnosis.container
    where = f"Vitis-AI {release}" if release else "none (this is a workstation or a kit)"
    typer.echo(f"container: {where}")
    print_table(
        ("stage", "", "uses", "otherwise"),
        [(s.stage, "ready" if s.ready else "missing", s.uses, s.hint) for s in diagnosis.stages],
        left=(0, 1, 2, 3),
    )
    print_table(("package", "version"), list(diagnosis.versions.items()), left=(0, 1))
