"""Early stopping of trials that do worse than others did: Optuna's pruners, asked where the trial
runs, and one rule before them.

A hopeless trial must not cost whole epochs while a pruner still waits for enough trials to compare
with: one that is less than half as good as the best complete trial was at the same point stops,
whichever pruner is chosen. Where trainings have a single epoch no such verdict is given: within it
all are near chance still, and the best may be by luck.

A trial is sent with what earlier trials reported. The worker shows that to Optuna's pruner as a
study in its memory. So a worker needs no way to the study's storage, cannot leave it
locked when it is killed, and what is stopped depends on the trials so far alone.
"""

from __future__ import annotations

import bisect
import copy
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from vaiopt.errors import VaioptError
from vaiopt.settings import SearchSettings
from vaiopt.settings.choices import row_of
from vaiopt.study.record import COMPLETE, PRUNED, TrialRecord
from vaiopt.study.space import Space
from vaiopt.study.storage import STUDY_NAME, quiet_optuna

REPORTS = 9
"""Reports of a whole training, at least; three epochs are looked at three times each."""
STARTUP_TRIALS = 2
"""Trials that are complete before the median pruner stops any."""
HOPELESS = 0.5
"""The share of the best complete trial's objective at the same report below which a trial is
stopped; of a loss, the inverse.
"""
REDUCTION_FACTOR = 3
"""Of successive halving and Hyperband: a third goes on at each rung."""
FIRST_RUNG = 2
"""Reports before the first rung of successive halving: the very first says little about a trial
that starts slowly.
"""
RUNG = "completed_rung_"
"""What Optuna's pruners call their notes in the trial's system attributes."""

Make = Callable[[Any, int], Any]
"""Given ``optuna.pruners`` and the reports of the longest training: one of Optuna's pruners."""

