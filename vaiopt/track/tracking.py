"""A search told to trackers, beside whoever else watches it."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterator, List, Mapping, Optional, Sequence

from vaiopt.errors import VaioptError
from vaiopt.runs.layout import Run
from vaiopt.runs.records import Value
from vaiopt.settings import Settings
from vaiopt.study.observer import Observer
from vaiopt.study.record import TrialRecord
from vaiopt.study.trials import load_trials
from vaiopt.text import Progress
from vaiopt.track.checks import check_track
from vaiopt.track.content import results_of
from vaiopt.track.keeper import Keeper
from vaiopt.track.tracker import FAILED, FINISHED, STOPPED
from vaiopt.track.trackers import names

Told = Optional[Callable[[TrialRecord], None]]


class Tracking(Observer):
    """Tells an observer of a search all that it is told, and then the trackers.

    Args:
        run: the run.
        settings: of it.
        inner: the observer.
        progress: told one line at a time.
    """

    def __init__(self, run: Run, settings: Settings, inner: Observer, progress: Progress) -> None:
        super().__init__()
        self._run, self._settings, self._inner = run, settings, inner
        self._progress = progress
        self._keepers: Optional[List[Keeper]] = None

    def search_described(self, settings: Settings) -> None:
        """Take note of the settings, whose metric is known now."""
        self._settings = settings
        self._inner.search_described(settings)

    def search_started(self, wanted: int, trials: Sequence[TrialRecord]) -> None:
        """Open the trackers, and give them what they lack of earlier trials.

        Raises:
            VaioptError: one can keep nothing; no trial has begun.
        """
        if self._keepers is None:
            self._keepers = keepers(self._run, self._settings, self._progress)
            for keeper in self._keepers:
                keeper.add(trials)
        self._inner.search_started(wanted, trials)

    def trial_started(self, number: int, hyperparameters: Mapping[str, Value]) -> None:
        """Pass it on."""
        self._inner.trial_started(number, hyperparameters)

    def trial_ended(self, record: TrialRecord) -> None:
        """Pass it on, and keep the trial."""
        self._inner.trial_ended(record)
        for keeper in self._keepers or ():
            keeper.add([record])

    def search_ended(self) -> None:
        """Pass it on."""
        self._inner.search_ended()

    def finished(self, figures: Mapping[str, Any]) -> None:
        """Keep what the search came to. Arguments as :func:`keep_results`."""
        keep_results(self._run, self._keepers or (), figures)

    def stopped(self, how: str) -> None:
        """Take note that the search did not end well."""
        for keeper in self._keepers or ():
            keeper.end(how)


def keepers(run: Run, settings: Settings, progress: Progress) -> List[Keeper]:
    """Return the trackers that settings ask for, open. Raises VaioptError: one can keep nothing."""
    return [Keeper(name, run, settings, progress) for name in names(settings.track)]


def keep_results(run: Run, found: Sequence[Keeper], figures: Mapping[str, Any]) -> None:
    """Give trackers what they lack of a run's trials, the chosen model, and the report.

    Args:
        run: the run.
        found: the trackers.
        figures: what the stages after the search found; what is no number is left out.
    """
    if not found:
        return
    trials = load_trials(run)
    results = results_of(run, trials, figures)
    for keeper in found:
        keeper.add(trials)
        if results is not None:
            keeper.results(results)
        keeper.end(FINISHED)


@contextlib.contextmanager
def tracked(run: Run, settings: Settings, on_trial: Told, progress: Progress) -> Iterator[Told]:
    """Give what a search is to tell its trials to: ``on_trial``, or that and the trackers that the
    settings ask for. When the block ends well, they are given what the search came to.

    Args:
        run: the run.
        settings: of it.
        on_trial: a function, an observer, or None.
        progress: told one line at a time.
    """
    if not settings.track.to:
        yield on_trial
        return
    inner = on_trial if isinstance(on_trial, Observer) else Observer(on_trial)
    tracking = Tracking(run, settings, inner, progress)
    try:
        yield tracking
    except KeyboardInterrupt:
        tracking.stopped(STOPPED)
        raise
    except Exception:
        tracking.stopped(FAILED)
        raise
    tracking.finished({})


def add_results(
    run: Run, settings: Settings, figures: Mapping[str, Any], progress: Progress
) -> None:
    """Give the trackers of a run what has come of it since the search; whatever stands in the way
    is told, and nothing more.

    Args:
        run: the run.
        settings: of it.
        figures: see :func:`keep_results`.
        progress: told one line at a time.
    """
    if not settings.track.to:
        return
    try:
        check_track(settings, run)
        keep_results(run, keepers(run, settings, progress), figures)
    except VaioptError as error:
        progress(f"WARNING: the results are kept in the run folder alone: {error.message}")
