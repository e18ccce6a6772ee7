"""The trials of a search as its sampler sees them."""

from __future__ import annotations

import bisect
from typing import Any, Dict, List, Mapping, Sequence

from vaiopt.study.record import NOT_OF_THE_SEARCH, RUNNING, TrialRecord


class History:
    """Keeps the records of the trials by number, those that run among them. Read from the study
    they would cost each trial as much as there were before it.
    """

    def __init__(self) -> None:
        self.begin(())

    def begin(self, ended: Sequence[TrialRecord]) -> None:
        """Forget all, and take note of the trials that have ended so far, in any order."""
        self._ended = sorted(ended, key=lambda record: record.number)
        self._numbers = [record.number for record in self._ended]
        self._running: Dict[int, TrialRecord] = {}

    def __call__(self) -> List[TrialRecord]:
        """Return the records by number, without those that the search learns nothing from."""
        if not self._running:
            return self._ended
        # The sort finds two runs in order, and merges them.
        both = [*self._ended, *self._running.values()]
        return sorted(both, key=lambda record: record.number)

    def started(self, number: int, point: Mapping[str, Any]) -> None:
        """Take note of a trial that runs from now on, and its hyperparameters."""
        self._running[number] = TrialRecord(number, RUNNING, hyperparameters=dict(point))

    def ended(self, record: TrialRecord) -> None:
        """Take note of how a trial ended."""
        self._running.pop(record.number, None)
        if record.status in NOT_OF_THE_SEARCH:
            return
        place = bisect.bisect(self._numbers, record.number)
        self._numbers.insert(place, record.number)
        self._ended.insert(place, record)
