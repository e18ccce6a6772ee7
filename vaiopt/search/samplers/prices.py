"""What points cost, before a trial is spent on them: exactly once their models were built, as a
guess elsewhere.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import numpy as np

from vaiopt.search.samplers.encoding import Key, key
from vaiopt.search.samplers.point import Point
from vaiopt.settings.together import TRAINED_WITH
from vaiopt.study.objective import Objective, price_of
from vaiopt.study.price import Ask, Price, PricedPoint
from vaiopt.study.process import fit_process
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Space
from vaiopt.study.surrogate import column_groups, encode_points

CHUNKS = (1, 2, 4, 8, 16)
"""Points that are built at once where the first feasible one is looked for; from then on as many as
the last. Most guesses are right, and a model takes 0.04 to 1 s to build.
"""
MOST_ASKED = 400
"""Points that are built for one proposal, at most."""
MOST_TRIALS = 50
"""Trials whose costs a guess learns from, the last ones, besides the survey."""
REFUSED = 10.0
"""How far beyond the limits a point counts as that is refused, whatever it costs."""
KEPT = -1.0
"""How far beyond the limits a point counts as where none is set."""


@dataclass(frozen=True)
class Guess:
    """What points may cost.

    Attributes:
        prices: of the front (points, costs), as :meth:`Objective.prices` gives them.
        excess: how far beyond the limits each point lies (points,); 0 or less keeps them.
    """

    prices: np.ndarray
    excess: np.ndarray


class Prices:
    """What the points of a space cost.

    Args:
        space: all dimensions.
        objective: limits, and the costs of the front.
        ask: builds models.
        survey: points that are priced already, see :func:`vaiopt.search.samplers.survey.survey`.
    """

    def __init__(
        self, space: Space, objective: Objective, ask: Ask, survey: Sequence[PricedPoint] = ()
    ) -> None:
        self._space = space
        self._objective = objective
        self._ask = ask
        # The space may have grown since, and a file may hold anything.
        fitting = (replace(s, point=space.canonical(s.point)) for s in survey)
        self.survey = tuple(s for s in fitting if space.contains(s.point))
        self._known = {_architecture(s.point): s.price for s in self.survey}
        self._learned: Dict[Tuple[int, ...], List[Any]] = {}
        self._limits = {limit.cost: bound for limit, bound in objective.limits.values()}
        self._names = tuple(dict.fromkeys([*objective.front, *self._limits]))

    def of(self, points: Sequence[Point]) -> List[Price]:
        """Return the prices of points; models are built of those that are not known."""
        missing = {_architecture(p): p for p in points if _architecture(p) not in self._known}
        if missing:
            self._known.update(zip(missing, self._ask(list(missing.values()))))
        return [self._known[_architecture(point)] for point in points]

    def is_feasible(self, price: Price) -> bool:
        """Return whether a point of this price may be trained."""
        return not price.refused and self._objective.infeasible(price.costs) is None

    def excess(self, price: Price) -> float:
        """Return how far beyond the limits a price lies, in logarithms; 0 or less keeps them."""
        if self._is_refused(price):
            return REFUSED
        return max(
            (
                price_of(name, price.costs[name]) - price_of(name, bound)
                for name, bound in self._limits.items()
                if name in price.costs
            ),
            default=KEPT,
        )

    def _is_refused(self, price: Price) -> bool:
        on_cpu = self._objective.dpu_only and price.costs.get("cpu_layers", 0) > 0
        return bool(price.refused) or on_cpu

    def guess(self, points: Sequence[Point], trials: Sequence[TrialRecord]) -> Guess:
        """Return what points may cost, by models of the costs that are known.

        Args:
            points: canonical ones.
            trials: the search's so far, by number.
        """
        x = encode_points(self._space, points)
        found = [model.predict(x) for model in self._models(trials)]
        prices = dict(zip(self._names, found))
        excess = [prices[name] - price_of(name, bound) for name, bound in self._limits.items()]
        excess += [np.where(refusal > 0.5, REFUSED, KEPT) for refusal in found[len(prices) :]]
        front = [prices[name] for name in self._objective.front]
        return Guess(
            np.column_stack(front) if front else np.empty((len(points), 0)),
            np.max(excess, axis=0) if excess else np.full(len(points), KEPT),
        )

    def _models(self, trials: Sequence[TrialRecord]) -> List[Any]:
        """Return a model of each cost, and one of what is refused if some is and some is not.

        What was built for a proposal is not learned from: after a stop it would not be known, and
        the search would go on otherwise.
        """
        priced = [t for t in trials if t.costs and t.hyperparameters][-MOST_TRIALS:]
        numbers = tuple(t.number for t in priced)
        if numbers not in self._learned:
            known = [(s.point, s.price) for s in self.survey]
            known += [(self._space.canonical(t.hyperparameters), Price(t.costs)) for t in priced]
            self._learned = {numbers: self._fitted(known)}
        return self._learned[numbers]

    def _fitted(self, known: Sequence[Tuple[Point, Price]]) -> List[Any]:
        built = [(p, price) for p, price in known if all(n in price.costs for n in self._names)]
        columns = [[price_of(n, price.costs[n]) for _, price in built] for n in self._names]
        fitted = [self._fit([p for p, _ in built], column) for column in columns]
        refused = [float(self._is_refused(price)) for _, price in known]
        if len(set(refused)) > 1:
            fitted.append(self._fit([p for p, _ in known], refused))
        return fitted

    def _fit(self, points: Sequence[Point], values: Sequence[float]) -> Any:
        from threadpoolctl import threadpool_limits

        random = np.random.RandomState(len(points))
        with threadpool_limits(limits=1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x = encode_points(self._space, points)
            return fit_process(x, np.array(values, dtype=float), column_groups(self._space), random)

    def feasible(self, points: Sequence[Point]) -> Iterator[Point]:
        """Yield those of the points that may be trained, in order; models are built as they are
        asked for, at most :data:`MOST_ASKED`.
        """
        place, chunk, asked = 0, 0, 0
        while place < len(points):
            size = CHUNKS[min(chunk, len(CHUNKS) - 1)]
            some = points[place : place + size]
            known = [point for point in some if _architecture(point) in self._known]
            asked += len(some) - len(known)
            some = some if asked <= MOST_ASKED else known
            for point, price in zip(some, self.of(some)):
                if self.is_feasible(price):
                    yield point
            place, chunk = place + size, chunk + 1


def _architecture(point: Point) -> Key:
    """Return what points share whose models cost the same: all but how they are trained."""
    return key({name: value for name, value in point.items() if name not in TRAINED_WITH})
