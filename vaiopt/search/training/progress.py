"""How far a trial is: a small file in the run folder while it runs, for whoever follows the search.

A trial may run in this process, which is then busy, or in a worker of which the search sees nothing
until it ends. A file serves both. It is written at the ends of epochs, seldom enough to cost
nothing, and is gone when the trial ends.
"""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from vaiopt.errors import RunError
from vaiopt.record import Record, Unfit, part, read_record, write_record

INTERVAL = 0.5
"""Seconds between two writes, at least."""


@dataclass(frozen=True)
class TrialProgress(Record):
    """How far a trial is.

    Attributes:
        epoch: epochs that have ended, of all folds together.
        epochs: of the whole trial, if nothing stops it.
        value: the objective's metric after the last of them; None before, or where it is not a
            number.
    """

    epoch: int = part(low=0)
    epochs: int = part(low=0)
    value: Optional[float] = part(None)

    def check(self) -> None:
        """Raise unless the epoch is one of them."""
        if self.epoch > self.epochs:
            raise Unfit("epoch", f"is {self.epoch} of {self.epochs}")


class ProgressFile:
    """Writes how far a trial is.

    Args:
        path: of the file; see :meth:`vaiopt.runs.layout.Run.progress`.
        interval: seconds between two writes, at least; what comes sooner is dropped.
    """

    def __init__(self, path: Path, interval: float = INTERVAL) -> None:
        self._path = path
        self._interval = interval
        self._next = -math.inf

    def write(self, epoch: int, epochs: int, value: Optional[float]) -> None:
        """Write it, unless it was written a moment ago. A trial does not fail for want of it."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._interval
        finite = value if value is not None and math.isfinite(value) else None
        with contextlib.suppress(OSError, RunError):
            write_record(self._path, TrialProgress(epoch, max(epoch, epochs), finite))

    def remove(self) -> None:
        """Delete the file: the trial has ended."""
        with contextlib.suppress(OSError):
            self._path.unlink()


def read_progress(path: Path) -> Optional[TrialProgress]:
    """Return what the file says; None while there is none, or where it says nothing of use: it is
    only shown.
    """
    try:
        return read_record(path, TrialProgress, "vaiopt search")
    except (OSError, RunError):
        return None
