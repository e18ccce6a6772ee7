"""Who is told what happens in a search."""

from __future__ import annotations

from typing import Callable, Mapping, Optional, Sequence

from vaiopt.settings import Settings
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Value


class Observer:
    """Is told what happens in a search, in the search's own thread. What a subclass does not want
    to know, it leaves out.

    It can be called with a record, and so stands wherever a function that is told each trial may
    stand.

    Args:
        on_trial: called with each record as its trial ends.
    """

    def __init__(self, on_trial: Optional[Callable[[TrialRecord], None]] = None) -> None:
        self._on_trial = on_trial

    def __call__(self, record: TrialRecord) -> None:
        """Tell that a trial has ended."""
        self.trial_ended(record)

    def search_described(self, settings: Settings) -> None:
        """Tell the settings, with the metric that ``auto`` stands for, once the data are known."""

    def search_started(self, wanted: int, trials: Sequence[TrialRecord]) -> None:
        """Tell that the trials begin: how many there are to be in all, and those that ended in
        earlier searches of this run.
        """

    def trial_started(self, number: int, hyperparameters: Mapping[str, Value]) -> None:
        """Tell that a trial is about to run at this point (active hyperparameters only)."""

    def trial_ended(self, record: TrialRecord) -> None:
        """Tell that a trial has ended."""
        if self._on_trial is not None:
            self._on_trial(record)

    def search_ended(self) -> None:
        """Tell that the trials are over; after an error or Ctrl-C too, when some that started will
        not end.
        """
