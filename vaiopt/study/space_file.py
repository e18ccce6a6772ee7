"""``space.json``: what is known of a search before its first trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from vaiopt.data.data_sheet import DataSheet
from vaiopt.data.splits import PARTS
from vaiopt.record import Record, Unfit, part, read_record
from vaiopt.runs.layout import Run
from vaiopt.settings import Settings
from vaiopt.study.objective import with_metric
from vaiopt.study.space import Space
from vaiopt.tasks import TASKS, is_task


@dataclass(frozen=True)
class Inputs(Record):
    """What a search is made of, besides its settings.

    Attributes:
        code: SHA-256 of the files of the model function, by path from its folder.
        data: SHA-256 of the data.
        weights: SHA-256 of the file of weights; "" without one.
    """

    code: Dict[str, str] = part({})
    data: str = part("")
    weights: str = part("")


@dataclass(frozen=True)
class SpaceFile(Record):
    """The search space, and what the default point is like.

    Attributes:
        space: as traced from the model function.
        splits: samples in each part at the default point.
        costs: of the default point.
        warnings: what the steps after the search will not do with such a model.
        notes: what a person should know of the data, and of what is done with such a model.
        inputs: what the space was traced of; None in a run of an earlier version.
        task: of the data.
        sheet: what the data are; None in a run of an earlier version.
    """

    space: Space = part()
    splits: Dict[str, int] = part(low=0)
    costs: Dict[str, float] = part(low=0)
    warnings: Tuple[str, ...] = part(())
    notes: Tuple[str, ...] = part(())
    inputs: Optional[Inputs] = part(None)
    task: str = part("classification")
    sheet: Optional[DataSheet] = part(None)

    def warned(self, trusting: bool) -> Tuple[str, ...]:
        """Return what is to be told before the first trial: of such a model, unless all models are
        trusted, and of the data.
        """
        of_model = () if trusting else self.warnings
        return of_model if self.sheet is None else (*of_model, *self.sheet.warnings)

    def check(self) -> None:
        """Raise :class:`Unfit` unless the size of each part is there."""
        for name in PARTS:
            if name not in self.splits:
                raise Unfit(f"splits.{name}", "is missing")
        if not is_task(self.task):
            raise Unfit("task", f"is {self.task!r}, not one of {', '.join(TASKS)}")


def read_space(run: Run) -> SpaceFile:
    """Return a run's search space. Raises :class:`RunError`: it is missing or damaged."""
    return read_record(run.space, SpaceFile, f"vaiopt search --run {run.folder}")


def known_settings(run: Run, settings: Settings) -> Settings:
    """Return settings in which ``auto`` metrics are those of the data of a run, once it has some.

    Raises:
        RunError: its search space is damaged.
    """
    return with_metric(settings, read_space(run).task) if run.space.exists() else settings
