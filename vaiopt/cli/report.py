"""``vaiopt report``: one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from vaiopt.cli.common import JSON, RUN, emit_for, option


def command(
    run: str = RUN,
    export: Optional[Path] = option(
        "--export", help="Write every figure as PNG and its data as CSV into this folder."
    ),
    as_json: bool = JSON,
) -> None:
    """Write report.html."""
    import vaiopt.report.shown  # noqa: F401  what the result shows
    from vaiopt.report import write_report
    from vaiopt.runs.layout import open_run

    emit_for(write_report(open_run(run), export=export), as_json, run)
