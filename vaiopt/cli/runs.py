"""``vaiopt runs``: which runs there are."""

from __future__ import annotations

import typer

from vaiopt.cli.common import JSON, emit, say


def command(
    folder: str = typer.Argument(".", help="Where to look, three folders deep."),
    as_json: bool = JSON,
) -> None:
    """List runs, how far each is and what comes next."""
    from vaiopt.run_list import list_runs

    found = list_runs(folder)
    if found or as_json:
        emit(found, as_json)
    else:
        say(f"no runs in '{folder}'\n\nnext: vaiopt run --run runs/first")
