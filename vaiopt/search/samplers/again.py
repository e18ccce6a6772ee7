"""Points whose trials were cut short: they come before all others when a search goes on."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence

from vaiopt.search.samplers.base import Sampler
from vaiopt.search.samplers.candidates import Tried
from vaiopt.search.samplers.encoding import key
from vaiopt.search.samplers.point import Point
from vaiopt.study.record import INTERRUPTED, TrialRecord
from vaiopt.study.trials import records


class CutShort:
    """Finds the points of trials that were cut short and not tried since. A sampler would come to
    the point of the last trial by itself, but not to that of one beside which others went on.

    Args:
        sampler: whose space it is, and who knows which points may be trained.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._tried = Tried(sampler.space)
        self._left: Optional[List[Point]] = None

    def __call__(self, study: Any, history: Sequence[TrialRecord]) -> Optional[Point]:
        """Return such a point, None if there is none left.

        Args:
            study: Optuna's; it is read once, since trials are cut short between two commands.
            history: the trials so far, running ones among them.
        """
        if self._left is None:
            self._left = self._points(records(study))
        if not self._left:
            return None
        tried = self._tried(history)
        self._left = [point for point in self._left if key(point) not in tried]
        return self._left[0] if self._left else None

    def _points(self, trials: Sequence[TrialRecord]) -> List[Point]:
        space = self._sampler.space
        # A kill may have come before all of a point was written.
        whole = [t for t in trials if set(space.active(t.hyperparameters)) <= {*t.hyperparameters}]
        known = [t for t in whole if space.contains(t.hyperparameters)]
        points = [(t.status, space.canonical(t.hyperparameters)) for t in known]
        others = {key(point) for status, point in points if status != INTERRUPTED}
        return [
            point
            for status, point in points
            if status == INTERRUPTED
            and key(point) not in others
            and self._sampler.admission.is_feasible(point)
        ]
