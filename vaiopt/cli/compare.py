"""``vaiopt compare``: runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

import typer

from vaiopt.cli.common import JSON, emit, option, progress


def command(
    runs: List[str] = typer.Argument(..., help="Two run folders or more.", show_default=False),
    html: Optional[Path] = option(
        "--html", help="Write one page with these tables, the curves and the fronts."
    ),
    as_json: bool = JSON,
) -> None:
    """Show settings that differ and figures of several runs, one a column."""
    from vaiopt.comparison import compare_runs
    from vaiopt.files import check_file

    if html is not None:
        check_file(html)
    found = compare_runs(runs)
    if html is not None:
        progress(f"wrote {found.write_html(html)}")
    emit(found, as_json)
