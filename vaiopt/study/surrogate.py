"""The model of the objective that the search proposes points with, and that the report explains the
trials with.

The Gaussian process is :mod:`vaiopt.study.process`, scikit-optimize gives the forest. What is here:
points as numbers in [0, 1], conditional ones in their canonical form, an objective for every trial,
and what the model is fitted to: the search tells the best apart, the report explains all trials by
their ranks.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple

import numpy as np

from vaiopt.settings.choices import row_of
from vaiopt.study.process import fit_process
from vaiopt.study.record import NOT_OF_THE_SEARCH, PRUNED, RUNNING, TrialRecord, last_report
from vaiopt.study.space import Dimension, Space, Value

NEAREST_TRIALS = 3
"""Complete trials from which the outcome of a pruned one is expected."""
LEVEL_ABOVE_MEDIAN = 0.25
"""How far above the median trials still differ for the search, as a share of the median's distance
from the best.
"""
TOP_OF_SHARES = 1.005
"""Above every share of 1. Modelling the share itself, not the logarithm of what is missing to this,
lost 4 to 7 points of hypervolume in searches for a front.
"""
BEYOND_BEST = 0.3
"""How far above the best other metrics are taken to end, as a share of the median's distance from
the best.
"""


def usable(space: Space, trials: Sequence[TrialRecord]) -> List[TrialRecord]:
    """Return the trials that a surrogate is fitted to: not interrupted, and within the space; after
    a change of the settings some may not be.
    """

    counted = (t for t in trials if t.status not in NOT_OF_THE_SEARCH)
    return [t for t in counted if space.contains(t.hyperparameters)]


def raw_targets(trials: Sequence[TrialRecord], direction: str) -> np.ndarray:
    """Return the objective of each trial (trials,), its sign such that lower is better, and what
    stands in for it where there is none.

    Running trials count as the best ("constant liar"), pruned ones as what they would have come to
    (:func:`_expected`), though no better than the best, failed and infeasible ones as the worst of
    all those.

    Args:
        trials: at least one of them complete.
        direction: ``maximize`` or ``minimize``.
    """
    sign = -1.0 if direction == "maximize" else 1.0
    complete = [
        (t.value, dict(t.pruning.get("reports") or ())) for t in trials if t.value is not None
    ]
    best = min(sign * value for value, _ in complete)
    raw = np.full(len(trials), np.nan)
    for index, trial in enumerate(trials):
        reported = last_report(trial)
        if trial.value is not None:
            raw[index] = sign * trial.value
        elif trial.status == RUNNING:
            raw[index] = best
        elif trial.status == PRUNED and reported is not None:
            raw[index] = max(best, sign * _expected(*reported, complete))
    return np.where(np.isnan(raw), np.nanmax(raw), raw)


def _expected(
    step: int, reported: float, complete: Sequence[Tuple[float, Mapping[int, float]]]
) -> float:
    """Return the objective that a trial stopped after a report would have come to: it gains what
    those gained that were nearest to it then.

    Without this, the early reports of a model that learns slowly would pass for its best, and the
    surrogate for a cliff.

    Args:
        step: of the last report.
        reported: the objective then.
        complete: the objective and the reports by step of each complete trial. Where none of them
            reported at that step, nothing is gained.
    """
    gains = sorted(
        (abs(reports[step] - reported), value - reports[step])
        for value, reports in complete
        if step in reports
    )
    nearest = [gain for _, gain in gains[:NEAREST_TRIALS]]
    return reported + float(np.median(nearest)) if gains else reported


def normal_scores(values: np.ndarray) -> np.ndarray:
    """Return the normal quantile of each value's rank (ties share their mean rank).

    This is what explains all trials alike: accuracies of a search pile up at the top and at chance
    level, and ranks keep a few failures from flattening the rest.
    """
    from scipy.stats import norm, rankdata

    return np.asarray(norm.ppf((rankdata(values) - 0.5) / len(values)))


def better_half(values: np.ndarray) -> np.ndarray:
    """Return values, lower is better, standardised, and level from a little above the median on.

    How bad a bad trial is does not matter to the search for the best, and to model it costs a
    forest resolution among the good ones.
    """
    best, middle = float(np.min(values)), float(np.median(values))
    ceiling = middle + LEVEL_ABOVE_MEDIAN * (middle - best) if middle > best else math.inf
    return _standardised(np.minimum(values, ceiling))


def missing_to_top(raw: np.ndarray, share: bool) -> Callable[[np.ndarray], np.ndarray]:
    """Return what makes of values, lower is better, the logarithms of what is missing to the top.

    It tells the good ones apart as well as the bad ones: 98 from 99 % as well as 80 from 90 %.
    Nothing is level: the cheap half of a front lies below the median.

    Args:
        raw: the trials' (trials,), as :func:`raw_targets` gives them.
        share: whether they are shares of 1 of which more is better.
    """
    best = float(np.min(raw))
    if share and best >= -1.0:
        top = -TOP_OF_SHARES
    else:
        spread = float(np.median(raw)) - best or float(np.max(raw)) - best or 1.0
        top = best - BEYOND_BEST * spread
    least = 1e-9 * max(1.0, abs(top))
    return lambda values: np.log(np.maximum(np.asarray(values) - top, least))


def _missing(raw: np.ndarray, share: bool) -> np.ndarray:
    return _standardised(missing_to_top(raw, share)(raw))


def _standardised(values: np.ndarray) -> np.ndarray:
    spread = float(np.std(values))
    return np.asarray((values - values.mean()) / spread if spread > 0 else np.zeros(len(values)))


def fit_surrogate(
    model: str, x: np.ndarray, y: np.ndarray, groups: Sequence[int], random: Any
) -> Any:
    """Return a fitted regressor: its ``predict(x, return_std=True)`` gives the means and standard
    deviations at points.

    BLAS with several threads makes its small matrices three to six times slower: limit it to one,
    as with ``threadpool_limits``.

    Args:
        model: a name of :data:`SURROGATES`.
        x: points (trials, columns) as :func:`encode_points` gives them.
        y: (trials,), lower is better.
        groups: of each column the hyperparameter, as :func:`column_groups` gives them.
        random: a ``RandomState``.

    Raises:
        SettingsError: there is no such model.
    """
    return row_of("the surrogate", model, SURROGATES).fit(x, y, groups, random)


def search_targets(model: str, raw: np.ndarray, share: bool) -> np.ndarray:
    """Return what a model is fitted to in a search for the best (trials,), standardised.

    Args:
        model: a name of :data:`SURROGATES`.
        raw: the trials' objectives (trials,), as :func:`raw_targets` gives them.
        share: whether they are shares of 1 of which more is better.

    Raises:
        SettingsError: there is no such model.
    """
    return row_of("the surrogate", model, SURROGATES).targets(raw, share)


def _forest(x: np.ndarray, y: np.ndarray, groups: Sequence[int], random: Any) -> Any:
    from skopt.learning import ExtraTreesRegressor

    forest = ExtraTreesRegressor(n_estimators=100, min_samples_leaf=2, random_state=random)
    return forest.fit(x, y)


class Surrogate(NamedTuple):
    """A kind of model of the objective.

    Attributes:
        fit: of points, targets, the hyperparameters of the columns and a ``RandomState``: the
            fitted model.
        targets: of the trials' objectives, and whether they are shares: what it is fitted to in a
            search for the best.
    """

    fit: Callable[[np.ndarray, np.ndarray, Sequence[int], Any], Any]
    targets: Callable[[np.ndarray, bool], np.ndarray]


SURROGATES: Dict[str, Surrogate] = {
    "gp": Surrogate(fit_process, _missing),
    "forest": Surrogate(_forest, lambda raw, share: better_half(raw)),
}


def encode_points(space: Space, points: Sequence[Mapping[str, Value]]) -> np.ndarray:
    """Return canonical points as numbers in [0, 1], (points, columns): one per number or ordered
    choice, one per value of another choice.
    """
    columns = [_encoded(d, [point[d.name] for point in points]) for d in space.searched()]
    return np.hstack([np.empty((len(points), 0)), *columns])


def column_groups(space: Space) -> Tuple[int, ...]:
    """Return for each column of :func:`encode_points` the index of its hyperparameter among those
    searched.
    """
    return tuple(
        index
        for index, dimension in enumerate(space.searched())
        for _ in _encoded(dimension, [dimension.default])[0]
    )


def _encoded(dimension: Dimension, values: Sequence[Value]) -> np.ndarray:
    """Return values as numbers in [0, 1], (values, columns); unordered choices lie at distance
    1.
    """
    if dimension.kind != "choice":
        return np.array([[to_unit(dimension, value)] for value in values])
    places = {(type(value), value): place for place, value in enumerate(dimension.values)}
    known = np.array([places[type(value), value] for value in values], dtype=int)
    count = len(dimension.values)
    if dimension.ordered or count == 2:
        return known[:, None] / max(1, count - 1)
    return math.sqrt(0.5) * np.eye(count)[known]


def to_unit(dimension: Dimension, value: Value) -> float:
    """Return a number's place in its range, from 0 to 1."""
    number = float(value)  # type: ignore[arg-type]
    if dimension.low == dimension.high:
        return 0.0
    if dimension.log:
        number = dimension.low + dimension.high - number if dimension.reverse else number
        place = math.log(number / dimension.low) / math.log(dimension.high / dimension.low)
        return 1.0 - place if dimension.reverse else place
    return (number - dimension.low) / (dimension.high - dimension.low)


def from_unit(dimension: Dimension, place: float) -> Value:
    """Return the value of a number's range nearest to a place in it."""
    place = min(1.0, max(0.0, place))
    grid = dimension.grid()
    if grid is not None:
        places = [to_unit(dimension, v) for v in grid]
        return grid[int(np.argmin([abs(p - place) for p in places]))]
    if dimension.log:
        place = 1.0 - place if dimension.reverse else place
        number = dimension.low * math.exp(place * math.log(dimension.high / dimension.low))
        number = dimension.low + dimension.high - number if dimension.reverse else number
    else:
        number = dimension.low + place * (dimension.high - dimension.low)
    number = min(dimension.high, max(dimension.low, number))
    return int(round(number)) if dimension.kind == "int" else float(number)
