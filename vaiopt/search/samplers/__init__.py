"""What proposes the points of a search."""

from __future__ import annotations

from functools import partial
from typing import Callable, Dict

from vaiopt.environment import has_module
from vaiopt.errors import MissingToolError
from vaiopt.search.samplers.acquisition import ACQUISITIONS
from vaiopt.search.samplers.base import Problem, Sampler
from vaiopt.search.samplers.bayesian import BayesianSampler
from vaiopt.search.samplers.from_optuna import MAKERS, OptunaSampler, as_optuna
from vaiopt.search.samplers.front import FrontSampler
from vaiopt.search.samplers.grid import GridSampler
from vaiopt.search.samplers.point import SpaceExhausted
from vaiopt.search.samplers.points import PointsFirst
from vaiopt.search.samplers.prices import Prices
from vaiopt.search.samplers.survey import survey
from vaiopt.settings import choices

__all__ = [
    "ACQUISITIONS",
    "SAMPLERS",
    "Prices",
    "Problem",
    "SpaceExhausted",
    "as_optuna",
    "make_sampler",
    "survey",
]


def _process(problem: Problem) -> Sampler:
    """Return the sampler on a Gaussian process: of one best model, or of a front."""
    if problem.objective.front:
        return FrontSampler(problem)
    return BayesianSampler(problem, model="gp")


SAMPLERS: Dict[str, Callable[[Problem], Sampler]] = {
    "gp": _process,
    "forest": partial(BayesianSampler, model="forest"),
    **{name: partial(OptunaSampler, make=make) for name, make in MAKERS.items()},
    "grid": GridSampler,
}
"""How each sampler is made, by the names of :data:`vaiopt.settings.choices.SAMPLERS`."""


def make_sampler(problem: Problem) -> Sampler:
    """Return the sampler that the settings name.

    Raises:
        MissingToolError: it needs a package that is not installed.
        SettingsError: there is no such sampler or acquisition, the grid has too many points, or a
            given point does not fit the space.
    """
    settings = problem.settings
    make = choices.row_of("search.sampler", settings.sampler, SAMPLERS)
    row = choices.row_of("search.sampler", settings.sampler, {r.name: r for r in choices.SAMPLERS})
    if row.package and not has_module(row.package):
        raise MissingToolError(
            f"the sampler '{row.name}' needs the package '{row.package}'",
            f"Install it with: pip install {row.pip}, or choose another: --set search.sampler=gp",
        )
    sampler = make(problem)
    return PointsFirst(problem, sampler) if settings.points else sampler
