"""When a search has had enough: its hours, and the trials that brought nothing better; and how long
the rest will take.
"""

from __future__ import annotations

import datetime
from typing import List, Optional, Sequence, Tuple

from vaiopt.settings import SearchSettings
from vaiopt.study.objective import Objective
from vaiopt.study.ranking import Front
from vaiopt.study.record import INFEASIBLE, NOT_OF_THE_SEARCH, RUNNING, TrialRecord

HOUR = 3600.0

TIMES = ("%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%SZ")
"""How the times of a record are written."""


def busy_seconds(trials: Sequence[TrialRecord]) -> float:
    """Return for how many seconds trials of a run were running: what ran at once counts once, and
    pauses between two commands do not. An interrupted trial, whose end nobody saw, counts nothing.
    """
    total, until = 0.0, -float("inf")
    for start, end in sorted(_span(trial) for trial in trials):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _span(trial: TrialRecord) -> Tuple[float, float]:
    """Return when a trial began and ended, in seconds; no time at all where that is not known."""
    start, end = _seconds(trial.started), _seconds(trial.finished)
    return (0.0, 0.0) if start is None or end is None else (start, end)


def _seconds(text: str) -> Optional[float]:
    for form in TIMES:
        try:
            found = datetime.datetime.strptime(text, form)
        except ValueError:
            continue
        return found.replace(tzinfo=datetime.timezone.utc).timestamp()
    return None


def without_better(trials: Sequence[TrialRecord], objective: Objective) -> int:
    """Return how many trials came after the first with the best objective, or the last that came to
    the front; 0 as long as none is complete. Those that were interrupted or, infeasible, never
    trained do not count.
    """
    sign = -1.0 if objective.direction == "maximize" else 1.0
    complete = [(sign * t.value, t.number) for t in trials if t.value is not None]
    if not complete:
        return 0
    on_front = [trial.number for trial in Front(objective, trials).trials]
    best = max(on_front) if on_front else min(complete)[1]
    idle = (*NOT_OF_THE_SEARCH, INFEASIBLE, RUNNING)
    return sum(t.number > best and t.status not in idle for t in trials)


class Budget:
    """What ends a search before all of its trials.

    Args:
        settings: ``[search]`` of the run.
        objective: what is sought.
        before: trials that ended in earlier commands; their hours count.
    """

    def __init__(
        self,
        settings: SearchSettings,
        objective: Objective,
        before: Sequence[TrialRecord] = (),
    ) -> None:
        self._settings = settings
        self._objective = objective
        self._before = busy_seconds(before)

    def spent(self, trials: Sequence[TrialRecord], seconds: float) -> str:
        """Return which limit was reached, in words; empty if none was. One trial there is always.

        Args:
            trials: all that ended.
            seconds: since this command's first trial began.
        """
        if not trials:
            return ""
        left, most = self.seconds_left(seconds), self._settings.stop_after
        if left is not None and left <= 0:
            return f"search.max_hours = {self._settings.max_hours:g} have passed"
        if most and without_better(trials, self._objective) >= most:
            return f"no better trial among the last {most} (search.stop_after)"
        return ""

    def seconds_left(self, seconds: float) -> Optional[float]:
        """Return how many seconds new trials may still begin; None without a limit."""
        hours = self._settings.max_hours
        return HOUR * hours - self._before - seconds if hours else None


def forecast(trials: Sequence[TrialRecord], missing: int) -> Optional[float]:
    """Return the seconds that missing trials will take if they go on as those before did; None
    where none has run.
    """
    ended: List[TrialRecord] = [t for t in trials if t.status not in (*NOT_OF_THE_SEARCH, RUNNING)]
    busy = busy_seconds(ended)
    return missing * busy / len(ended) if busy > 0 else None
