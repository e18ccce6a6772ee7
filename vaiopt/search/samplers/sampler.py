"""The Optuna sampler that the settings name: ours on scikit-optimize, a grid, or one of Optuna's
own.

Whichever it is, the default point of the family comes first, points are canonical (inactive
hyperparameters at their default), none is proposed twice, and a proposal depends on the seed and
the trials so far alone.
"""

from __future__ import annotations

import warnings
from typing import Any, Callable, Dict, List, Sequence

from vaiopt.environment import has_module
from vaiopt.errors import MissingToolError
from vaiopt.search.samplers.bayesian import Proposer, SpaceExhausted
from vaiopt.search.samplers.encoding import key
from vaiopt.search.samplers.grid import plan_grid
from vaiopt.search.samplers.points import given_points
from vaiopt.settings import SearchSettings
from vaiopt.study.record import INTERRUPTED, TrialRecord
from vaiopt.study.space import Space, Value
from vaiopt.study.storage import quiet_optuna
from vaiopt.study.trials import distributions, records

NOMINATED = "vaiopt:nominated"
"""System attribute of a trial: the point that each acquisition function of ``gp_hedge`` wanted."""
ATTEMPTS = 10
"""Draws from an Optuna sampler before a random new point takes the place of one that was tried
already.
"""
POPULATION = 10
"""Of NSGA-II: a few generations within the tens of trials that trainings allow; Optuna's default of
50 would be random search.
"""
PACKAGES = {"optuna_gp": "torch", "cmaes": "cmaes"}
"""What Optuna's samplers need that is not installed with it."""

Propose = Callable[[Any, Any, List[TrialRecord]], Dict[str, Value]]


def make_sampler(space: Space, settings: SearchSettings, *, seed: int, direction: str) -> Any:
    """Return the Optuna sampler for a study.

    Args:
        space: all dimensions.
        settings: ``[search]`` of the run.
        seed: of every random choice.
        direction: ``maximize`` or ``minimize``.

    Raises:
        MissingToolError: the sampler needs a package that is not installed.
        SettingsError: the grid has too many points, or a given point does not fit the space.
    """
    propose = _proposals(space, settings, seed, direction)
    given = given_points(space, settings)
    return _sampler(space, _after(given, space, propose) if given else propose)


def _proposals(space: Space, settings: SearchSettings, seed: int, direction: str) -> Propose:
    name = settings.sampler
    if name == "grid":
        return _from_plan(grid_points(space, settings, seed))
    model = name if name == "forest" else "gp"
    proposer = Proposer(
        space,
        model=model,
        acquisition=settings.acquisition,
        initial_points=settings.initial_points,
        seed=seed,
        direction=direction,
    )
    if name in ("gp", "forest"):
        return _from_proposer(proposer)
    package = PACKAGES.get(name)
    if package is not None and not has_module(package):
        raise MissingToolError(
            f"the sampler '{name}' needs the package '{package}'",
            f"Install it with: pip install {package}, or choose another: --set search.sampler=gp",
        )
    return _from_optuna(proposer, name, settings, seed)


def grid_points(space: Space, settings: SearchSettings, seed: int) -> List[Dict[str, Value]]:
    """Return the points of a grid search in their order. Raises as
    :func:`vaiopt.search.samplers.grid.plan_grid`.
    """
    return plan_grid(
        space,
        resolution=settings.grid_points,
        fraction=settings.grid_fraction,
        limit=settings.grid_limit,
        seed=seed,
    )


def _sampler(space: Space, propose: Propose) -> Any:
    """Wrap a proposal function in Optuna's interface. The class is made here so that importing this
    module does not import Optuna.
    """
    from optuna.samplers import BaseSampler

    class SpaceSampler(BaseSampler):
        """Proposes whole points of the traced space."""

        def infer_relative_search_space(self, study: Any, trial: Any) -> Dict[str, Any]:
            return distributions(space)

        def sample_relative(
            self, study: Any, trial: Any, search_space: Dict[str, Any]
        ) -> Dict[str, Any]:
            before = [
                r for r in records(study) if r.number < trial.number and r.status != INTERRUPTED
            ]
            return propose(study, trial, before)

        def sample_independent(
            self, study: Any, trial: Any, param_name: str, param_distribution: Any
        ) -> Any:
            return space.defaults()[param_name]

    return SpaceSampler()


