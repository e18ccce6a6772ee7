"""A trial as a record: what Optuna's study holds of it.

Optuna keeps the states and the points. All else that a trial gave (metrics, costs, learning curve,
reason, seconds, memory) stands in one user attribute of the trial, written once, when it ends.
Reading it needs neither TensorFlow nor scikit-optimize.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from vaiopt.data.preprocessing import Scaling
from vaiopt.present.shown import Shown
from vaiopt.record import Record, Unfit, part
from vaiopt.runs.records import Value
from vaiopt.study.space import Dimension

COMPLETE, PRUNED, INFEASIBLE = "complete", "pruned", "infeasible"
FAILED, RUNNING, INTERRUPTED = "failed", "running", "interrupted"
REFIT, OUTDATED = "refit", "outdated"
STATES = (COMPLETE, PRUNED, INFEASIBLE, FAILED, RUNNING, INTERRUPTED, REFIT, OUTDATED)
NOT_OF_THE_SEARCH = (INTERRUPTED, REFIT, OUTDATED)
"""Trials of the study that the search does not count and learns nothing from."""


def trainings(trials: Iterable["TrialRecord"]) -> int:
    """Return how many of a search's trials ``search.trials`` counts: all but those that are not
    trained, and those that the search does not count at all.
    """
    return sum(t.status not in (*NOT_OF_THE_SEARCH, INFEASIBLE) for t in trials)


@dataclass(frozen=True)
class TrialRecord(Record, Shown):
    """One trial.

    Attributes:
        number: Optuna's number, from 0; 0 is the family's default point.
        status: ``complete``, ``pruned``, ``infeasible`` (broke a hard limit, never trained),
            ``failed``, ``running``, ``interrupted`` (the search was stopped while it ran; it is
            run again), ``refit`` (the point of another trial, trained anew), or ``outdated`` (it
            ran on other data).
        reason: why it is not complete, in one line.
        value: the objective; None unless complete.
        hyperparameters: the active ones.
        metrics: ``val_accuracy``, ``val_f1`` (macro), ``val_loss`` and whatever else the model
            reports, of the kept epoch.
        samples: that the validation metrics were counted on; 0 where that is not known.
        costs: ``params``, ``macs``, ``latency_ms``, as predicted before training.
        measured_latency_ms: of one sample, where a kit measured it during the search; it counts in
            the objective in place of the predicted one.
        curve: per epoch ``epoch``, ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``,
            ``val_f1``, ``seconds``.
        refit_of: number of the trial whose point was trained anew; None of any other.
        epoch: whose weights are kept, from 1; None where several trainings make a trial.
        seconds: wall time of the trial.
        peak_memory_mb: highest resident memory of its process.
        started, finished: ISO 8601, UTC.
        worker: process and host.
        traceback: of a failed trial, where there is one.
        scaling: of raw samples, which the model function gave to its model, and the preprocessing
            does instead; None for that of the settings.
        pruning: what early stopping saw: ``reports``, pairs of a step and the objective so far, and
            ``rungs``, the pruner's own notes; ``samples``, pairs of a step and the training samples
            of its report, where they differ.
        weights: what its model took of ``model.weights``, in words.
        met: hyperparameters that it asked for and the search space did not have until then.
    """

    number: int = part(low=0)
    status: str = part(choices=STATES)
    reason: str = part("")
    value: Optional[float] = part(None)
    hyperparameters: Dict[str, Value] = part({})
    metrics: Dict[str, float] = part({})
    samples: int = part(0, low=0)
    costs: Dict[str, float] = part({})
    measured_latency_ms: Optional[float] = part(None, low=0)
    curve: Sequence[Mapping[str, Optional[float]]] = part([])
    refit_of: Optional[int] = part(None, low=0)
    epoch: Optional[float] = part(None, low=0)
    seconds: float = part(0.0)
    peak_memory_mb: float = part(0.0)
    started: str = part("")
    finished: str = part("")
    worker: str = part("")
    traceback: str = part("")
    scaling: Optional[Scaling] = part(None)
    pruning: Dict[str, Any] = part({})
    met: Tuple[Dimension, ...] = part(())
    weights: str = part("")

    def check(self) -> None:
        """Raise unless a complete trial has a value, and what the pruner saw are pairs."""
        if self.status == COMPLETE and self.value is None:
            raise Unfit("value", "is missing, though the trial is complete")
        reports = self.pruning.get("reports") or []
        pairs = isinstance(reports, list) and all(
            isinstance(pair, (list, tuple)) and len(pair) == 2 and all(map(_is_number, pair))
            for pair in reports
        )
        if not pairs:
            raise Unfit("pruning.reports", "are no pairs of a step and an objective")

    @classmethod
    def from_json(cls, content: Any) -> "TrialRecord":
        """Read what :meth:`to_json` gave; a metric that is null is left out."""
        metrics = content.get("metrics") if isinstance(content, Mapping) else None
        if isinstance(metrics, Mapping):
            known = {name: value for name, value in metrics.items() if value is not None}
            content = {**content, "metrics": known}
        return super().from_json(content)

    def to_json(self) -> Dict[str, Any]:
        """Return a JSON object; NaN and infinity, which JSON lacks, become null."""
        cleaned: Dict[str, Any] = _finite(super().to_json())
        for name in ("met", "weights"):  # few trials have them
            if not cleaned[name]:
                del cleaned[name]
        return cleaned

    @property
    def kept_epoch(self) -> str:
        """Whose weights are kept, of how many epochs, in words; empty where it is not known."""
        return f"{self.epoch:g} of {len(self.curve)}" if self.epoch and self.curve else ""

    @property
    def latency_ms(self) -> Optional[float]:
        """Latency of one sample in ms as far as known: measured, else predicted."""
        predicted = self.costs.get("latency_ms")
        return predicted if self.measured_latency_ms is None else self.measured_latency_ms

    def row(self) -> Dict[str, Any]:
        """Return it flat, as one row of a table: hyperparameters as ``hp.<name>``; the learning
        curve and the traceback stay out.
        """
        row: Dict[str, Any] = {
            "number": self.number,
            "status": self.status,
            "value": self.value,
            "reason": self.reason,
        }
        row.update({"hp." + name: value for name, value in self.hyperparameters.items()})
        row.update(self.metrics)
        row.update(self.costs)
        if self.measured_latency_ms is not None:
            row["measured_latency_ms"] = self.measured_latency_ms
        row.update(
            {
                "seconds": self.seconds,
                "peak_memory_mb": self.peak_memory_mb,
                "started": self.started,
                "finished": self.finished,
            }
        )
        return row


def columns(rows: Sequence[Mapping[str, Any]]) -> List[str]:
    """Return the names of all columns that any of the rows of trials has, in order; without rows
    those that every trial has.
    """
    return list(dict.fromkeys(name for row in rows or [TrialRecord(0, "").row()] for name in row))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def last_report(record: TrialRecord) -> Optional[Tuple[int, float]]:
    """Return the step and the objective that a trial reported last while it trained, None if it
    reported none.
    """
    reports = record.pruning.get("reports") or []
    return (int(reports[-1][0]), float(reports[-1][1])) if reports else None
