"""Runs side by side, one a column."""

from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence, Tuple

from vaiopt.present import words
from vaiopt.present.sheet import Sheet
from vaiopt.present.table import Table
from vaiopt.present.uncertainty import interval

Row = Tuple[str, Callable[[Any], Optional[str]]]


def _score(name: str, samples: str) -> Callable[[Any], Optional[str]]:
    def told(run: Any) -> Optional[str]:
        key, value = run.summary.headline, getattr(run.summary, name)
        return _with_interval(key, value, getattr(run.summary, samples))

    return told


def _with_interval(key: str, value: Optional[float], samples: int) -> Optional[str]:
    within = interval(key, value, samples)
    return words.metric(key, value) if not within else f"{words.metric(key, value)} ({within})"


FIGURES: Sequence[Row] = (
    ("chosen", lambda r: None if r.summary.trial is None else f"trial {r.summary.trial}"),
    ("objective", lambda r: words.name(r.metric)),
    ("validation", lambda r: _with_interval(r.metric, r.validation, r.validation_samples)),
    ("float, test", _score("float_score", "test_samples")),
    ("int8, test", _score("int8_score", "test_samples")),
    ("measured", _score("measured_score", "measured_samples")),
    ("target", lambda r: r.summary.target),
    ("parameters", lambda r: words.count(r.summary.params)),
    ("predicted latency", lambda r: words.milliseconds(r.summary.predicted_latency_ms)),
    ("measured latency", lambda r: words.milliseconds(r.summary.measured_latency_ms)),
    ("trials", lambda r: words.counts(r.trials)),
    ("time of all trials", lambda r: words.seconds(r.seconds)),
)
"""What each run came to: its name, and what it is of a run (``Compared``)."""


def tables(result: Any) -> List[Tuple[str, Table]]:
    """Return the tables of a comparison, with titles: figures, settings that differ, and the
    hyperparameters of the chosen trials.

    Args:
        result: :class:`vaiopt.comparison.Comparison`.
    """
    runs, names = result.runs, [run.name for run in result.runs]
    figures = [[label, *map(told, runs)] for label, told in FIGURES]
    known = [row for row in figures if any(cell is not None for cell in row[1:])]
    settings = [[key, *map(_setting, values)] for key, values in result.settings.items()]
    keys = dict.fromkeys(key for run in runs for key in run.hyperparameters)
    points: List[List[Any]] = []
    for key in keys:
        values = [run.hyperparameters.get(key) for run in runs]
        points.append([key, *[None if value is None else words.value(value) for value in values]])
    return [
        ("", Table(("", *names), known, name="figures")),
        ("Settings that differ", Table(("setting", *names), settings, name="settings")),
        ("Chosen hyperparameters", Table(("hyperparameter", *names), points, name="chosen")),
    ]


def _setting(value: Any) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return ", ".join(f"{key}={words.value(one)}" for key, one in value.items()) or "none"
    return words.value(value)


def comparison(result: Any) -> Sheet:
    """The tables of a comparison; see :func:`tables`."""
    title = f"Compared · {', '.join(run.name for run in result.runs)}"
    return Sheet(title, tables=tables(result), notes=result.notes)
