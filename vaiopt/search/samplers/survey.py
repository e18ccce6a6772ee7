"""A look over what the points of a space cost, before the first trial: a search for a front starts
from it, and it tells whether anything keeps the limits.
"""

from __future__ import annotations

from typing import List

import numpy as np

from vaiopt.errors import SettingsError
from vaiopt.search.samplers.candidates import neighbours, new_points, tried_keys
from vaiopt.search.samplers.point import Point
from vaiopt.search.samplers.prices import Prices
from vaiopt.study.objective import Objective
from vaiopt.study.price import Ask, PricedPoint
from vaiopt.study.space import Space
from vaiopt.text import Progress

FIRST_LOOK = 20
"""Random points, after which limits that most of them keep are known to be wide."""
POINTS = 100
"""Random points of a whole survey; 300 gave no better start."""
ENOUGH = 5
"""Points that keep the limits, near which the search finds others."""
ROUND = 20
"""Neighbours of the nearest points that are looked at in a further round. Under a limit that 0.2 %
of a space keeps, this finds five points with 160 models (median), where random points take 2,500.
"""
ROUNDS = 25
"""Further rounds, after which nothing is taken to keep the limits."""
NEAREST = 5
"""Points, nearest to the limits, whose neighbours are looked at."""
TINY_SHARE = 0.05
"""Share of the random points that keep the limits, below which it is worth a word."""


def survey(
    space: Space, objective: Objective, ask: Ask, seed: int, progress: Progress
) -> List[PricedPoint]:
    """Return points of a space with their prices: the default point, random ones, and where few of
    those keep the limits, neighbours of the nearest.

    Args:
        space: all dimensions.
        objective: limits, and the costs of the front.
        ask: builds models.
        seed: of the random points.
        progress: told what is found.

    Raises:
        SettingsError: no point was found that keeps the limits.
    """
    look = _Look(space, objective, ask, seed)
    at_random = look.at_random()
    look.price([space.defaults(), *at_random[:FIRST_LOOK]])
    wide = look.kept() > len(look.found) / 2
    if objective.front or not wide:
        progress(f"asking what {len(at_random)} points of the search space cost")
        for start in range(FIRST_LOOK, len(at_random), ROUND):
            look.price(at_random[start : start + ROUND])
    seen, share = len(look.found), look.kept() / len(look.found)
    for _ in range(0 if look.covers_all else ROUNDS):
        if look.kept() >= ENOUGH:
            break
        look.price(look.nearby())
    if not look.kept():
        raise SettingsError(
            f"{look.how_many()} keeps the limits; the nearest: {look.miss(look.nearest()[0])}",
            "Loosen the limit, or give the space cheaper points.",
        )
    if share < TINY_SHARE:
        progress(
            f"note: {share:.0%} of {seen} random points keep the limits"
            f" ({look.kept()} of {len(look.found)} that were looked at)"
        )
    for cost in look.of_one_value():
        progress(f"note: {cost} is the same at all {len(look.found)} points that were looked at")
    default = look.found[0]
    if not look.prices.is_feasible(default.price):
        progress(f"note: the default point is left out: {look.miss(default)}")
    return look.found


class _Look:
    """The points that were priced so far."""

    def __init__(self, space: Space, objective: Objective, ask: Ask, seed: int) -> None:
        self._space = space
        self._objective = objective
        self._random = np.random.RandomState([seed, POINTS])
        tried = tried_keys([space.defaults()])
        self._every = new_points(space, tried, self._random) if space.searched() else []
        self.prices = Prices(space, objective, ask)
        self.found: List[PricedPoint] = []
        self.covers_all = len(self._every) < POINTS

    def at_random(self) -> List[Point]:
        return self._every[:POINTS]

    def price(self, points: List[Point]) -> None:
        self.found += map(PricedPoint, points, self.prices.of(points))

    def kept(self) -> int:
        return sum(self.prices.is_feasible(seen.price) for seen in self.found)

    def of_one_value(self) -> List[str]:
        """Return the costs of the front that nothing in the space changes."""
        prices = [self._objective.prices(s.price.costs) for s in self.found if s.price.costs]
        return [n for n, seen in zip(self._objective.front, zip(*prices)) if len(set(seen)) == 1]

    def nearest(self) -> List[PricedPoint]:
        excess = [self.prices.excess(seen.price) for seen in self.found]
        return [self.found[i] for i in np.argsort(excess, kind="stable")[:NEAREST]]

    def nearby(self) -> List[Point]:
        near = [seen.point for seen in self.nearest()]
        tried = tried_keys([seen.point for seen in self.found])
        return neighbours(self._space, near, self._random, tried)[:ROUND]

    def how_many(self) -> str:
        if self.covers_all:
            return "no point of the search space"
        return f"none of {len(self.found)} points of the search space"

    def miss(self, seen: PricedPoint) -> str:
        return seen.price.refused or str(self._objective.infeasible(seen.price.costs))
