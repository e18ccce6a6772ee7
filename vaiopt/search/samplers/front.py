"""Bayesian proposals for the front of a metric against costs that are known before training: the
expected gain of hypervolume, with a model of the metric alone, which knows what points cost.

With exact costs the expectation is a sum over the levels of the front, for any number of costs: a
point gains, for each bit by which its metric gets below a level (lower is better), the volume of
costs that it covers and no point of the front at that level covers. For one cost that is the closed
form of Emmerich et al. 2011, "Hypervolume-based expected improvement".
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, List, Sequence, Set, Tuple

import numpy as np

from vaiopt.search.samplers import candidates
from vaiopt.search.samplers.base import Problem, Sampler
from vaiopt.search.samplers.encoding import Key, key
from vaiopt.search.samplers.point import Point
from vaiopt.search.samplers.prices import Prices
from vaiopt.study.process import fit_process
from vaiopt.study.record import COMPLETE, RUNNING, TrialRecord
from vaiopt.study.space import Space
from vaiopt.study.surrogate import (
    column_groups,
    encode_points,
    missing_to_top,
    raw_targets,
    usable,
)

BUILT = 20
"""Points, of the largest promise by guessed costs, whose models are built to know the exact ones;
against all 2,400 exact that loses nothing that can be measured.
"""
SHARE_BELOW_BEST = 0.10
"""A share of 1 (such as accuracy) so far below the best is of no use, where the settings do not say
what is (``objective.min_metric``).
"""
MARGIN = 0.02
"""Share of the range of a cost's logarithm by which the reference lies beyond its largest."""
BEYOND_SURVEY = 0.5
"""How far beyond the costs of the survey, in parts of their range, costs still differ for the model
of the metric.
"""
LAST_OF_FRONT = 8
"""Points of the front, the best by the metric, whose neighbours are looked at."""


