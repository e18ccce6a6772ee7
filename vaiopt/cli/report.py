"""``vaiopt report``: one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from vaiopt.cli.common import JSON, RUN, emit_for, option, progress


def command(
    run: str = RUN,
    export: Optional[Path] = option(
        "--export", help="Write every figure as PNG and its data as CSV into this folder."
    ),
    as_json: bool = JSON,
) -> None:
    """Write report.html."""
    import vaiopt.report.shown  # noqa: F401  what the result shows
    from vaiopt import flow

    opened, settings = flow.open_with(run, (), "report")
    emit_for(flow.report(opened, settings, progress, export), as_json, run)
