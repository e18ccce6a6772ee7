"""Which points a proposal may be: those that keep the limits, found without a training."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Set

import numpy as np

from vaiopt.search.samplers.candidates import distinct, neighbours
from vaiopt.search.samplers.encoding import Key
from vaiopt.search.samplers.point import Point, SpaceExhausted
from vaiopt.search.samplers.prices import Prices
from vaiopt.study.record import COMPLETE, PRUNED, TrialRecord
from vaiopt.study.space import Space
from vaiopt.study.surrogate import encode_points

FEW = 200
"""Random points that may keep the limits, below which others are looked for near known ones."""
ROUNDS = 3
SEEDS = 40
"""Points that keep the limits, whose neighbours are looked at in a round."""


class Admission:
    """Lets points into the proposals of a search.

    Args:
        space: all dimensions.
        prices: what points cost; None where that does not matter, and all points are let in.
    """

    def __init__(self, space: Space, prices: Optional[Prices]) -> None:
        self._space = space
        self._prices = prices

    @property
    def limited(self) -> bool:
        """Whether points may be kept out."""
        return self._prices is not None

    def is_feasible(self, point: Point) -> bool:
        """Return whether a point keeps the limits; its model is built."""
        prices = self._prices
        return prices is None or prices.is_feasible(prices.of([point])[0])

    def start(self) -> Point:
        """Return the point that a search begins with: the default one, or of those that were looked
        at and keep the limits, the nearest to it.
        """
        default = self._space.defaults()
        if self.is_feasible(default):
            return default
        return self.first(self.nearest(self._known(()), default))[0]

    def pool(
        self, points: List[Point], trials: Sequence[TrialRecord], tried: Set[Key], random: Any
    ) -> List[Point]:
        """Return the points that are guessed to keep the limits, and where they are few, others
        near known ones.

        Args:
            points: canonical ones that were not tried.
            trials: the search's so far, by number.
            tried: keys of points that were tried.
            random: a ``RandomState``.
        """
        if self._prices is None:
            return points
        kept = self.likely(points, trials)
        if len(kept) >= FEW:
            return kept
        seeds = self._known(trials)
        for _ in range(ROUNDS):
            some = [seeds[i] for i in random.permutation(len(seeds))[:SEEDS]]
            near = neighbours(self._space, some, random, tried) if some else []
            kept = distinct([*kept, *self.likely(near, trials)], set())
            seeds = kept or seeds
        # A guess may be wrong: what is known to keep the limits, and all near it, comes after.
        known = self._known(trials)
        near = neighbours(self._space, known, random, tried) if known else []
        return distinct([*kept, *distinct(known, tried), *near], set()) or points

    def likely(self, points: List[Point], trials: Sequence[TrialRecord]) -> List[Point]:
        """Return those of the points that are guessed to keep the limits."""
        if self._prices is None or not points:
            return points
        excess = self._prices.guess(points, trials).excess
        return [point for point, beyond in zip(points, excess) if beyond <= 0]

    def _known(self, trials: Sequence[TrialRecord]) -> List[Point]:
        """Return points that are known to keep the limits."""
        if self._prices is None:
            return []
        found = [s.point for s in self._prices.survey if self._prices.is_feasible(s.price)]
        trained = [t for t in trials if t.status in (COMPLETE, PRUNED)]
        return found + [self._space.canonical(t.hyperparameters) for t in trained]

    def first(self, points: Sequence[Point], wanted: int = 1) -> List[Point]:
        """Return the first of the points that keep the limits, which is seen once their models are
        built; as many as are wanted, or fewer.

        Raises:
            SpaceExhausted: none does.
        """
        if self._prices is None:
            return list(points[:wanted])
        found = [point for point, _ in zip(self._prices.feasible(points), range(wanted))]
        if not found:
            raise SpaceExhausted(
                f"no further point that keeps the limits was found among {len(points)}",
                "Widen the space or the limits, or ask for fewer trials.",
            )
        return found

    def nearest(self, points: List[Point], wanted: Point) -> List[Point]:
        """Return points by their distance from one that is wanted."""
        x = encode_points(self._space, [wanted, *points])
        order = np.argsort(((x[1:] - x[0]) ** 2).sum(axis=1), kind="stable")
        return [points[i] for i in order]
