"""``vaiopt evaluate``: the chosen model on the test split."""

from __future__ import annotations

from typing import Any, Dict, List

import typer

from vaiopt.cli.common import JSON, RUN, emit, load_of_run, percent, print_table, progress


def command(
    run: str = RUN,
    trial: List[int] = typer.Option(
        [],
        "--trial",
        "-n",
        help="Instead evaluate this trial; may be repeated.",
        show_default=False,
    ),
    kept: bool = typer.Option(
        False, "--all", help="Instead evaluate every trial whose model is kept."
    ),
    as_json: bool = JSON,
) -> None:
    """Evaluate the chosen model, and its int8 form, once on the test split; or several trials, to
    compare them.
    """
    from vaiopt.flow import evaluate, evaluate_trials

    opened, settings = load_of_run(run, [])
    if trial or kept:
        emit(evaluate_trials(opened, trial, progress), as_json, _show_trials)
    else:
        emit(evaluate(opened, settings, progress), as_json, _show)


def _show_trials(results: List[Any]) -> None:
    rows = [
        (str(r.trial), percent(r.accuracy), f"{r.macro_f1:.4f}", f"{r.loss:.4f}") for r in results
    ]
    print_table(("trial", "test accuracy", "macro F1", "loss"), rows)


def _show(result: Any) -> None:
    content: Dict[str, Any] = result.to_json()
    for kind in ("float", "int8"):
        found = content[kind]
        if found is None:
            continue
        typer.echo(
            "{}: accuracy {}, macro F1 {:.4f}, {} test samples".format(
                kind, percent(found["accuracy"]), found["macro_f1"], found["samples"]
            )
        )
    found = content["float"]
    rows = [
        (
            r["class"],
            "{:.4f}".format(r["precision"]),
            "{:.4f}".format(r["recall"]),
            "{:.4f}".format(r["f1"]),
            r["support"],
        )
        for r in found["per_class"]
    ]
    print_table(("class", "precision", "recall", "F1", "samples"), rows)
    names = [row["class"] for row in found["per_class"]]
    print_table(
        ("true \\ predicted", *names),
        [(name, *row) for name, row in zip(names, found["confusion"])],
    )
    for wrong in found["misclassified"][:10]:
        typer.echo(
            "test sample {index}: true {true}, predicted {predicted} ({confidence:.2f})".format(
                **{**wrong, "true": names[wrong["true"]], "predicted": names[wrong["predicted"]]}
            )
        )
    if len(found["misclassified"]) > 10:
        typer.echo("and {} more, in float/evaluation.json".format(len(found["misclassified"]) - 10))
