"""What the search's own surrogate says of the hyperparameters: partial dependence in one and two
dimensions, and importance.

The surrogate predicts ranks, so that what makes a trial bad shows as well; what is drawn is the
objective of the rank that it expects.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from vaiopt.report.data import evenly
from vaiopt.report.dimensions import Dimension, told_apart
from vaiopt.settings.choices import row_of
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Dimension as Declared
from vaiopt.study.space import Space, Value
from vaiopt.study.surrogate import (
    column_groups,
    encode_points,
    fit_surrogate,
    from_unit,
    normal_scores,
    raw_targets,
    to_unit,
    usable,
)

MIN_TRIALS = 4
"""Fewer completed trials than this say nothing about importance and dependence."""
MAX_FITTED = 300
"""Trials, evenly spaced, that the surrogate is fitted to: the time of a Gaussian process grows with
their cube.
"""
BACKGROUND = 64
"""Trials, evenly spaced, that a dependence averages over."""
POINTS = 24
"""Values of a hyperparameter at most in one dimension."""
POINTS_2D = 14
"""Values of each of two hyperparameters at most."""


class Curve(NamedTuple):
    """The partial dependence on one hyperparameter: its values, the objective expected at each, and
    the ends of a band of one deviation.
    """

    values: List[Value]
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


class _Scores(NamedTuple):
    """The same on the scale of the ranks, and the deviation of the mean."""

    values: List[Value]
    mean: np.ndarray
    deviation: np.ndarray


class Dependence:
    """The surrogate, and what it expects as hyperparameters move.

    Args:
        space: the search space.
        trials: all trials; at least :data:`MIN_TRIALS` of them complete, with objectives that
            differ.
        dims: the hyperparameters of the completed trials; those that vary and are searched are
            looked at, over the values that were tried.
        model: a name of :data:`EXPLAINERS`.
        direction: ``maximize`` or ``minimize``.
        seed: of the fit.

    Attributes:
        names: the hyperparameters that are looked at.
        fitted, known: trials that it was fitted to, and that it could have been.
        fit: the share of the variance of the ranks that it predicts for trials that it has not seen
            (leave-one-out for a Gaussian process, five folds for a forest); below about 0.3 its
            curves say little.
    """

    def __init__(
        self,
        space: Space,
        trials: Sequence[TrialRecord],
        dims: Sequence[Dimension],
        *,
        model: str,
        direction: str,
        seed: int = 0,
    ) -> None:
        known = usable(space, trials)
        trials = evenly(known, MAX_FITTED)
        searched = {d.name: d for d in space.searched()}
        self._space = space
        self._dims = {
            d.name: (searched[d.name], d) for d in dims if d.varies and d.name in searched
        }
        self.names = list(self._dims)
        self.fitted, self.known = len(trials), len(known)
        self._points = [space.canonical(t.hyperparameters) for t in trials]
        self._active = [frozenset(space.active(p)) for p in self._points]
        raw = raw_targets(trials, direction)
        scores = normal_scores(raw)
        self._ranks, first = np.unique(scores, return_index=True)
        self._objectives = raw[first] * (-1.0 if direction == "maximize" else 1.0)
        self._curves: Dict[str, _Scores] = {}
        self._explainer = row_of("the surrogate", model, EXPLAINERS)
        x = encode_points(space, self._points)
        with _one_thread():
            random = np.random.RandomState(seed)
            self._model = fit_surrogate(model, x, scores, column_groups(space), random)
            self.fit = self._explainer.predicted_share(self._model, x, scores)

    def importances(self) -> Dict[str, float]:
        """Return the variance of each hyperparameter's partial dependence as a share of their sum,
        largest first.

        Values count alike, and what is not always active counts with the share of trials in which
        it is. Empty if nothing has an effect.
        """
        variances = {}
        for name in self.names:
            share = sum(name in active for active in self._active) / len(self._active)
            variances[name] = share * float(np.var(self._scores(name).mean))
        total = sum(variances.values())
        if total <= 1e-12:
            return {}
        ranked = sorted(variances.items(), key=lambda item: (-item[1] / total, item[0]))
        return {name: variance / total for name, variance in ranked}

    def curve(self, name: str) -> Curve:
        """Return the objective expected as one hyperparameter moves, all others staying as they
        were in the trials where it is active.
        """
        found = self._scores(name)
        low, high = np.sort(
            [self._objective(found.mean + sign * found.deviation) for sign in (-1.0, 1.0)], axis=0
        )
        return Curve(found.values, self._objective(found.mean), low, high)

    def map(self, first: str, second: str) -> Optional[Tuple[List[Value], List[Value], np.ndarray]]:
        """Return the objective expected over two hyperparameters: values of the first, of the
        second, and means (second, first).

        NaN where the first switches the second off, or the other way round; ``None`` if no trial
        has both active.
        """
        rows = self._rows((first, second))
        if not rows:
            return None
        x, y = self._values(first, POINTS_2D), self._values(second, POINTS_2D)
        moved = [{**row, first: a, second: b} for b in y for a in x for row in rows]
        active = [{first, second} <= set(self._space.active(point)) for point in moved]
        both = np.array(active).reshape(-1, len(rows))
        with _one_thread():
            found = np.asarray(self._model.predict(self._encoded(moved))).reshape(both.shape)
        count = both.sum(axis=1)
        means = np.where(both, found, 0.0).sum(axis=1) / np.maximum(count, 1)
        expected = np.where(count > 0, self._objective(means), np.nan)
        return x, y, expected.reshape(len(y), len(x))

    def _scores(self, name: str) -> _Scores:
        if name not in self._curves:
            values, rows = self._values(name, POINTS), self._rows((name,))
            blocks = [self._encoded([{**row, name: value} for row in rows]) for value in values]
            with _one_thread():
                mean, deviation = self._explainer.average(self._model, blocks)
            self._curves[name] = _Scores(values, mean, deviation)
        return self._curves[name]

    def _objective(self, scores: np.ndarray) -> np.ndarray:
        """Return the objective that has a rank, between those of the trials."""
        return np.asarray(np.interp(scores, self._ranks, self._objectives))

    def _encoded(self, points: Sequence[Dict[str, Value]]) -> np.ndarray:
        return encode_points(self._space, [self._space.canonical(point) for point in points])

    def _rows(self, names: Sequence[str]) -> List[Dict[str, Value]]:
        """Return the points to average over: those in which all of the names are active."""
        rows = [p for p, active in zip(self._points, self._active) if active.issuperset(names)]
        return evenly(rows, BACKGROUND)

    def _values(self, name: str, most: int) -> List[Value]:
        declared, tried = self._dims[name]
        return tried_values(declared, tried, most)


def tried_values(declared: Declared, tried: Dimension, most: int) -> List[Value]:
    """Return at most so many values of a hyperparameter: of a choice those that were tried, of a
    number its range between the ends tried.
    """
    present = [v for v in tried.values if v is not None]
    grid = declared.grid()
    if declared.kind == "choice":
        known = [v for v in declared.values if told_apart(v) in present]
    else:
        places = [to_unit(declared, v) for v in present]
        low, high = min(places) - 1e-9, max(places) + 1e-9
        if grid is None:
            between = np.linspace(min(places), max(places), most)
            return list(dict.fromkeys(from_unit(declared, place) for place in between))
        known = [v for v in grid if low <= to_unit(declared, v) <= high]
    # Both ends stay.
    kept = np.linspace(0, len(known) - 1, min(most, len(known))).round().astype(int)
    return [known[i] for i in np.unique(kept)]


def _process_average(model: Any, blocks: Sequence[np.ndarray]) -> Tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation of the mean over each block of points: its variance is the mean of
    their covariance.
    """
    found = [model.predict(block, return_cov=True) for block in blocks]
    variances = [max(0.0, float(covariance.mean())) for _, covariance in found]
    return np.array([mean.mean() for mean, _ in found]), np.sqrt(variances)


