"""Which models of a search are kept on disk."""

from __future__ import annotations

import math
import os
from typing import List, Optional, Sequence, Set

from vaiopt.locks import locked
from vaiopt.runs.layout import Run
from vaiopt.runs.work import discard
from vaiopt.study.objective import Objective
from vaiopt.study.ranking import Front, Ranking
from vaiopt.study.record import INTERRUPTED, REFIT, TrialRecord

CHEAPNESS = ("latency_ms", "params")
"""What makes a model cheap, where the cheapest that reaches a metric is sought."""


class KeptModels:
    """Keeps the models of the best trials, of the first and of the chosen ones, and deletes those
    that can no longer be chosen. What it costs does not depend on how many trials there were.

    Args:
        run: its folder.
        count: how many of the best.
        objective: what is sought; all on its front are among the best, and with a least metric
            those on the front against what makes a model cheap.
        trials: those that have ended.
    """

    def __init__(
        self, run: Run, count: int, objective: Objective, trials: Sequence[TrialRecord]
    ) -> None:
        self._run = run
        self._count = count
        self._ranking = Ranking(objective.direction)
        cheapest = objective.min_metric is not None and not objective.front
        self._front = Front(objective.against(CHEAPNESS) if cheapest else objective)
        self._first = math.inf  # as long as there is none
        self._ended: Set[int] = set()
        for trial in trials:
            self._note(trial)

    def _note(self, trial: TrialRecord) -> None:
        if trial.status == REFIT:  # a person asked for it
            return
        self._ranking.add(trial)
        self._front.add(trial)
        if trial.status != INTERRUPTED:
            self._first = min(self._first, trial.number)
        # One without a score has a model if it was killed while it saved it.
        self._ended.add(trial.number)

    @property
    def least(self) -> Optional[float]:
        """The score below which a model would not be kept, or None while there is room; with a
        front it does not depend on the score alone.
        """
        if self._front.costs:
            return None
        best = self._ranking.best(self._count)
        return best[-1].value if len(best) >= self._count else None

    def ended(self, trial: TrialRecord) -> None:
        """Take note of a trial that has ended, and delete what it makes superfluous."""
        self._note(trial)
        self.delete()

    def delete(self) -> None:
        """Delete the models that can no longer be chosen."""
        keep = {self._first, *(best.number for best in self._ranking.best(self._count))}
        keep |= {trial.number for trial in self._front.trials}
        with locked(self._run.folder):  # nothing else is chosen in between
            if self._run.chosen_file.is_file():
                keep |= set(self._run.read_chosen().trials)
            for number in self._on_disk():
                if number in self._ended and number not in keep:
                    discard(self._run.trial(number))

    def _on_disk(self) -> List[int]:
        """Return the numbers of the trials that have a folder."""
        try:
            names = os.listdir(str(self._run.trials))
        except FileNotFoundError:
            return []
        return [int(name) for name in names if name.isdecimal()]
