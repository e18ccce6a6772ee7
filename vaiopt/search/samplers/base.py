"""The protocol of samplers: what proposes the next point of a search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Optional, Sequence

from vaiopt.search.samplers.admission import Admission
from vaiopt.search.samplers.point import Point
from vaiopt.search.samplers.prices import Prices
from vaiopt.settings import SearchSettings
from vaiopt.study.objective import Objective
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Space


@dataclass(frozen=True)
class Problem:
    """What a sampler is made for.

    Attributes:
        space: all dimensions.
        settings: ``[search]`` of the run.
        seed: of every random choice.
        objective: what is sought.
        prices: what points cost, where that matters before they are trained.
        known: what is known of points before the first trial, as records.
    """

    space: Space
    settings: SearchSettings
    seed: int
    objective: Objective
    prices: Optional[Prices] = None
    known: Sequence[TrialRecord] = ()


class Sampler(ABC):
    """Proposes points: the default point of the space first, each canonical (inactive
    hyperparameters at their default), none twice, none that breaks a limit, and as a function of
    the seed and the trials so far alone, so that a resumed search goes on as if it had never
    stopped.

    Args:
        problem: what it is made for.
    """

    has_plan = False
    """Whether it knows all its points before the search, so that none can be tried before them."""

    def __init__(self, problem: Problem) -> None:
        self.space = problem.space
        self.admission = Admission(problem.space, problem.prices)

    @abstractmethod
    def propose(self, study: Any, trial: Any, history: Sequence[TrialRecord]) -> Point:
        """Return the next point, as plain Python values.

        Args:
            study: Optuna's, which holds the trials.
            trial: Optuna's, that the point is for.
            history: the trials before it by number, without interrupted ones.

        Raises:
            SpaceExhausted: every point has been tried.
        """

    def total(self, trials: int) -> int:
        """Return how many trials the search has in all where the settings ask for ``trials``."""
        return trials
