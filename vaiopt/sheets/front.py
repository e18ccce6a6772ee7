"""The table of several candidates side by side: before quantization, after it, and on the kit."""

from __future__ import annotations

from typing import Any, Callable, List, Sequence, Tuple

from vaiopt.delivered import Delivered
from vaiopt.present import words
from vaiopt.present.table import Table
from vaiopt.present.uncertainty import interval

Column = Tuple[str, Callable[[Delivered], Any], Callable[[Delivered], Any]]
"""Heading, what is shown, and the plain value."""


def front_table(rows: Sequence[Delivered], name: str = "") -> Table:
    """Return one row a candidate; columns that are empty for all are left out.

    Args:
        rows: the candidates, in the order of the table.
        name: stem of its CSV.
    """
    found = [column for column in _columns(rows) if any(column[1](row) for row in rows)]
    found = [("trial", _trial, _trial), *found]
    headings = [heading for heading, _, _ in found]
    return Table(
        headings,
        [[shown(row) for _, shown, _ in found] for row in rows],
        numeric=tuple(i for i, heading in enumerate(headings) if heading != LEFT_OUT),
        name=name,
        data=[headings, *[[plain(row) for _, _, plain in found] for row in rows]],
    )


LEFT_OUT = "left out"


def _trial(row: Delivered) -> int:
    return row.trial


def _columns(rows: Sequence[Delivered]) -> List[Column]:
    first = rows[0] if rows else Delivered(0)
    score, validation = words.score_name(first.headline), words.name(first.metric)
    return [
        (validation, lambda r: words.metric(r.metric, r.validation), lambda r: r.validation),
        (f"float {score}", lambda r: _score(r, r.float_score), lambda r: r.float_score),
        (f"int8 {score}", lambda r: _score(r, r.int8_score), lambda r: r.int8_score),
        (f"measured {score}", lambda r: _score(r, r.measured_score), lambda r: r.measured_score),
        ("95 % interval", _interval, _interval),
        ("same class", lambda r: words.percent(r.agreement), lambda r: r.agreement),
        (
            "predicted latency",
            lambda r: words.milliseconds(r.predicted_latency_ms),
            lambda r: r.predicted_latency_ms,
        ),
        (
            "measured latency",
            lambda r: words.milliseconds(r.measured_latency_ms),
            lambda r: r.measured_latency_ms,
        ),
        ("predicted frames/s", lambda r: words.count(r.predicted_fps), lambda r: r.predicted_fps),
        ("measured frames/s", lambda r: words.count(r.measured_fps), lambda r: r.measured_fps),
        ("parameters", lambda r: words.count(r.params), lambda r: r.params),
        (LEFT_OUT, _failed_step, _failed_step),
    ]


def _score(row: Delivered, value: Any) -> Any:
    return words.metric(row.headline, value)


def _interval(row: Delivered) -> Any:
    return interval(row.headline, row.measured_score, row.measured_samples) or None


def _failed_step(row: Delivered) -> Any:
    return None if row.failure is None else f"by {row.failure.step}"


def failures(rows: Sequence[Delivered]) -> List[str]:
    """Return in a line each which candidates are left out, and why."""
    return [
        f"trial {row.trial} is left out by {row.failure.step}: {row.failure.message}."
        f" {row.failure.hint}"
        for row in rows
        if row.failure is not None
    ]
