"""``vaiopt choose``: choose another trial of a finished search."""

from __future__ import annotations

from typing import Optional

import typer

from vaiopt.cli.common import JSON, RUN, emit


def command(
    run: str = RUN,
    trial: Optional[int] = typer.Option(
        None, "--trial", "-n", help="Choose this trial.", show_default=False
    ),
    max_latency_ms: Optional[float] = typer.Option(
        None,
        "--max-latency-ms",
        help="Choose the best within this predicted latency.",
        show_default=False,
    ),
    as_json: bool = JSON,
) -> None:
    """Choose a trial by number or by latency; without either, the best."""
    from vaiopt.flow import choose
    from vaiopt.runs.layout import open_run

    record = choose(open_run(run), trial=trial, max_latency_ms=max_latency_ms)
    emit(record, as_json, f"next: vaiopt run --from quantize --run {run}")
