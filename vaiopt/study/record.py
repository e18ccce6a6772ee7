"""The study: Optuna's, in the run folder's journal; and what a trial of ours records in it.

Optuna keeps the states and the points. All else that a trial gave (metrics, costs, learning curve,
reason, seconds, memory) stands in one user attribute of the trial, written once, when it ends.
Reading it needs neither TensorFlow nor scikit-optimize.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from vaiopt.study.space import Value

COMPLETE, PRUNED, INFEASIBLE, FAILED, RUNNING, INTERRUPTED = (
    "complete",
    "pruned",
    "infeasible",
    "failed",
    "running",
    "interrupted",
)


@dataclass(frozen=True)
class TrialRecord:
    """One trial.

    Attributes:
        number: Optuna's number, from 0; 0 is the family's default point.
        status: ``complete``, ``pruned``, ``infeasible`` (broke a hard limit, never trained),
            ``failed``, ``running``, or ``interrupted`` (the search was stopped while it ran; it is
            run again).
        reason: why it is not complete, in one line.
        value: the objective; None unless complete.
        hyperparameters: the active ones.
        metrics: ``val_accuracy``, ``val_f1`` (macro), ``val_loss`` and whatever else the model
            reports, of the kept (last) epoch.
        costs: ``params``, ``macs``, ``latency_ms``, as far as known before training.
        curve: per epoch ``epoch``, ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``,
            ``val_f1``, ``seconds``.
        seconds: wall time of the trial.
        peak_memory_mb: highest resident memory of its process.
        started, finished: ISO 8601, UTC.
        worker: process and host.
        traceback: of a failed trial, where there is one.
        pruning: what early stopping saw: ``reports``, pairs of a step and the objective so far, and
            ``rungs``, the pruner's own notes.
    """

    number: int
    status: str
    reason: str = ""
    value: Optional[float] = None
    hyperparameters: Dict[str, Value] = field(default_factory=dict)
    metrics: Dict[str, float] = field(default_factory=dict)
    costs: Dict[str, float] = field(default_factory=dict)
    curve: List[Dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    started: str = ""
    finished: str = ""
    worker: str = ""
    traceback: str = ""
    pruning: Dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> Dict[str, Any]:
        """Return a JSON object; NaN and infinity, which JSON lacks, become null."""
        cleaned: Dict[str, Any] = _finite(asdict(self))
        return cleaned

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


def last_report(record: TrialRecord) -> Optional[Tuple[int, float]]:
    """Return the step and the objective that a trial reported last while it trained, None if it
    reported none.
    """
    reports = record.pruning.get("reports") or []
    return (int(reports[-1][0]), float(reports[-1][1])) if reports else None
