"""Bayesian proposals on scikit-optimize.

scikit-optimize gives the surrogate (:mod:`vaiopt.study.surrogate`) and the acquisition functions. What is
added: no point is proposed twice, and a proposal is a pure function of (seed, trials so far), so
that a resumed search goes on as if it had never stopped.
"""

from __future__ import annotations

import warnings
from typing import Any, Dict, List, Mapping, Sequence

import numpy as np

from vaiopt.errors import VaioptError
from vaiopt.search.samplers.encoding import draw, key, nudge
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Space, Value
from vaiopt.study.surrogate import better_half, encode_points, fit_surrogate, raw_targets, usable

CANDIDATES = 2000
"""Random points among which the acquisition is maximised."""
NEIGHBOURS = 400
"""Points near the best ones, in each of two rounds."""
SPREAD = 3
"""Random points of which an initial one is the farthest from those before. Of many, it would always
be a corner, where learning rates fail.
"""
XI = 0.0
"""Improvement asked for by EI and PI, in units of the standardised objective. scikit-optimize's
0.01 found no less early, and a little less late.
"""
KAPPA = 1.96
"""Standard deviations below the mean for LCB (scikit-optimize's default)."""
HEDGED = ("EI", "LCB", "PI")
"""Acquisition functions among which ``gp_hedge`` chooses."""
ETA = 1.0
"""How sharply the hedge prefers the function that has gained most (scikit-optimize's default)."""

Point = Dict[str, Value]


class SpaceExhausted(VaioptError):
    """Every point of the space has been tried."""

    code = "space"