class FrontSampler(Sampler):
    """Proposes what promises the largest gain of hypervolume.

    Args:
        problem: what it is made for; it knows what points cost.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        objective = problem.objective
        if problem.prices is None:
            raise ValueError("a search for a front needs to know what points cost")
        self._problem = problem
        self._objective = objective
        self._prices: Prices = problem.prices
        self._tried = candidates.Tried(problem.space)

    def propose(self, study: Any, trial: Any, history: Sequence[TrialRecord]) -> Point:
        """See :class:`Sampler`."""
        return self.next_point([*self._problem.known, *history] if history else [])

    def next_point(self, history: Sequence[TrialRecord]) -> Point:
        """Return the next point, canonical, as plain Python values.

        Args:
            history: the trials so far by number; running ones count as if they had ended as the
                model expects.

        Raises:
            SpaceExhausted: no point is left that may be trained.
        """
        history = usable(self.space, history)
        if not history:
            return self.admission.start()
        tried = self._tried(history)
        random = candidates.generator(self._problem.seed, history)
        place, starts = len(history), self._problem.settings.initial_points
        finished = sum(trial.value is not None for trial in history)
        if place < starts or finished < 2:
            return self._start(place, starts, tried, random)
        new = candidates.new_points(self.space, tried, random)
        pool = self.admission.pool(new, history, tried, random)
        return self._best_by_gain(history, pool, tried, random)

    def _start(self, place: int, starts: int, tried: Set[Key], random: Any) -> Point:
        """Return a random point of one of the strata, alike in size, of the first cost."""
        usable_points = [
            (self._objective.prices(seen.price.costs)[0], seen.point)
            for seen in self._prices.survey
            if self._prices.is_feasible(seen.price) and key(seen.point) not in tried
        ]
        usable_points.sort(key=lambda pair: pair[0])
        strata = np.array_split(np.arange(len(usable_points)), max(1, starts - 1))
        stratum = strata[(place - 1) % len(strata)]
        if not len(stratum):
            new = candidates.new_points(self.space, tried, random)
            return self.admission.first(self.admission.pool(new, (), tried, random))[0]
        return usable_points[int(random.choice(stratum))][1]

    def _best_by_gain(
        self, history: Sequence[TrialRecord], pool: List[Point], tried: Set[Key], random: Any
    ) -> Point:
        from threadpoolctl import threadpool_limits

        # BLAS with several threads makes these small matrices three to six times slower.
        with threadpool_limits(limits=1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            view = self._view(history, random)
            best = [self.space.canonical(t.hyperparameters) for t in view.front[-LAST_OF_FRONT:]]
            admitted = partial(self.admission.likely, trials=history)
            if best:
                pool = pool + admitted(candidates.neighbours(self.space, best, random, tried))

            def lost(points: List[Point]) -> np.ndarray:
                return -view.gain(points, self._prices.guess(points, history).prices)

            ordered = candidates.refined(self.space, lost, pool, admitted, tried, random)
            built = self.admission.first(ordered + pool, BUILT)
            exact = [self._objective.prices(price.costs) for price in self._prices.of(built)]
            return built[int(np.argmax(view.gain(built, np.array(exact))))]

    def _view(self, history: Sequence[TrialRecord], random: Any) -> "_View":
        """Return the front so far with a model of the metric."""
        trained = [t for t in history if t.status != RUNNING]
        raw = raw_targets(trained, self._objective.direction)
        scale = missing_to_top(raw, self._objective.is_share)
        points = [self.space.canonical(t.hyperparameters) for t in trained]
        surveyed = [s.price for s in self._prices.survey if self._prices.is_feasible(s.price)]
        prices = np.array([self._objective.prices(price.costs) for price in surveyed])
        most, least = prices.max(axis=0), prices.min(axis=0)
        columns = _Columns(self.space, least, most)
        x = columns(points, self._prices_of(trained, points, history))
        surrogate = fit_process(x, scale(raw), columns.groups, random)
        seen = [
            (t, float(y), self._objective.prices(t.costs))
            for t, y in zip(trained, scale(raw))
            if t.status == COMPLETE and t.costs
        ]
        running = [t for t in history if t.status == RUNNING]
        if running:
            points = [self.space.canonical(t.hyperparameters) for t in running]
            costs = [self._objective.prices(price.costs) for price in self._prices.of(points)]
            expected = surrogate.predict(columns(points, np.array(costs)))
            seen += zip(running, map(float, expected), costs)
        limit = self._least_useful(raw)
        reference = most + np.maximum(MARGIN * (most - least), MARGIN)
        return _View(columns, surrogate, seen, float(scale(np.array([limit]))[0]), reference)

    def _prices_of(
        self, trials: Sequence[TrialRecord], points: List[Point], history: Sequence[TrialRecord]
    ) -> np.ndarray:
        """Return the logarithms of the costs of trials (trials, costs), as guesses where a trial
        that failed has none.
        """
        prices = np.array([self._objective.prices(t.costs) for t in trials])
        unknown = np.flatnonzero(~np.isfinite(prices).all(axis=1))
        if len(unknown):
            guess = self._prices.guess([points[i] for i in unknown], history)
            prices[unknown] = guess.prices
        return prices

    def _least_useful(self, raw: np.ndarray) -> float:
        """Return the value, lower is better, from which on a model is of no use."""
        objective, best = self._objective, float(np.min(raw))
        if objective.min_metric is not None and not objective.weighted:
            return objective.min_metric * (-1 if objective.direction == "maximize" else 1)
        if objective.is_share:
            return best + SHARE_BELOW_BEST
        return float(np.max(raw))


class _Columns:
    """Points as the model of the metric sees them: what they cost stands beside what they are.

    That cheap networks learn little is then known from the first trials on. Without, each kind of
    cheap network is tried before the model knows.

    Args:
        space: all dimensions.
        least, most: logarithms of the costs of points that were looked at (costs,).
    """

    def __init__(self, space: Space, least: np.ndarray, most: np.ndarray) -> None:
        self._space = space
        self._least = least
        self._range = np.maximum(most - least, MARGIN)
        groups = column_groups(space)
        self.groups = (*groups, *(len(set(groups)) + cost for cost in range(len(least))))
        """Of each column the index of its hyperparameter, or beyond those, of its cost."""

    def __call__(self, points: Sequence[Point], prices: np.ndarray) -> np.ndarray:
        """Return points as numbers (points, columns), costs from 0 to 1 in the survey's range.

        Args:
            points: canonical ones.
            prices: logarithms of their costs (points, costs).
        """
        places = np.clip((prices - self._least) / self._range, -BEYOND_SURVEY, 1 + BEYOND_SURVEY)
        return np.hstack([encode_points(self._space, points), places])


class _View:
    """A front, and what points would add to it.

    Args:
        columns: makes numbers of points.
        surrogate: of the metric, lower is better.
        seen: trials with their metric, and the logarithms of their costs.
        limit: the metric from which on a point counts.
        reference: costs (costs,), below which a point counts.
    """

    def __init__(
        self,
        columns: _Columns,
        surrogate: Any,
        seen: Sequence[Tuple[TrialRecord, float, Sequence[float]]],
        limit: float,
        reference: np.ndarray,
    ) -> None:
        self._columns = columns
        self._surrogate = surrogate
        self._reference = reference
        useful = [s for s in seen if s[1] < limit and np.isfinite(s[2]).all()]
        kept = undominated(np.array([[y, *prices] for _, y, prices in useful]))
        useful = sorted((useful[i] for i in kept), key=lambda s: -s[1])
        self.front = [trial for trial, _, _ in useful]
        """From the worst by the metric, which is the cheapest where there is one cost, to the best.
        """
        self._levels = np.array([limit, *(y for _, y, _ in useful)])
        self._taken = np.array([prices for _, _, prices in useful]).reshape(-1, len(reference))

    def gain(self, points: Sequence[Point], prices: np.ndarray) -> np.ndarray:
        """Return the expected gain of hypervolume of points (points,).

        Args:
            points: canonical ones.
            prices: logarithms of their costs (points, costs).
        """
        x = self._columns(points, prices)
        mean, deviation = self._surrogate.predict(x, return_std=True)
        return expected_gain(mean, deviation, prices, self._levels, self._taken, self._reference)


def expected_gain(
    mean: np.ndarray,
    deviation: np.ndarray,
    prices: np.ndarray,
    levels: np.ndarray,
    taken: np.ndarray,
    reference: np.ndarray,
) -> np.ndarray:
    """Return the expected gain of hypervolume of points whose costs are known (points,).

    Args:
        mean, deviation: of the metric at each point (points,), lower is better.
        prices: their costs (points, costs).
        levels: the metric of the reference, then of the front's points, falling (1 + front,).
        taken: costs of the front's points (front, costs), in the same order.
        reference: costs (costs,).
    """
    improvement = [_expected_below(mean, deviation, level) for level in levels]
    improvement.append(np.zeros(len(mean)))
    total = np.zeros(len(mean))
    for place in range(len(levels)):
        # Between a level and the next, only the points from the next on stand in the way.
        room = uncovered(prices, taken[place:], reference)
        total += room * (improvement[place] - improvement[place + 1])
    return total


def _expected_below(mean: np.ndarray, deviation: np.ndarray, level: float) -> np.ndarray:
    """Return by how much normal values are expected to lie below a level, none counting above."""
    from scipy.special import ndtr

    deviation = np.maximum(deviation, 1e-12)
    z = (level - mean) / deviation
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    return np.asarray(deviation * (z * ndtr(z) + density))


def uncovered(prices: np.ndarray, taken: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the volume between each point and the reference that lies beyond none of the taken
    points (points,); lower is better in each coordinate.

    Args:
        prices: (points, costs).
        taken: (taken, costs).
        reference: (costs,).
    """
    if prices.shape[1] == 1:
        end = min(reference[0], *taken[:, 0]) if len(taken) else reference[0]
        return np.maximum(0.0, end - prices[:, 0])
    taken = taken[np.argsort(taken[:, 0], kind="stable")]
    edges = [-np.inf, *np.minimum(taken[:, 0], reference[0]), reference[0]]
    total = np.zeros(len(prices))
    for place, (start, end) in enumerate(zip(edges, edges[1:])):
        width = np.maximum(0.0, end - np.maximum(start, prices[:, 0]))
        if width.any():
            total += width * uncovered(prices[:, 1:], taken[:place, 1:], reference[1:])
    return total


def undominated(rows: np.ndarray) -> List[int]:
    """Return the places of the rows that no other is at most as large as in every column and
    smaller in one; of equal ones the first.
    """
    kept: List[int] = []
    for place in np.lexsort(rows.T[::-1]) if len(rows) else ():
        if not any((rows[other] <= rows[place]).all() for other in kept):
            kept.append(int(place))
    return kept
