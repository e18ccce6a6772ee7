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

import copy
import math
from functools import lru_cache
from typing import Any, Callable, Dict, List, Sequence, Tuple

from vaiopt.search.training.reports import Pruned, Pruning, Reported
from vaiopt.study.storage import STUDY_NAME, quiet_optuna

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

PRUNERS: Dict[str, Make] = {
    "median": lambda pruners, most: pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
    "halving": lambda pruners, most: pruners.SuccessiveHalvingPruner(
        min_resource=FIRST_RUNG, reduction_factor=REDUCTION_FACTOR
    ),
    "hyperband": lambda pruners, most: pruners.HyperbandPruner(
        min_resource=1, max_resource=max(1, most), reduction_factor=REDUCTION_FACTOR
    ),
}
"""How each of Optuna's pruners is made, by its name in the settings."""


class Judge:
    """Collects the reports of one trial and says whether to stop it.

    Args:
        pruning: what is known of the others.
        prices: of the trial; they do not matter here.
        make: gives Optuna's pruner.
    """

    def __init__(self, pruning: Pruning, prices: Sequence[float], make: Make) -> None:
        optuna = quiet_optuna()
        self.per_epoch = pruning.per_epoch
        self._reports: List[Tuple[int, float]] = []
        self._may_stop = pruning.may_stop
        pruner = make(optuna.pruners, pruning.most)
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

    class EarlierAndOwn(optuna.storages.InMemoryStorage):  # type: ignore[misc, name-defined]
        """Holds one trial, and shows it after the others, with its number in the search."""

        def __init__(self, pruning: Pruning) -> None:
            super().__init__()
            self._number = pruning.number
            self._earlier = _frozen(pruning.trials)

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


_KNOWN: List[Reported] = []
_FROZEN: List[Any] = []
"""What the last judge of this process was shown: the next one is shown the same, and a few more."""


def _frozen(trials: Sequence[Reported]) -> List[Any]:
    """Return earlier trials as Optuna's pruners look at them, which is all that may be done."""
    pairs = enumerate(zip(_KNOWN, trials))
    shortest = min(len(_KNOWN), len(trials))
    same = next((place for place, (known, trial) in pairs if known != trial), shortest)
    _FROZEN[same:] = [_as_frozen(trial) for trial in trials[same:]]
    _KNOWN[same:] = trials[same:]
    return list(_FROZEN)


def _as_frozen(trial: Reported) -> Any:
    optuna = quiet_optuna()
    states = optuna.trial.TrialState
    return optuna.trial.FrozenTrial(
        number=trial.number,
        trial_id=trial.number + 1,  # a judge's own has 0
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