def _process_share(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    """Leave-one-out, in units of the standardised targets."""
    return float(1.0 - np.sum(model.left_out_errors() ** 2) / np.sum(model.y**2))


def _forest_average(model: Any, blocks: Sequence[np.ndarray]) -> Tuple[np.ndarray, np.ndarray]:
    """Return the mean over each block of points, and its deviation between the trees."""
    flat = np.concatenate(blocks).astype(np.float32)
    found = [tree.predict(flat).reshape(len(blocks), -1) for tree in model.estimators_]
    trees = np.stack([values.mean(axis=1) for values in found])
    return trees.mean(axis=0), trees.std(axis=0)


def _forest_share(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    """Five folds."""
    from sklearn.base import clone
    from sklearn.model_selection import KFold, cross_val_predict

    folds = KFold(min(5, len(y)), shuffle=True, random_state=0)
    errors = y - cross_val_predict(clone(model).set_params(random_state=0), x, y, cv=folds)
    return float(1.0 - np.sum(errors**2) / np.sum((y - y.mean()) ** 2))


class Explainer(NamedTuple):
    """How what a kind of surrogate expects is averaged and judged.

    Attributes:
        name: as the report calls the surrogate.
        average: of a fitted model and blocks of points: the mean over each block and its deviation.
        predicted_share: of a fitted model, its points and targets: the share of the targets'
            variance that it predicts for points that it has not seen.
    """

    name: str
    average: Callable[[Any, Sequence[np.ndarray]], Tuple[np.ndarray, np.ndarray]]
    predicted_share: Callable[[Any, np.ndarray, np.ndarray], float]


EXPLAINERS = {
    "gp": Explainer("the Gaussian process", _process_average, _process_share),
    "forest": Explainer("the forest of random trees", _forest_average, _forest_share),
}
"""One for each of the surrogates that a sampler proposes points with."""


@contextmanager
def _one_thread() -> Iterator[None]:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
