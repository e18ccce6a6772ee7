"""``vaiopt choose``: choose another trial of a finished search."""

from __future__ import annotations

from typing import Optional

from vaiopt.cli.common import JSON, RUN, emit, option, progress


def command(
    run: str = RUN,
    trial: Optional[int] = option("--trial", "-n", help="Choose this trial."),
    max_latency_ms: Optional[float] = option(
        "--max-latency-ms",
        help="Choose the best within this latency: measured in the search, else predicted.",
    ),
    as_json: bool = JSON,
) -> None:
    """Choose a trial by number or by latency; without either, the best."""
    from vaiopt.flow import choose, not_told_apart
    from vaiopt.runs.layout import open_run

    found = open_run(run)
    record = choose(found, trial=trial, max_latency_ms=max_latency_ms)
    alike = not_told_apart(found, record)
    if alike:
        progress(f"note: {alike}")
    emit(record, as_json, f"next: vaiopt run --from quantize --run {run}")
