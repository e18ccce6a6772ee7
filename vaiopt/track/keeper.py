"""One tracker at work on one run: what it has already, and what happens when it fails."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Callable, Iterable, List

from vaiopt.errors import RunError, VaioptError
from vaiopt.runs.layout import Run
from vaiopt.settings import Settings
from vaiopt.study.record import INTERRUPTED, OUTDATED, RUNNING, TrialRecord
from vaiopt.text import Progress, without_password
from vaiopt.track.content import about, content_of
from vaiopt.track.kept import read_kept, write_kept
from vaiopt.track.tracker import Place, Results
from vaiopt.track.trackers import TRACKERS, kept_at, place_of

NOT_TOLD = (RUNNING, INTERRUPTED, OUTDATED)
"""Trials that have not ended, or count no more."""


class Keeper:
    """One tracker at work on one run. It raises nothing once it is open: what the tracker raises is
    told once, and it is asked no more. What it has not got is given to it the next time.

    Args:
        name: of the tracker.
        run: the run.
        settings: of it.
        progress: told one line at a time.

    Raises:
        VaioptError: nothing can be kept there, or ``tracked.json`` is damaged.
    """

    def __init__(self, name: str, run: Run, settings: Settings, progress: Progress) -> None:
        self._name, self._run, self._progress = name, run, progress
        self._works = True
        self._kept = read_kept(run, kept_at(name, settings.track))
        place = place_of(name, settings.track, run)
        self._tracker = TRACKERS[name](place)
        try:
            key = self._tracker.begin(self._kept.key, about(run, settings))
        except VaioptError:
            raise
        except Exception as error:  # whatever another's package raises
            raise RunError(
                f"{name} can keep nothing in '{_words(place)}': {_reason(error)}",
                f"Mend that, give another place in [track], or leave '{name}' out of track.to.",
            ) from error
        if key != self._kept.key:  # the first time, or what was kept is gone
            self._kept = replace(self._kept, key=key, trials=())
            write_kept(run, self._kept)

    def missing(self, trials: Iterable[TrialRecord]) -> List[TrialRecord]:
        """Return those trials that have ended and are not kept yet."""
        known = set(self._kept.trials)
        return [t for t in trials if t.status not in NOT_TOLD and t.number not in known]

    def add(self, trials: Iterable[TrialRecord]) -> None:
        """Keep those trials that are not kept yet."""
        missing = self.missing(trials) if self._works else []
        if len(missing) > 1:
            self._progress(f"note: {len(missing)} earlier trials are given to {self._name}")
        for record in missing:
            self._try(partial(self._add, record))

    def results(self, found: Results) -> None:
        """Keep what the search came to."""
        self._try(lambda: self._results(found))

    def end(self, how: str) -> None:
        """Take note of how the search ended."""
        self._try(lambda: self._tracker.end(how))

    def _add(self, record: TrialRecord) -> None:
        self._tracker.trial(content_of(record))
        self._kept = replace(self._kept, trials=(*self._kept.trials, record.number))
        write_kept(self._run, self._kept)

    def _results(self, found: Results) -> None:
        for note in self._tracker.results(found):
            self._progress(f"note: {note}")

    def _try(self, act: Callable[[], None]) -> None:
        """Ask the tracker, unless it has failed before."""
        if not self._works:
            return
        try:
            act()
        except Exception as error:  # noqa: BLE001  of another's package; the search is worth more
            self._works = False
            self._progress(
                f"WARNING: {self._name} failed and is asked no more: {_reason(error)}. The search"
                f" goes on; the same command gives {self._name} what is missing"
            )


def _words(place: Place) -> str:
    return without_password(place.server) or str(place.folder)


def _reason(error: Exception) -> str:
    """Return what an error says, in one line."""
    said = " ".join(str(error).split())
    return without_password(said[:300]) or type(error).__name__
