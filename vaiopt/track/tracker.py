"""The protocol of trackers, and what they are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Mapping, Tuple, TypeVar, Union

Plain = Union[str, int, float, bool, None]
Value = TypeVar("Value")

STOPPED, FINISHED, FAILED = "stopped", "finished", "failed"
"""How a search ended: by Ctrl-C, well, or by an error."""


@dataclass(frozen=True)
class Place:
    """Where a tracker keeps what it is told.

    Attributes:
        folder: of its files; absolute.
        server: the address of a server in its place; empty if there is none.
        name: of the experiment or project.
    """

    folder: Path
    server: str
    name: str


@dataclass(frozen=True)
class About:
    """What is told of a search as a whole.

    Attributes:
        name: of the run's folder.
        values: settings that differ from their defaults, without passwords, and a few that always
            matter.
    """

    name: str
    values: Mapping[str, Plain]


@dataclass(frozen=True)
class Series:
    """Values that were seen during a training, such as of its epochs.

    Attributes:
        name: of what is counted: ``epoch`` or ``report``.
        rows: the number of each, and what was seen.
    """

    name: str
    rows: Tuple[Tuple[int, Mapping[str, float]], ...]


@dataclass(frozen=True)
class TrialContent:
    """What is told of one trial; all numbers are finite.

    Attributes:
        number: of the trial.
        status: one of :data:`vaiopt.study.record.STATES`.
        reason: why it is not complete.
        point: its hyperparameters.
        figures: metrics, costs, ``objective``, seconds, peak memory.
        series: learning curve and reports of the objective.
        started, finished: milliseconds since 1970; 0 where they are not known.
    """

    number: int
    status: str
    reason: str
    point: Mapping[str, Plain]
    figures: Mapping[str, float]
    series: Tuple[Series, ...] = ()
    started: int = 0
    finished: int = 0

    @property
    def name(self) -> str:
        """The name under which it is found."""
        return f"trial {self.number}"


@dataclass(frozen=True)
class Artifact:
    """A file that is kept with a trial or a search, and the folder that it stands in there."""

    path: Path
    folder: str = ""


@dataclass(frozen=True)
class Results:
    """What a search came to.

    Attributes:
        chosen: number of the chosen trial.
        reason: what decided.
        figures: numbers that stand for the run: those of the chosen trial, and what the stages
            after the search found.
        model: files of the chosen model.
        files: of the run, such as its report.
        measured: latency in ms of each trial that a kit measured during the search.
    """

    chosen: int
    reason: str
    figures: Mapping[str, float]
    model: Tuple[Artifact, ...] = ()
    files: Tuple[Artifact, ...] = ()
    measured: Mapping[int, float] = field(default_factory=dict)


class Tracker:
    """Keeps the results of one search somewhere else. Whatever a method raises is told once, and
    the tracker is asked no more; the search goes on.

    Args:
        place: where.
    """

    def __init__(self, place: Place) -> None:
        self.place = place

    @classmethod
    def load(cls) -> None:
        """Import what it needs, and see that it is what it seems: a folder of its name is none.

        Raises:
            ImportError: it is not installed.
        """
        raise NotImplementedError

    def begin(self, key: str, about: About) -> str:
        """Begin, or go on with what was begun; return the key by which it is found again. It is
        another than that which was given if nothing is found by that.

        Args:
            key: what this returned the last time; empty the first time.
            about: the search.
        """
        raise NotImplementedError

    def trial(self, content: TrialContent) -> None:
        """Keep a trial that has ended. One that is kept there already is not kept again."""
        raise NotImplementedError

    def results(self, results: Results) -> List[str]:
        """Keep what the search came to, in the place of what it came to before; return notes."""
        raise NotImplementedError

    def end(self, how: str) -> None:
        """Take note of how the search ended."""


def flat_names(values: Mapping[str, Value]) -> Dict[str, Value]:
    """Return values under names that every tracker takes, and that stay different: letters, digits,
    ``_``, ``-``, ``.`` and blanks.
    """
    found: Dict[str, Value] = {}
    for name, value in values.items():
        plain = "".join(c if c.isalnum() or c in "_-. " else "_" for c in name).strip(". ") or "_"
        wanted, count = plain, 2
        while plain in found:
            plain, count = f"{wanted}_{count}", count + 1
        found[plain] = value
    return found
