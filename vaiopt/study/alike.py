"""Trials that cannot be told apart by their accuracy, though one is smaller or faster."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from vaiopt.present.uncertainty import differ, is_accuracy
from vaiopt.runs.layout import Run
from vaiopt.study.record import TrialRecord

WORTH = 0.9
"""The share of a cost below which it is worth to be named."""


def _less(other: TrialRecord, chosen: TrialRecord) -> List[Tuple[float, str]]:
    """Return the shares of the costs that are less, and what they are in words."""
    pairs = (
        (other.latency_ms, chosen.latency_ms, "of its latency"),
        (other.costs.get("params"), chosen.costs.get("params"), "of its parameters"),
    )
    shares = [(a / b, name) for a, b, name in pairs if a is not None and b]
    return [(share, name) for share, name in shares if share < WORTH]


def indistinct(one: TrialRecord, other: TrialRecord, metric: str) -> bool:
    """Return whether two trials cannot be told apart by an accuracy: both were counted on as many
    samples, and differ by no more than chance. False where the metric is no accuracy.
    """
    first, second = one.metrics.get(metric), other.metrics.get(metric)
    if first is None or second is None or not is_accuracy(metric):
        return False
    shares = 0 <= first <= 1 and 0 <= second <= 1
    counted = one.samples > 0 and one.samples == other.samples
    return shares and counted and not differ(first, second, one.samples)


def cheaper_alike(
    run: Run, chosen: TrialRecord, trials: Sequence[TrialRecord], metric: str
) -> Optional[TrialRecord]:
    """Return the cheapest trial whose accuracy does not differ from the chosen one's by more than
    chance, and which is smaller or faster; None without one, or where the metric is no accuracy.

    Args:
        run: its models: a trial whose model is gone cannot be chosen.
        chosen: a trial.
        trials: all of the search.
        metric: of the objective.
    """
    found = []
    for trial in trials:
        if trial.value is None or not indistinct(trial, chosen, metric):
            continue
        less = _less(trial, chosen)
        if less and run.trial(trial.number).model.is_file():
            found.append((min(less), trial.number, trial))
    return min(found, key=lambda entry: entry[:2])[2] if found else None


def alike_text(chosen: TrialRecord, other: Optional[TrialRecord]) -> str:
    """Return in one line that a cheaper trial is not known to be worse; empty without one."""
    if other is None:
        return ""
    less = " and ".join(f"{100 * share:.0f} % {name}" for share, name in _less(other, chosen))
    return (
        f"on {chosen.samples} validation samples trial {other.number}, with {less}, cannot be told"
        f" from trial {chosen.number} (95 %)"
    )
