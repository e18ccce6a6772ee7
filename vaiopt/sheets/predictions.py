"""What a model says of samples, one a row."""

from __future__ import annotations

from typing import Any, List

from vaiopt.present import words
from vaiopt.present.sheet import Sheet
from vaiopt.present.table import Table


def predictions(result: Any) -> Sheet:
    """The label of each sample by its name, how sure the model is, and what comes next.

    Args:
        result: :class:`vaiopt.predictions.Predictions`.
    """
    sure = any(row.confidence is not None for row in result.rows)
    columns = ["sample", "label", *["confidence", "next", "its confidence"] * sure]
    rows: List[List[Any]] = []
    for row in result.rows:
        second = [row.second or None, words.percent(row.second_confidence, 1)]
        rows.append(
            [row.name, row.label, *[words.percent(row.confidence, 1), *second] * sure],
        )
    facts = [
        ("samples", words.count(len(result.rows)), ""),
        ("time of one", words.milliseconds(result.ms), result.where),
    ]
    title = f"Predictions · {result.model} model of trial {result.trial} · {result.run}"
    table = Table(columns, rows, numeric=(2, 4) if sure else (), name="predictions")
    return Sheet(title, facts, [("", table)], result.notes)