class Proposer:
    """Proposes the next point.

    Args:
        space: all dimensions; those of a single value are passed through.
        model: ``gp`` or ``forest``.
        acquisition: ``EI``, ``LCB``, ``PI`` or ``gp_hedge`` (chooses among the three by what each
            has gained).
        initial_points: points, the default first, before the surrogate chooses.
        seed: of every random choice.
        direction: ``maximize`` or ``minimize``.
    """

    def __init__(
        self,
        space: Space,
        *,
        model: str,
        acquisition: str,
        initial_points: int,
        seed: int,
        direction: str,
    ) -> None:
        self.space = space
        self._model = model
        self._acquisition = acquisition
        self._initial_points = initial_points
        self._seed = seed
        self._direction = direction
        self.nominated: Dict[str, Point] = {}

    def propose(
        self, history: Sequence[TrialRecord], nominees: Sequence[Mapping[str, Point]] = ()
    ) -> Point:
        """Return the next point, canonical, as plain Python values.

        Args:
            history: the trials so far by number. Interrupted ones are as if they had never been;
                running ones count as points that will turn out like the best so far ("constant
                liar"), so that parallel proposals differ.
            nominees: for ``gp_hedge``, what :attr:`nominated` was after each earlier proposal.

        Raises:
            SpaceExhausted: every point has been tried.
        """
        self.nominated = {}
        history = usable(self.space, history)
        points = [self.space.canonical(t.hyperparameters) for t in history]
        tried = {key(point) for point in points}
        if not history:
            return self.space.defaults()
        # One generator a proposal: what was drawn for earlier ones does not matter.
        random = np.random.RandomState([self._seed, len(history)])
        candidates = self._distinct(self._random_points(random, CANDIDATES), tried)
        if not candidates:
            candidates = self._remaining(tried)
        if not candidates:
            raise SpaceExhausted(
                f"all {len(tried)} points of the search space have been tried",
                "Widen the space, or ask for fewer trials.",
            )
        finished = [i for i, t in enumerate(history) if t.value is not None]
        if len(history) < self._initial_points or len(finished) < 2:
            return self._most_distant(candidates[:SPREAD], points)
        return self._best_by_acquisition(history, points, candidates, tried, random, nominees)

    def any_new(self, history: Sequence[TrialRecord]) -> Point:
        """Return a random point that was not tried. Raises :class:`SpaceExhausted` as
        :meth:`propose`.
        """
        other = Proposer(
            self.space,
            model=self._model,
            acquisition="EI",
            initial_points=10**9,
            seed=self._seed,
            direction="maximize",
        )
        return other.propose(history)

    def _best_by_acquisition(
        self,
        history: Sequence[TrialRecord],
        points: List[Point],
        candidates: List[Point],
        tried: Any,
        random: Any,
        nominees: Sequence[Mapping[str, Point]],
    ) -> Point:
        from threadpoolctl import threadpool_limits

        y = better_half(raw_targets(history, self._direction))
        # BLAS with several threads makes these small matrices three to six times slower.
        with threadpool_limits(limits=1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            surrogate = fit_surrogate(self._model, encode_points(self.space, points), y, random)
            best_points = [points[i] for i in np.argsort(y, kind="stable")[:5]]
            pool = candidates + self._distinct(self._neighbours(best_points, random), tried)
            if self._acquisition != "gp_hedge":
                return self._maximised(
                    self._acquisition, surrogate, pool, float(y.min()), tried, random
                )
            self.nominated = {
                name: self._maximised(name, surrogate, pool, float(y.min()), tried, random)
                for name in HEDGED
            }
            gains = self._gains(surrogate, nominees)
        shares = np.exp(ETA * (gains - gains.max()))
        return self.nominated[HEDGED[int(random.choice(len(HEDGED), p=shares / shares.sum()))]]

    def _maximised(
        self, name: str, surrogate: Any, pool: List[Point], best: float, tried: Any, random: Any
    ) -> Point:
        """Return the best point by an acquisition function: of the pool, then of what lies near its
        best, twice.
        """
        for _ in range(2):
            order = np.argsort(self._acquire(name, surrogate, pool, best), kind="stable")
            pool = [pool[i] for i in order[:50]]
            near = self._distinct(self._neighbours(pool[:5], random), tried)
            pool = self._distinct(pool + near, set())
        return pool[int(np.argmin(self._acquire(name, surrogate, pool, best)))]

    def _gains(self, surrogate: Any, nominees: Sequence[Mapping[str, Point]]) -> np.ndarray:
        """Return what each function's nominations have been worth: minus the means now predicted
        for them (Hoffman et al. 2011, GP-Hedge).
        """
        gains = np.zeros(len(HEDGED))
        for index, name in enumerate(HEDGED):
            points = [
                self.space.canonical(by_name[name]) for by_name in nominees if name in by_name
            ]
            if points:
                gains[index] = -float(np.sum(surrogate.predict(encode_points(self.space, points))))
        return gains

    def _acquire(
        self, name: str, surrogate: Any, pool: Sequence[Mapping[str, Value]], best: float
    ) -> np.ndarray:
        """Return the acquisition ``name``, lower is better, of each point."""
        from skopt.acquisition import gaussian_ei, gaussian_lcb, gaussian_pi

        x = encode_points(self.space, pool)
        if name == "LCB":
            return np.asarray(gaussian_lcb(x, surrogate, kappa=KAPPA))
        function = gaussian_ei if name == "EI" else gaussian_pi
        return -np.asarray(function(x, surrogate, y_opt=best, xi=XI))

    def _random_points(self, random: Any, count: int) -> List[Point]:
        columns = {d.name: draw(d, random, count) for d in self.space}
        return [
            self.space.canonical({name: column[i] for name, column in columns.items()})
            for i in range(count)
        ]

    def _neighbours(self, points: Sequence[Mapping[str, Value]], random: Any) -> List[Point]:
        """Return points that differ from the given ones in one or two dimensions, numbers by a
        small step.
        """
        searched = self.space.searched()
        result = []
        for index in range(NEIGHBOURS):
            point = dict(points[index % len(points)])
            for _ in range(random.randint(1, 3)):
                dimension = searched[random.randint(len(searched))]
                point[dimension.name] = nudge(dimension, point[dimension.name], random)
            result.append(self.space.canonical(point))
        return result

    def _distinct(self, points: Sequence[Point], tried: Any) -> List[Point]:
        seen = set(tried)
        result = []
        for point in points:
            name = key(point)
            if name not in seen:
                seen.add(name)
                result.append(point)
        return result

    def _remaining(self, tried: Any) -> List[Point]:
        """Return the untried points of a small space, all of them; none if it is continuous or
        large.
        """
        points: List[Point] = [{}]
        for dimension in self.space:
            grid = dimension.grid()
            if grid is None or len(points) * len(grid) > 20000:
                return []
            points = [{**point, dimension.name: value} for point in points for value in grid]
        return self._distinct([self.space.canonical(point) for point in points], tried)

    def _most_distant(self, candidates: Sequence[Point], points: Sequence[Point]) -> Point:
        """Return the candidate farthest from all points so far: a start that fills the space, each
        point depending on those before.
        """
        x = encode_points(self.space, candidates)
        known = encode_points(self.space, points)
        distances = ((x[:, None, :] - known[None, :, :]) ** 2).sum(axis=2).min(axis=1)
        return candidates[int(np.argmax(distances))]