PRUNERS: Dict[str, Optional[Make]] = {
    "none": None,
    "median": lambda pruners, most: pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
    "halving": lambda pruners, most: pruners.SuccessiveHalvingPruner(
        min_resource=FIRST_RUNG, reduction_factor=REDUCTION_FACTOR
    ),
    "hyperband": lambda pruners, most: pruners.HyperbandPruner(
        min_resource=1, max_resource=max(1, most), reduction_factor=REDUCTION_FACTOR
    ),
}
"""How each pruner is made, by the names of :data:`vaiopt.settings.choices.PRUNERS`; None stops
nothing, and nothing is reported.
"""


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
    """

    number: int
    value: Optional[float]
    reports: Dict[int, float]
    rungs: Dict[str, Any]


@dataclass(frozen=True)
class Pruning:
    """What a worker needs to decide.

    Attributes:
        pruner: a name of :data:`PRUNERS`, not ``none``.
        direction: ``maximize`` or ``minimize``.
        per_epoch: reports in an epoch.
        most: reports of the longest training.
        may_stop: whether the trial may be stopped, or only reports.
        number: of the trial.
        trials: those that reported before it, by number.
        best: the objective of the best complete one of them by the step at which it was reported.
    """

    pruner: str
    direction: str
    per_epoch: int
    most: int
    may_stop: bool
    number: int
    trials: Sequence[Reported]
    best: Mapping[int, float]


class Reports:
    """What the trials of a search reported, each made ready for the next ones when it ends.

    Args:
        settings: ``[search]`` of the run.
        direction: of the objective.
        space: the longest training is that of the most ``epochs``.
        trials: those that have ended.

    Raises:
        SettingsError: there is no such pruner.
    """

    def __init__(
        self,
        settings: SearchSettings,
        direction: str,
        space: Space,
        trials: Sequence[TrialRecord] = (),
    ) -> None:
        self._is_used = row_of("search.pruner", settings.pruner, PRUNERS) is not None
        self._pruner, self._direction = settings.pruner, direction
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
        reported = Reported(trial.number, trial.value, by_step, rungs)
        bisect.insort(self._trials, reported)
        self._note_best(reported)

    def _note_best(self, trial: Reported) -> None:
        if trial.value is None:
            return
        sign = -1.0 if self._direction == "maximize" else 1.0
        place = (sign * trial.value, trial.number)
        if self._best is None or place < self._best[0]:
            self._best = place, trial.reports

    def pruning(self, number: int) -> Optional[Pruning]:
        """Return what a worker needs to decide on trial ``number``, which comes after all of these;
        None if the settings name no pruner.
        """
        if not self._is_used:
            return None
        per_epoch = max(1, math.ceil(REPORTS / self._longest))
        most = per_epoch * self._longest
        return Pruning(
            self._pruner,
            self._direction,
            per_epoch,
            most,
            self._may_stop,
            number,
            tuple(self._trials),
            self._best[1] if self._best is not None and self._longest > 1 else {},
        )


class Judge:
    """Collects the reports of one trial and says whether to stop it.

    Args:
        pruning: what is known of the others.

    Raises:
        SettingsError: there is no such pruner.
    """

    def __init__(self, pruning: Pruning) -> None:
        optuna = quiet_optuna()
        self.per_epoch = pruning.per_epoch
        self._reports: List[Tuple[int, float]] = []
        self._may_stop = pruning.may_stop
        make = row_of("search.pruner", pruning.pruner, PRUNERS)
        pruner = make(optuna.pruners, pruning.most) if make else optuna.pruners.NopPruner()
        # The name and the trial's number decide Hyperband's bracket.
        study = optuna.create_study(
            storage=_storage_class()(pruning),
            study_name=STUDY_NAME,
            direction=pruning.direction,
            pruner=pruner,
        )
        self._study = study
        self._trial = study.ask()
        self._maximise = pruning.direction == "maximize"
        self._best = pruning.best

    def report(self, step: int, value: float, last: bool) -> None:
        """Take note of the objective after ``step`` reports, unless it is no finite number: that
        cannot be compared, and a later one may be.

        Args:
            step: from 1.
            value: the objective now.
            last: whether the training ends here anyway.

        Raises:
            Pruned: the trial is to be stopped.
        """
        if not math.isfinite(value):
            return
        self._reports.append((step, value))
        self._trial.report(value, step)
        # Asked in any case: successive halving takes its notes then.
        behind = self._trial.should_prune()
        if (behind or self._hopeless(step)) and self._may_stop and not last:
            raise Pruned(
                f"stopped after report {step}: objective {value:.4g}",
                "Choose another search.pruner to train longer.",
            )

    def _hopeless(self, step: int) -> bool:
        """Whether not even the best report is half as good as the best complete trial's then."""
        best, own = self._best.get(step, 0.0), [value for _, value in self._reports]
        if best <= 0:  # shares of a negative objective mean nothing
            return False
        return max(own) < HOPELESS * best if self._maximise else min(own) > best / HOPELESS

    def notes(self) -> Dict[str, Any]:
        """Return what later trials need to know of this one: :attr:`TrialRecord.pruning`."""
        own = self._study.get_trials(deepcopy=False)[-1].system_attrs
        rungs = {name: value for name, value in own.items() if name.startswith(RUNG)}
        return {"reports": [list(pair) for pair in self._reports], "rungs": rungs}


@lru_cache(maxsize=1)
def _storage_class() -> Any:
    """Return Optuna's storage in memory as a judge needs it: with the trials before its own, which
    are only read. (Added to a study they would all be copied, for each judge, one by one.)

    The class is made when it is first needed because its base is Optuna's.
    """
    optuna = quiet_optuna()
    states = optuna.trial.TrialState

    class EarlierAndOwn(optuna.storages.InMemoryStorage):  # type: ignore[misc, name-defined]
        """Holds one trial, and shows it after the others, with its number in the search."""

        def __init__(self, pruning: Pruning) -> None:
            super().__init__()
            self._number = pruning.number
            self._earlier = [
                optuna.trial.FrozenTrial(
                    number=trial.number,
                    trial_id=trial.number + 1,  # its own has 0
                    state=states.PRUNED if trial.value is None else states.COMPLETE,
                    value=trial.value,
                    intermediate_values=trial.reports,
                    system_attrs=trial.rungs,
                    user_attrs={},
                    params={},
                    distributions={},
                    datetime_start=None,
                    datetime_complete=None,
                )
                for trial in pruning.trials
            ]

        def _own(self, trial: Any) -> Any:
            trial = copy.copy(trial)
            trial.number = self._number
            return trial

        def get_trial(self, trial_id: int) -> Any:
            return self._own(super().get_trial(trial_id))

        def get_all_trials(self, study_id: int, deepcopy: bool = True, states: Any = None) -> Any:
            own = super().get_all_trials(study_id, deepcopy=False)
            found = [*self._earlier, *map(self._own, own)]
            found = [t for t in found if states is None or t.state in states]
            return copy.deepcopy(found) if deepcopy else found

    return EarlierAndOwn
