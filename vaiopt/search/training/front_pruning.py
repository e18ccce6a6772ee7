"""Early stopping in a search for a front: a trial stops when even an optimistic continuation would
lie below the front at its cost, which is known.
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, Optional, Sequence, Tuple

from vaiopt.search.training.reports import Pruned, Pruning, Reported

FEW = 3
"""Complete trials that reported at the same point, from which a continuation is estimated."""


class FrontJudge:
    """Collects the reports of one trial and says whether to stop it.

    The front at its cost is the best score among complete trials that cost no more. An optimistic
    continuation gains as much as the one of those before that gained most from the same point on:
    of a share, such as accuracy, in the part that is still missing to 1; of a positive loss, in its
    part that is still there; of any other score, in what is added.

    Args:
        pruning: what is known of the others.
        prices: of the trial, as :meth:`vaiopt.study.objective.Objective.prices` gives them.
    """

    def __init__(self, pruning: Pruning, prices: Sequence[float]) -> None:
        self.per_epoch = pruning.per_epoch
        self._reports: List[Tuple[int, float]] = []
        self._sign = -1.0 if pruning.direction == "maximize" else 1.0
        self._bound = pruning.bound
        self._complete = [trial for trial in pruning.trials if trial.value is not None]
        within = [
            self._sign * float(trial.value or 0.0)
            for trial in self._complete
            if all(own >= other for own, other in zip(prices, trial.prices))
        ]
        self._front = min(within) if within and pruning.may_stop else None

    def report(self, step: int, value: float, last: bool) -> None:
        """Take note of the objective after ``step`` reports, unless it is no finite number.

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
        if last or self._front is None:
            return
        reachable = self._optimistic(step, min(self._sign * own for _, own in self._reports))
        if reachable is not None and reachable > self._front:
            raise Pruned(
                f"stopped after report {step}: objective {value:.4g}; {self._sign * reachable:.4g}"
                f" would be below the front, {self._sign * self._front:.4g} at its cost",
                "Train longer with: --set search.pruner=none",
            )

    def _optimistic(self, step: int, own: float) -> Optional[float]:
        """Return what a trial may come to whose best so far is ``own``, lower is better."""
        known = [
            (best, self._sign * float(trial.value or 0.0))
            for trial in self._complete
            for best in [self._best_until(trial, step)]
            if best is not None
        ]
        if len(known) < FEW:
            return None
        bound = self._bound
        if bound is None or min(own, *(v for pair in known for v in pair)) <= bound:
            return own + min(final - best for best, final in known)
        return bound + (own - bound) * min(
            (final - bound) / (best - bound) for best, final in known
        )

    def _best_until(self, trial: Reported, step: int) -> Optional[float]:
        """Return the best report of a trial up to one that it made, lower is better."""
        if step not in trial.reports:
            return None
        return min(self._sign * value for at, value in trial.reports.items() if at <= step)

    def notes(self) -> Dict[str, Any]:
        """Return what later trials need to know of this one: :attr:`TrialRecord.pruning`."""
        return {"reports": [list(pair) for pair in self._reports], "rungs": {}}
