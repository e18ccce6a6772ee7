"""Early stopping of trials that do worse than others did: Optuna's pruners, asked where the trial
runs, and one rule before them.

A hopeless trial must not cost whole epochs while a pruner still waits for enough trials to compare
with: one that is less than half as good as the best complete trial was at the same point stops,
whichever pruner is chosen.

A trial is sent with what earlier trials reported. The worker puts that into a study in its memory
and asks Optuna's pruner there. So a worker needs no way to the study's storage, cannot leave it
locked when it is killed, and what is stopped depends on the trials so far alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from vaiopt.errors import VaioptError
from vaiopt.settings import SearchSettings
from vaiopt.settings.choices import row_of
from vaiopt.study.record import COMPLETE, FAILED, PRUNED, TrialRecord
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


@dataclass(frozen=True)
class Pruning:
    """What a worker needs to decide.

    Attributes:
        pruner: a name of :data:`PRUNERS`, not ``none``.
        direction: ``maximize`` or ``minimize``.
        per_epoch: reports in an epoch.
        most: reports of the longest training.
        may_stop: whether the trial may be stopped, or only reports.
        trials: those before this one, as :func:`reported` gives them.
    """

    pruner: str
    direction: str
    per_epoch: int
    most: int
    may_stop: bool
    trials: Sequence[TrialRecord] = ()


def prepare(
    settings: SearchSettings,
    direction: str,
    space: Space,
    number: int,
    trials: Sequence[TrialRecord],
) -> Optional[Pruning]:
    """Return the :class:`Pruning` of trial ``number``, or None if the settings name no pruner.

    Args:
        settings: ``[search]`` of the run.
        direction: of the objective.
        space: the longest training is that of the most ``epochs``.
        number: of the trial.
        trials: those before it.

    Raises:
        SettingsError: there is no such pruner.
    """
    if row_of("search.pruner", settings.pruner, PRUNERS) is None:
        return None
    by_number = {t.number: reported(t) for t in trials}
    before = tuple(by_number.get(n, TrialRecord(n, FAILED)) for n in range(number))
    # Until one trial is complete there is nothing to compare with, but its reports are what the
    # next are compared with.
    may_stop = any(t.status == COMPLETE for t in trials)
    epochs = next((d for d in space if d.name == "epochs"), None)
    lengths = (epochs.grid() or [epochs.high]) if epochs is not None else [1]
    longest = max(int(length) for length in lengths)  # type: ignore[arg-type]
    per_epoch = max(1, math.ceil(REPORTS / longest))
    return Pruning(settings.pruner, direction, per_epoch, per_epoch * longest, may_stop, before)


def reported(record: TrialRecord) -> TrialRecord:
    """Return what later trials need to know of a trial, failed if that is nothing."""
    if record.status not in (COMPLETE, PRUNED) or not record.pruning.get("reports"):
        return TrialRecord(record.number, FAILED)
    return TrialRecord(record.number, record.status, value=record.value, pruning=record.pruning)


def _reports(record: TrialRecord) -> Dict[int, float]:
    """Return the objective by the step at which it was reported."""
    return {int(step): float(value) for step, value in record.pruning.get("reports", ())}


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
            study_name=STUDY_NAME, direction=pruning.direction, pruner=pruner
        )
        ended = optuna.trial.TrialState
        states = {COMPLETE: ended.COMPLETE, PRUNED: ended.PRUNED, FAILED: ended.FAIL}
        for other in pruning.trials:
            trial = optuna.trial.create_trial(
                state=states[other.status],
                value=other.value,
                intermediate_values=_reports(other),
                system_attrs=dict(other.pruning.get("rungs", {})),
            )
            study.add_trial(trial)
        self._study = study
        self._trial = study.ask()
        self._maximise = pruning.direction == "maximize"
        sign = 1.0 if self._maximise else -1.0
        complete = [(sign * t.value, t) for t in pruning.trials if t.value is not None]
        self._best = _reports(max(complete, key=lambda pair: pair[0])[1]) if complete else {}

    def report(self, step: int, value: float, last: bool) -> None:
        """Take note of the objective after ``step`` reports.

        Args:
            step: from 1.
            value: the objective now.
            last: whether the training ends here anyway.

        Raises:
            Pruned: the trial is to be stopped.
        """
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
