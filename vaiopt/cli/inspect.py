"""``vaiopt inspect``: what a model costs on a target, layer by layer, without a board."""

from __future__ import annotations

from typing import Any, Optional

import typer

from vaiopt.cli.common import JSON, emit, number, print_table
from vaiopt.releases import one_of


def command(
    model: str = typer.Argument(
        ...,
        help="An .h5 (never executed), an architecture JSON, file.py:build_model, or a run folder.",
        show_default=False,
    ),
    target: str = typer.Option(
        "zcu102", "--target", "-t", help="One of 'vaiopt targets', or an arch.json."
    ),
    release: Optional[str] = typer.Option(
        None, "--release", help=f"{one_of()}.", show_default=False
    ),
    threads: int = typer.Option(1, "--threads", min=1, help="Threads for frames per second."),
    as_json: bool = JSON,
) -> None:
    """Show where each layer runs, why, and what it costs."""
    from vaiopt.flow import inspect

    emit(inspect(model, target, release=release, threads=threads), as_json, _show)


def _show(result: Any) -> None:
    content = result.to_json()
    rows = [
        (
            row["name"],
            row["type"],
            row["device"],
            number(row["cycles"]),
            "{:.1f} %".format(100 * row["share"]),
            "-" if row["utilization"] is None else "{:.0f} %".format(100 * row["utilization"]),
            row["reason"],
        )
        for row in content["layers"]
    ]
    print_table(
        ("layer", "type", "device", "cycles", "share", "used", "why"), rows, left=(0, 1, 2, 6)
    )
    typer.echo(
        "{}, release {}: {}".format(content["target"], content["release"], content["validation"])
    )
    typer.echo(
        "{} ms end to end, {} ms on the DPU, {} fps at {} thread(s), {} fps with all cores".format(
            number(content["latency_ms"]),
            number(content["dpu_latency_ms"]),
            number(content["fps"]),
            content["threads"],
            number(content["fps_all_cores"]),
        )
    )
    typer.echo(
        "{:,} parameters, {:,} MACs, {} DPU subgraph(s), layers on the CPU: {}".format(
            content["params"],
            content["macs"],
            content["dpu_subgraphs"],
            ", ".join(content["fallback_layers"]) or "none",
        )
    )
    for suggestion in content["suggestions"]:
        typer.echo(
            "{} ({:.0f} % of the time): {}".format(
                suggestion["layer"], 100 * suggestion["share"], suggestion["text"]
            )
        )
    for warning in content["warnings"]:
        typer.echo(f"warning: {warning}", err=True)
