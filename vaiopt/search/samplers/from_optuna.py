"""Optuna's own samplers, and ours as Optuna takes them."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Dict, Optional, Sequence, Set

from vaiopt.errors import SettingsError
from vaiopt.search.samplers.again import CutShort
from vaiopt.search.samplers.base import Problem, Sampler
from vaiopt.search.samplers.candidates import (
    INITIAL_CANDIDATES,
    Tried,
    generator,
    new_points,
    spread_out,
)
from vaiopt.search.samplers.encoding import Key, draw, key
from vaiopt.search.samplers.point import Point
from vaiopt.study.record import NOT_OF_THE_SEARCH, TrialRecord
from vaiopt.study.storage import quiet_optuna
from vaiopt.study.trials import distributions, records, without_outdated

ATTEMPTS = 10
"""Draws that may give a point that was tried, before a random new one takes its place."""
POPULATION = 10
"""Of NSGA-II: a few generations within the tens of trials that trainings allow; Optuna's default of
50 would be random search.
"""

Make = Callable[[Any, int, int], Any]
"""Given ``optuna.samplers``, a seed and the trials before its model chooses: one of Optuna's."""

MAKERS: Dict[str, Make] = {
    "tpe": lambda samplers, seed, start: samplers.TPESampler(
        seed=seed, n_startup_trials=start, multivariate=True, constant_liar=True
    ),
    "optuna_gp": lambda samplers, seed, start: samplers.GPSampler(
        seed=seed, n_startup_trials=start, deterministic_objective=False
    ),
    "cmaes": lambda samplers, seed, start: samplers.CmaEsSampler(
        seed=seed, n_startup_trials=start, warn_independent_sampling=False
    ),
    "nsga2": lambda samplers, seed, start: samplers.NSGAIISampler(
        seed=seed, population_size=POPULATION
    ),
    "nsga3": lambda samplers, seed, start: samplers.NSGAIIISampler(
        seed=seed, population_size=POPULATION
    ),
    "random": lambda samplers, seed, start: samplers.RandomSampler(seed=seed),
}
"""How each of Optuna's samplers is made, by its name in the settings."""
WITHOUT_SCALE = (MAKERS["random"],)
"""Those that learn nothing of the values in the study, which has no mirrored logarithm: what is
drawn in its place does as well.
"""


class OptunaSampler(Sampler):
    """Proposes by one of Optuna's samplers.

    Args:
        problem: what it is made for.
        make: gives Optuna's sampler.

    Raises:
        SettingsError: a range is mirrored, and the sampler would take it for an even one.
    """

    def __init__(self, problem: Problem, make: Make) -> None:
        super().__init__(problem)
        self._mirrored = [d for d in self.space if d.reverse and d.grid() is None]
        if self._mirrored and make not in WITHOUT_SCALE:
            raise SettingsError(
                f"hyperparameter '{self._mirrored[0].name}' has sampling=\"reverse_log\", which"
                f" search.sampler={problem.settings.sampler} does not know",
                "Choose another sampler: --set search.sampler=gp",
            )
        self._problem = problem
        self._make = make
        self._tried = Tried(self.space)
        self._distributions = distributions(self.space)
        self._prefers = any(dimension.prefer is not None for dimension in self.space)

    def propose(self, study: Any, trial: Any, history: Sequence[TrialRecord]) -> Point:
        """See :class:`Sampler`."""
        if not history:
            return self.admission.start()
        study, tried = without_outdated(study), self._tried(history)
        if self._prefers and len(history) < self._problem.settings.initial_points:
            return self._spread_out(history, tried)
        seed, samplers = self._problem.seed, quiet_optuna().samplers
        for attempt in range(ATTEMPTS):
            # A fresh sampler for each proposal: what an earlier one drew cannot matter, so a
            # resumed search goes on alike.
            number = (seed * 1000003 + len(history) * 101 + attempt) % 2**31
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                sampler = self._make(samplers, number, self._problem.settings.initial_points)
                drawn = _whole_point(sampler, study, trial, self._distributions)
            random = generator(number, history)
            drawn.update({d.name: draw(d, random, 1)[0] for d in self._mirrored})
            point = self.space.canonical(drawn)
            if key(point) not in tried and self._is_admitted(point, history):
                return point
        if not self.admission.limited:
            return self._spread_out(history, tried)
        # What few points keep, no draw finds by itself: the nearest to what was drawn stands in.
        random = generator(seed, history)
        pool = self.admission.pool(new_points(self.space, tried, random), history, tried, random)
        return self.admission.first(self.admission.nearest(pool, point))[0]

    def _is_admitted(self, point: Point, history: Sequence[TrialRecord]) -> bool:
        return bool(self.admission.likely([point], history)) and self.admission.is_feasible(point)

    def _spread_out(self, history: Sequence[TrialRecord], tried: Set[Key]) -> Point:
        """Return a random new point, far from those before."""
        random = generator(self._problem.seed, history)
        new = new_points(self.space, tried, random)
        some = self.admission.first(
            self.admission.pool(new, history, tried, random), INITIAL_CANDIDATES
        )
        return spread_out(
            self.space, some, [self.space.canonical(t.hyperparameters) for t in history]
        )


def _whole_point(sampler: Any, study: Any, trial: Any, dimensions: Dict[str, Any]) -> Point:
    """Return a value of every dimension, drawn together as far as the sampler does."""
    shared = sampler.infer_relative_search_space(study, trial)
    together = sampler.sample_relative(study, trial, shared)
    point: Point = {}
    for name, found in dimensions.items():
        if name in together:
            point[name] = together[name]
        elif found.single():
            point[name] = found.choices[0] if hasattr(found, "choices") else found.low
        else:
            point[name] = sampler.sample_independent(study, trial, name, found)
    return point


def as_optuna(
    sampler: Sampler, history: Optional[Callable[[], Sequence[TrialRecord]]] = None
) -> Any:
    """Return a sampler as a study takes it. The class is made here so that importing this module
    does not import Optuna.

    Args:
        sampler: ours.
        history: the trials so far, as :meth:`Sampler.propose` is given them; without it they are
            read from the study.
    """
    from optuna.samplers import BaseSampler

    dimensions, cut_short = distributions(sampler.space), CutShort(sampler)

    class SpaceSampler(BaseSampler):
        """Proposes whole points of the traced space."""

        def infer_relative_search_space(self, study: Any, trial: Any) -> Dict[str, Any]:
            return dimensions

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Point:
            before = _before(study, trial.number) if history is None else history()
            again = cut_short(study, before)
            return sampler.propose(study, trial, before) if again is None else again

        def sample_independent(self, study: Any, trial: Any, name: str, _: Any) -> Any:
            return sampler.space.defaults()[name]

    return SpaceSampler()


def _before(study: Any, number: int) -> Sequence[TrialRecord]:
    """Return the trials before one, without those that the search learns nothing from."""
    of_the_search = (r for r in records(study) if r.status not in NOT_OF_THE_SEARCH)
    return [r for r in of_the_search if r.number < number]
