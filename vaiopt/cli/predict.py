"""``vaiopt predict``: what a model says of a person's own files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Optional

import typer

from vaiopt.cli.common import JSON, RUN, TRUST, emit, option, progress


def command(
    run: str = RUN,
    samples: str = typer.Argument(
        ...,
        help="An image, a folder of images, a .csv with the run's columns, or an .npz with x.",
        show_default=False,
    ),
    model: str = typer.Option(
        "auto",
        "--model",
        "-m",
        help="float, int8, or bundle (the compiled model); auto: int8 if there is one, else float.",
    ),
    trial: Optional[int] = option("--trial", "-n", help="Of this trial; by default the chosen."),
    target: str = typer.Option("", "--target", "-t", help="Of the bundle, if there are several."),
    out: Optional[Path] = option(
        "--out", help="Write names, outputs and predictions as arrays into this .npz file."
    ),
    as_csv: bool = typer.Option(False, "--csv", help="Print CSV on stdout."),
    trust: bool = TRUST,
    as_json: bool = JSON,
) -> None:
    """Tell label and confidence of each file, and how long one takes."""
    from vaiopt.files import check_file
    from vaiopt.network.loadable import trusting_models
    from vaiopt.predictions import predict_candidate
    from vaiopt.runs.layout import open_run

    if out is not None:
        check_file(out)
    with trusting_models(trust):
        opened = open_run(run)
        candidate = opened.chosen if trial is None else opened.trial(trial)
        found = predict_candidate(candidate, samples, model=model, target=target, progress=progress)
    if out is not None:
        found.save(out)
    if as_csv:
        _print_csv(found)
    else:
        emit(found, as_json)


def _print_csv(found: Any) -> None:
    from vaiopt.present.spreadsheet import write_csv

    columns = list(vars(found.rows[0]))
    write_csv(sys.stdout, columns, (list(vars(row).values()) for row in found.rows))
