"""What trials report while they run, and what of it is sent to the next ones."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from vaiopt.errors import VaioptError
from vaiopt.settings import SearchSettings
from vaiopt.study.objective import Objective
from vaiopt.study.record import COMPLETE, PRUNED, TrialRecord
from vaiopt.study.space import Space

SAMPLES = "samples"
"""The name of ``search.fidelity`` with which trials are judged by trainings on few samples."""
STEPS = {2: 0.01, 20: 0.1}
"""The share of the training samples by the step at which what it comes to is reported, then."""
WHOLE = 200
"""The step of the training on all samples."""
REPORTS = 9
"""Reports of a whole training, at least; three epochs are looked at three times each."""
AUTO, FRONT, NONE = "auto", "front", "none"


def pruner_of(settings: SearchSettings, objective: Objective) -> str:
    """Return the name of the pruner: of a front where one is searched and none is named."""
    if settings.pruner != AUTO:
        return settings.pruner
    return FRONT if objective.front else "median"


class Pruned(VaioptError):
    """The trial was stopped."""

    code = "pruned"


class Reported(NamedTuple):
    """What later trials need to know of a trial. A tuple, because a worker is sent one for each of
    a thousand trials, and a dataclass takes five times as long.

    Attributes:
        number: of the trial.
        value: the objective; None of a pruned one.
        reports: the objective by the step at which it was reported.
        rungs: the pruner's own notes.
        prices: the costs of the front, as :meth:`Objective.prices` gives them.
    """

    number: int
    value: Optional[float]
    reports: Dict[int, float]
    rungs: Dict[str, Any]
    prices: Sequence[float] = ()


@dataclass(frozen=True)
class Pruning:
    """What a worker needs to decide.

    Attributes:
        pruner: a name of :data:`vaiopt.search.training.judges.JUDGES`.
        direction: ``maximize`` or ``minimize``.
        per_epoch: reports in an epoch.
        most: reports of the longest training.
        may_stop: whether the trial may be stopped, or only reports.
        number: of the trial.
        trials: those that reported before it, by number.
        best: the objective of the best complete one of them by the step at which it was reported.
        bound: what no objective is better than, its sign such that lower is better; None where
            that is not known.
    """

    pruner: str
    direction: str
    per_epoch: int
    most: int
    may_stop: bool
    number: int
    trials: Sequence[Reported]
    best: Mapping[int, float]
    bound: Optional[float] = None


class Reports:
    """What the trials of a search reported, each made ready for the next ones when it ends.

    Args:
        settings: ``[search]`` of the run.
        objective: what is sought.
        space: the longest training is that of the most ``epochs``.
        trials: those that have ended.

    """

    def __init__(
        self,
        settings: SearchSettings,
        objective: Objective,
        space: Space,
        trials: Sequence[TrialRecord] = (),
    ) -> None:
        self._pruner, self._objective = pruner_of(settings, objective), objective
        self._by_samples = settings.fidelity == SAMPLES
        epochs = next((d for d in space if d.name == "epochs"), None)
        lengths = (epochs.grid() or [epochs.high]) if epochs is not None else [1]
        self._longest = max(int(length) for length in lengths)  # type: ignore[arg-type]
        self._trials: List[Reported] = []
        self._best: Optional[Tuple[Tuple[float, int], Dict[int, float]]] = None
        self._may_stop = False
        for trial in trials:
            self.add(trial)

    def add(self, trial: TrialRecord) -> None:
        """Take note of a trial that has ended."""
        # Until one trial is complete there is nothing to compare with, but its reports are what
        # the next are compared with.
        self._may_stop = self._may_stop or trial.status == COMPLETE
        reports = trial.pruning.get("reports")
        if trial.status not in (COMPLETE, PRUNED) or not reports:
            return
        by_step = {int(step): float(value) for step, value in reports}
        rungs = dict(trial.pruning.get("rungs", {}))
        prices = self._objective.prices(trial.costs)
        reported = Reported(trial.number, trial.value, by_step, rungs, prices)
        bisect.insort(self._trials, reported)
        self._note_best(reported)

    def _note_best(self, trial: Reported) -> None:
        if trial.value is None:
            return
        sign = -1.0 if self._objective.direction == "maximize" else 1.0
        place = (sign * trial.value, trial.number)
        if self._best is None or place < self._best[0]:
            self._best = place, trial.reports

    def pruning(self, number: int) -> Optional[Pruning]:
        """Return what a worker needs to decide on trial ``number``, which comes after all of these;
        None if the settings name no pruner.
        """
        if self._pruner == NONE:
            return None
        per_epoch = max(1, math.ceil(REPORTS / self._longest))
        most = WHOLE if self._by_samples else per_epoch * self._longest
        compares = self._best is not None and most > per_epoch
        return Pruning(
            self._pruner,
            self._objective.direction,
            per_epoch,
            most,
            self._may_stop,
            number,
            tuple(self._trials),
            self._best[1] if self._best is not None and compares else {},
            self._objective.bound,
        )
