"""``tracked.json``: which trials are kept elsewhere, too, so that none is kept there twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Tuple

from vaiopt.record import Record, part, read_optional, write_record
from vaiopt.runs.layout import Run
from vaiopt.runs.records import HIGHEST_TRIAL


@dataclass(frozen=True)
class Kept(Record):
    """What one tracker keeps in one place.

    Attributes:
        tracker: its name.
        place: folder or server as the settings name it, without a password; empty: beside the run.
        name: of the experiment or project.
        key: by which the tracker finds it again.
        trials: numbers of the trials that it has.
    """

    tracker: str = part()
    place: str = part("")
    name: str = part("")
    key: str = part("")
    trials: Tuple[int, ...] = part((), low=0, high=HIGHEST_TRIAL)

    def is_of(self, other: Kept) -> bool:
        """Return whether both are of one tracker in one place."""
        wanted = (other.tracker, other.place, other.name)
        return (self.tracker, self.place, self.name) == wanted


@dataclass(frozen=True)
class Tracked(Record):
    """``tracked.json``.

    Attributes:
        kept: one for each tracker and place.
    """

    kept: Tuple[Kept, ...] = part(())


def read_kept(run: Run, where: Kept) -> Kept:
    """Return what a tracker keeps already; ``where`` itself if that is nothing.

    Raises:
        RunError: ``tracked.json`` is damaged.
    """
    return next((kept for kept in _read(run).kept if kept.is_of(where)), where)


def write_kept(run: Run, kept: Kept) -> None:
    """Take note of what a tracker keeps."""
    found = _read(run)
    others = tuple(row for row in found.kept if not row.is_of(kept))
    write_record(run.tracked, replace(found, kept=(*others, kept)))


def _read(run: Run) -> Tracked:
    command = f"vaiopt search --run {run.folder}"
    return read_optional(run.tracked, Tracked, command) or Tracked()
