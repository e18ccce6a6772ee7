"""Bayesian proposals: by a surrogate (:mod:`vaiopt.study.surrogate`) and acquisition functions of
scikit-optimize.

What is added: no point is proposed twice, and a proposal is a pure function of (seed, trials so
far).
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, Dict, List, Mapping, Sequence, Set

import numpy as np

from vaiopt.search.samplers import candidates
from vaiopt.search.samplers.acquisition import ACQUISITIONS, Function
from vaiopt.search.samplers.base import Problem, Sampler
from vaiopt.search.samplers.encoding import Key
from vaiopt.search.samplers.point import Point
from vaiopt.settings.choices import row_of
from vaiopt.study.record import TrialRecord
from vaiopt.study.surrogate import (
    column_groups,
    encode_points,
    fit_surrogate,
    raw_targets,
    search_targets,
    usable,
)

HEDGE_SHARPNESS = 1.0
"""How sharply the hedge prefers the function that has gained most (scikit-optimize's default)."""
NOMINATED = "vaiopt:nominated"
"""System attribute of a trial: the point that each acquisition function of a hedge wanted."""


class BayesianSampler(Sampler):
    """Proposes what an acquisition function promises most of, by a surrogate of the trials so far.

    Args:
        problem: what it is made for.
        model: a name of :data:`vaiopt.study.surrogate.SURROGATES`.

    Raises:
        SettingsError: there is no such acquisition as the settings name.
    """

    def __init__(self, problem: Problem, model: str) -> None:
        super().__init__(problem)
        name = problem.settings.acquisition
        self._functions = row_of("search.acquisition", name, ACQUISITIONS)
        self._problem = problem
        self._model = model
        self._tried = candidates.Tried(problem.space)
        self.nominated: Dict[str, Point] = {}

    def propose(self, study: Any, trial: Any, history: Sequence[TrialRecord]) -> Point:
        """See :class:`Sampler`. A hedge's nominations are kept with the trial."""
        numbers = {t.number for t in history}
        trials = study.get_trials(deepcopy=False)
        earlier = [t.system_attrs.get(NOMINATED, {}) for t in trials if t.number in numbers]
        # Even then the default point comes first: the others are compared with it.
        known = list(self._problem.known) if history else []
        point = self.next_point([*known, *history], earlier)
        if self.nominated:
            study._storage.set_trial_system_attr(trial._trial_id, NOMINATED, self.nominated)
        return point

    def next_point(
        self, history: Sequence[TrialRecord], nominees: Sequence[Mapping[str, Point]] = ()
    ) -> Point:
        """Return the next point, canonical, as plain Python values.

        Args:
            history: the trials so far by number. Interrupted ones are as if they had never been;
                running ones count as points that will turn out like the best so far ("constant
                liar"), so that parallel proposals differ.
            nominees: for a hedge, what :attr:`nominated` was after each earlier proposal.

        Raises:
            SpaceExhausted: every point has been tried.
        """
        self.nominated = {}
        history = usable(self.space, history)
        if not history:
            return self.admission.start()
        points = [self.space.canonical(t.hyperparameters) for t in history]
        tried = self._tried(history)
        random = candidates.generator(self._problem.seed, history)
        new = candidates.new_points(self.space, tried, random)
        finished = sum(t.value is not None for t in history)
        pool = self.admission.pool(new, history, tried, random)
        if len(history) < self._problem.settings.initial_points or finished < 2:
            some = self.admission.first(pool, candidates.INITIAL_CANDIDATES)
            return candidates.spread_out(self.space, some, points)
        return self._best_by_acquisition(history, points, pool, tried, random, nominees)

    def _best_by_acquisition(
        self,
        history: Sequence[TrialRecord],
        points: List[Point],
        new: List[Point],
        tried: Set[Key],
        random: Any,
        nominees: Sequence[Mapping[str, Point]],
    ) -> Point:
        from threadpoolctl import threadpool_limits

        objective = self._problem.objective
        raw = raw_targets(history, objective.direction)
        y = search_targets(self._model, raw, objective.is_share)
        # BLAS with several threads makes these small matrices three to six times slower.
        with threadpool_limits(limits=1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x = encode_points(self.space, points)
            surrogate = fit_surrogate(self._model, x, y, column_groups(self.space), random)
            best_points = [points[i] for i in np.argsort(y, kind="stable")[:5]]
            near = candidates.neighbours(self.space, best_points, random, tried)
            pool, best = new + self.admission.likely(near, history), float(y.min())
            admitted = partial(self.admission.likely, trials=history)
            wanted = {}
            for name, function in self._functions.items():

                def acquired(points: List[Point], function: Function = function) -> np.ndarray:
                    return function(encode_points(self.space, points), surrogate, best)

                ordered = candidates.refined(self.space, acquired, pool, admitted, tried, random)
                wanted[name] = self.admission.first(ordered + pool)[0]
            if len(wanted) == 1:
                return next(iter(wanted.values()))
            self.nominated = wanted
            gains = self._gains(surrogate, nominees)
        shares = np.exp(HEDGE_SHARPNESS * (gains - gains.max()))
        chosen = int(random.choice(len(wanted), p=shares / shares.sum()))
        return list(wanted.values())[chosen]

    def _gains(self, surrogate: Any, nominees: Sequence[Mapping[str, Point]]) -> np.ndarray:
        """Return what each function's nominations have been worth: minus the means now predicted
        for them (Hoffman et al. 2011, GP-Hedge).
        """
        gains = np.zeros(len(self._functions))
        for index, name in enumerate(self._functions):
            points = [self.space.canonical(found[name]) for found in nominees if name in found]
            if points:
                gains[index] = -float(np.sum(surrogate.predict(encode_points(self.space, points))))
        return gains
