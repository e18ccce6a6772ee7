"""What points cost, asked where trials run, before any is spent on them."""

from __future__ import annotations

from concurrent.futures import Future, wait
from functools import partial
from typing import List, Mapping, Optional, Sequence

from vaiopt.errors import VaioptError
from vaiopt.record import read_optional, write_record
from vaiopt.runs.layout import Run
from vaiopt.search import samplers
from vaiopt.search.execution.base import TrialExecutor
from vaiopt.search.execution.limits import death_reason
from vaiopt.search.training.afterwards import Afterwards
from vaiopt.search.training.pricing import price_points
from vaiopt.settings import Settings
from vaiopt.study.objective import Objective
from vaiopt.study.price import Price, Survey
from vaiopt.study.space import Space, Value
from vaiopt.text import Progress

PATIENCE = 5.0
"""Seconds after which it is said what is waited for."""


class Pricing:
    """Knows what the points of a search cost, if its objective needs that.

    Args:
        settings: of the run.
        afterwards: what the steps after the search will say of the models.
        executor: where they are built.
        progress: told what takes long.
    """

    def __init__(
        self,
        settings: Settings,
        afterwards: Afterwards,
        executor: TrialExecutor,
        progress: Progress,
    ) -> None:
        self._settings = settings
        self._afterwards = afterwards
        self._executor = executor
        self._progress = progress
        self._objective = Objective(settings.objective)
        self._needed = bool(self._objective.front) or self._objective.limited
        self.survey = Survey()

    def look(self, run: Run, space: Space, *, anew: bool) -> None:
        """Look over the space, once per run: :attr:`survey` is what was found.

        Args:
            run: where an earlier command may have kept it.
            space: all dimensions.
            anew: look again, though it was kept.

        Raises:
            SettingsError: no point was found that keeps the limits.
        """
        if not self._needed:
            return
        kept = None
        if run.space.exists() and not anew:
            kept = read_optional(run.survey, Survey, f"vaiopt search --run {run.folder}")
            if kept is not None and not self._is_of_use(space, kept):
                kept = None
        if kept is None:
            ask, seed = partial(self._ask_all, space), self._settings.seed
            found = samplers.survey(space, self._objective, ask, seed, self._progress)
            kept = Survey(tuple(found))
        self.survey = kept

    def _is_of_use(self, space: Space, survey: Survey) -> bool:
        """Return whether a search can start from what a file holds."""
        known = samplers.Prices(space, self._objective, partial(self._ask, space), survey.points)
        return any(known.is_feasible(seen.price) for seen in known.survey)

    def keep(self, run: Run) -> None:
        """Write what was found, for the commands that go on with the run."""
        if self.survey.points:
            write_record(run.survey, self.survey)

    def prices(self, space: Space) -> Optional[samplers.Prices]:
        """Return what the points of a space cost, or None where that does not matter."""
        if not self._needed:
            return None
        ask = partial(self._ask, space)
        return samplers.Prices(space, self._objective, ask, self.survey.points)

    def _ask_all(self, space: Space, points: Sequence[Mapping[str, Value]]) -> List[Price]:
        """Ask all workers at once; none is busy yet."""
        size = -(-len(points) // self._executor.slots) or 1
        parts = [points[start : start + size] for start in range(0, len(points), size)]
        futures = [self._submit(space, part) for part in parts]
        told = [self._answer(space, part, future) for part, future in zip(parts, futures)]
        return [price for prices in told for price in prices]

    def _ask(self, space: Space, points: Sequence[Mapping[str, Value]]) -> List[Price]:
        """Ask one worker; the others may be training."""
        return self._answer(space, points, self._submit(space, points))

    def _submit(self, space: Space, points: Sequence[Mapping[str, Value]]) -> "Future[List[Price]]":
        settings, afterwards = self._settings, self._afterwards
        return self._executor.submit(price_points, settings, afterwards, space, list(points))

    def _answer(
        self,
        space: Space,
        points: Sequence[Mapping[str, Value]],
        future: "Future[List[Price]]",
    ) -> List[Price]:
        if not wait([future], timeout=PATIENCE).done:
            models = "1 model" if len(points) == 1 else f"{len(points)} models"
            self._progress(f"building {models} to know the cost")
        try:
            return future.result()
        except VaioptError:
            raise
        except Exception as error:
            reason = death_reason(error, self._settings.search)
            if reason is None:
                raise
            if len(points) > 1:  # one of them did it
                return [price for point in points for price in self._ask(space, [point])]
            return [Price(refused=f"building its model failed: {reason}")]
