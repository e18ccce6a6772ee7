"""``vaiopt run``: the whole flow, or a part of it."""

from __future__ import annotations

from typing import Any, List, Optional

import typer

from vaiopt.cli.common import (
    JSON,
    RUN_OPTION,
    SET,
    SETTINGS,
    TARGET,
    emit,
    load,
    load_of_run,
    number,
    percent,
    print_table,
    progress,
    run_folder,
)
from vaiopt.cli.live import follow


def command(
    settings: Optional[str] = SETTINGS,
    run: Optional[str] = RUN_OPTION,
    first: Optional[str] = typer.Option(
        None,
        "--from",
        metavar="STEP",
        help="First step: search, quantize, evaluate, compile, bundle, measure, report.",
    ),
    last: Optional[str] = typer.Option(None, "--to", metavar="STEP", help="Last step."),
    overrides: List[str] = SET,
    target: Optional[str] = TARGET,
    as_json: bool = JSON,
) -> None:
    """Search, quantize, evaluate, compile, bundle, measure and report; or a part of it."""
    from vaiopt.flow import run_flow, steps_between

    if settings is None and run is not None and steps_between(first, last)[0].name != "search":
        _, wanted = load_of_run(run, overrides, target)
    else:
        wanted = load(settings, overrides, target, run)
    folder = run_folder(run, settings, wanted.data.source)
    view = follow(wanted, folder, as_json)
    summary = run_flow(
        wanted, folder, first=first, last=last, progress=view.progress, on_trial=view
    )
    emit(summary, as_json, show_summary)


def show_summary(summary: Any) -> None:
    """Print the closing table of a flow."""
    gap = (
        f"{100 * (summary.int8_accuracy - summary.float_accuracy):+.2f} points"
        if summary.int8_accuracy is not None and summary.float_accuracy is not None
        else ""
    )
    rows = [
        ("float accuracy (test)", percent(summary.float_accuracy), f"trial {summary.trial}"),
        ("int8 accuracy (test)", percent(summary.int8_accuracy), gap),
        ("measured accuracy", percent(summary.measured_accuracy), f"target {summary.target}"),
        ("parameters", number(summary.params), ""),
        ("predicted latency", _ms(summary.predicted_latency_ms), ""),
        ("measured latency", _ms(summary.measured_latency_ms), "median, one thread"),
    ]
    print_table(("", "", ""), rows, left=(0, 2))
    for name, seconds in summary.seconds.items():
        progress(f"{name:>10} {seconds:6.1f} s")
    if summary.stale:
        typer.echo(summary.stale)
    if summary.report:
        typer.echo(f"report: {summary.report}")


def _ms(value: Optional[float]) -> str:
    return "-" if value is None else f"{value:.3g} ms"
