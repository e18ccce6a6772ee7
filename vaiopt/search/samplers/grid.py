"""All points of a grid, counted without making them, and any of them by its place."""

from __future__ import annotations

import bisect
import math
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from vaiopt.errors import SettingsError
from vaiopt.search.samplers.base import Problem, Sampler
from vaiopt.search.samplers.candidates import Tried
from vaiopt.search.samplers.encoding import key
from vaiopt.search.samplers.point import Point, SpaceExhausted
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Dimension, Space, Value
from vaiopt.study.surrogate import from_unit

MOST_BLOCKS = 100000
"""Most combinations of values that others depend on; more could not be counted quickly."""


class Grid:
    """The grid of a space: every canonical point once.

    Args:
        space: the space.
        resolution: values taken from a continuous range, evenly spaced (over the logarithm where it
            is logarithmic), both ends included.

    Raises:
        SettingsError: too many combinations of conditions.
    """

    def __init__(self, space: Space, resolution: int) -> None:
        self._space = space
        self._values = {d.name: values_on_grid(d, resolution) for d in space}
        parents = {parent for d in space for chain in d.conditions for parent, _ in chain}
        self._parents = [d.name for d in space if d.name in parents]
        self._blocks: List[Tuple[Point, List[str]]] = []
        self._ends: List[int] = []
        for fixed in self._assignments(space):
            active = set(space.active(fixed))
            free = [d.name for d in space if d.name in active and d.name not in parents]
            size = 1
            for name in free:
                size *= len(self._values[name])
            self._blocks.append((fixed, free))
            self._ends.append((self._ends[-1] if self._ends else 0) + size)

    @property
    def size(self) -> int:
        """Points in all. Not ``len()``, which ends at 2**63."""
        return self._ends[-1]

    def _assignments(self, space: Space) -> List[Point]:
        """Return every combination of the values that conditions look at."""
        found: List[Point] = [{}]
        defaults = space.defaults()
        for name in self._parents:
            grown = []
            for fixed in found:
                active = name in space.active(fixed)
                values = self._values[name] if active else [defaults[name]]
                grown += [{**fixed, name: value} for value in values]
            if len(grown) > MOST_BLOCKS:
                raise SettingsError(
                    f"the conditions of the search space have more than {MOST_BLOCKS} combinations,"
                    " too many for a grid",
                    "Fix some of them, or choose another sampler: --set search.sampler=random",
                )
            found = grown
        return found

    def point(self, place: int) -> Point:
        """Return the point at a place from 0 to ``size - 1``, canonical."""
        block = bisect.bisect_right(self._ends, place)
        fixed, free = self._blocks[block]
        rest = place - (self._ends[block - 1] if block else 0)
        point = dict(fixed)
        for name in reversed(free):
            rest, index = divmod(rest, len(self._values[name]))
            point[name] = self._values[name][index]
        return self._space.canonical(point)


def values_on_grid(dimension: Dimension, resolution: int) -> List[Value]:
    """Return the values of a dimension that a grid has."""
    grid = dimension.grid()
    if grid is not None:
        return grid
    if dimension.low == dimension.high:
        return [dimension.default]
    values: List[Value] = []
    for place in np.linspace(0.0, 1.0, resolution):
        value = from_unit(dimension, float(place))
        value = float(f"{value:.9g}") if isinstance(value, float) and 0 < place < 1 else value
        if value not in values:
            values.append(value)
    return values


class GridSampler(Sampler):
    """Tries the points of a grid in the order of :func:`plan_grid`."""

    has_plan = True

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        settings = problem.settings
        points = plan_grid(
            problem.space,
            resolution=settings.grid_points,
            fraction=settings.grid_fraction,
            limit=settings.grid_limit,
            seed=problem.seed,
        )
        self._points = {key(point): point for point in points}
        self._tried = Tried(problem.space)

    def propose(self, study: Any, trial: Any, history: Sequence[TrialRecord]) -> Point:
        """See :class:`Sampler`."""
        tried = self._tried(history)
        left = [point for name, point in self._points.items() if name not in tried]
        if left:
            return self.admission.first(left)[0]
        count = len(self._points)
        raise SpaceExhausted(f"all {count} points of the grid have been tried", "Widen the space.")

    def total(self, trials: int) -> int:
        """Return the number of points."""
        return len(self._points)


def plan_grid(
    space: Space, *, resolution: int, fraction: float, limit: int, seed: int
) -> List[Point]:
    """Return the points of a grid search in the order in which they are tried: the default point,
    then the others, shuffled.

    Args:
        space: the space.
        resolution: see :class:`Grid`.
        fraction: the share of the grid that is taken, at random.
        limit: the most points.
        seed: of the choice and the order.

    Raises:
        SettingsError: there are more points than ``limit``.
    """
    grid = Grid(space, resolution)
    count = min(grid.size, max(1, int(math.floor(fraction * grid.size + 0.5))))
    if count > limit:
        share = _rounded_down(limit / grid.size)
        asked = "" if fraction == 1.0 else f" ({count:,} of them asked for)"
        raise SettingsError(
            f"the grid has {grid.size:,} points{asked}, more than search.grid_limit = {limit:,}",
            f"Take a random part of it: --set search.grid_fraction={share:.2g}, or raise the"
            " limit.",
        )
    places = _sample(np.random.RandomState(seed), grid.size, count)
    default = space.defaults()
    points = (grid.point(place) for place in places)
    return [default, *(point for point in points if key(point) != key(default))]


def _rounded_down(share: float) -> float:
    """Return a share with two digits that is no larger."""
    digits = 1 - int(math.floor(math.log10(share)))
    return math.floor(share * 10**digits + 1e-9) / 10**digits


def _sample(random: Any, total: int, count: int) -> List[int]:
    """Return ``count`` different whole numbers below ``total`` in random order, without a list of
    all where they are few among many.
    """
    if count * 4 > total:
        return [int(place) for place in random.permutation(total)[:count]]
    chosen: Dict[int, None] = {}
    while len(chosen) < count:
        chosen[int(random.random_sample() * total)] = None
    return list(chosen)
