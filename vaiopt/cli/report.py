"""``vaiopt report``: one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import typer

from vaiopt.cli.common import JSON, RUN, emit, progress


def command(
    run: str = RUN,
    export: Optional[Path] = typer.Option(
        None,
        "--export",
        help="Write every figure as PNG and its data as CSV into this folder.",
        show_default=False,
    ),
    as_json: bool = JSON,
) -> None:
    """Write report.html."""
    from vaiopt.report import write_report
    from vaiopt.runs.layout import open_run

    result = write_report(open_run(run), export=export)
    for remark in result.remarks:
        progress(f"note: {remark}")
    emit(result, as_json, _show)


def _show(result: Any) -> None:
    typer.echo(f"report: {result.path}")
    if result.exported:
        typer.echo(f"{len(result.exported)} figures and tables exported")
