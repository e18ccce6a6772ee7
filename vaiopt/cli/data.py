"""``vaiopt data``: what data are, before anything is learned of them."""

from __future__ import annotations

from typing import List

import typer

from vaiopt.cli.common import JSON, SET, emit


def command(
    source: str = typer.Argument(
        ...,
        help="What data.source may be: a name, a file, a folder, or module:function; or a settings"
        " file (.toml) that names it.",
        show_default=False,
    ),
    overrides: List[str] = SET,
    as_json: bool = JSON,
) -> None:
    """Show what data are: samples by class and part, sizes, repeated samples, files left out."""
    from vaiopt.flow import describe_data

    emit(describe_data(source, overrides), as_json)