def _from_proposer(proposer: Proposer) -> Propose:
    def propose(study: Any, trial: Any, history: List[TrialRecord]) -> Dict[str, Value]:
        numbers = {t.number for t in history}
        earlier = [
            t.system_attrs.get(NOMINATED, {})
            for t in study.get_trials(deepcopy=False)
            if t.number in numbers
        ]
        point = proposer.propose(history, earlier)
        if proposer.nominated:
            study._storage.set_trial_system_attr(trial._trial_id, NOMINATED, proposer.nominated)
        return point

    return propose


def _after(given: Sequence[Dict[str, Value]], space: Space, propose: Propose) -> Propose:
    """Return a proposal function that tries the default point and the given ones before ``propose``
    has its turn.
    """

    def first_given(study: Any, trial: Any, history: List[TrialRecord]) -> Dict[str, Value]:
        tried = {key(space.canonical(t.hyperparameters)) for t in history}
        left = [point for point in given if key(point) not in tried]
        return left[0] if history and left else propose(study, trial, history)

    return first_given


def _from_plan(points: Sequence[Dict[str, Value]]) -> Propose:
    def propose(study: Any, trial: Any, history: List[TrialRecord]) -> Dict[str, Value]:
        tried = {key({**points[0], **t.hyperparameters}) for t in history}
        for point in points:
            if key(point) not in tried:
                return point
        raise SpaceExhausted(
            f"all {len(points)} points of the grid have been tried", "Widen the space."
        )

    return propose


def _from_optuna(proposer: Proposer, name: str, settings: SearchSettings, seed: int) -> Propose:
    space = proposer.space

    def propose(study: Any, trial: Any, history: List[TrialRecord]) -> Dict[str, Value]:
        if not history:
            return space.defaults()
        tried = {key(space.canonical(t.hyperparameters)) for t in history}
        for attempt in range(ATTEMPTS):
            # A fresh sampler for each proposal: what an earlier one drew cannot matter, so a
            # resumed search goes on alike.
            sampler = _optuna_sampler(
                name, settings, (seed * 1000003 + len(history) * 101 + attempt) % 2**31
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                point = space.canonical(_whole_point(sampler, study, trial, distributions(space)))
            if key(point) not in tried:
                return point
        return proposer.any_new(history)

    return propose


def _optuna_sampler(name: str, settings: SearchSettings, seed: int) -> Any:
    samplers = quiet_optuna().samplers
    start = settings.initial_points
    if name == "tpe":
        return samplers.TPESampler(
            seed=seed, n_startup_trials=start, multivariate=True, constant_liar=True
        )
    if name == "optuna_gp":
        return samplers.GPSampler(seed=seed, n_startup_trials=start, deterministic_objective=False)
    if name == "cmaes":
        return samplers.CmaEsSampler(
            seed=seed, n_startup_trials=start, warn_independent_sampling=False
        )
    if name == "nsga2":
        return samplers.NSGAIISampler(seed=seed, population_size=POPULATION)
    return samplers.RandomSampler(seed=seed)


def _whole_point(
    sampler: Any, study: Any, trial: Any, dimensions: Dict[str, Any]
) -> Dict[str, Value]:
    """Return a value of every dimension: those that the sampler draws together, and the others one
    by one.
    """
    together = sampler.sample_relative(
        study, trial, sampler.infer_relative_search_space(study, trial)
    )
    point: Dict[str, Value] = {}
    for name, found in dimensions.items():
        if name in together:
            point[name] = together[name]
        elif found.single():
            point[name] = found.choices[0] if hasattr(found, "choices") else found.low
        else:
            point[name] = sampler.sample_independent(study, trial, name, found)
    return point
