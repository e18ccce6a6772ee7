"""Which trials are better: by the objective, and on the front of objective and costs."""

from __future__ import annotations

import bisect
import math
from typing import Dict, List, Optional, Sequence, Tuple

from vaiopt.errors import RunError
from vaiopt.runs.commands import command_line
from vaiopt.runs.layout import Run
from vaiopt.settings import Settings
from vaiopt.study.objective import MORE_IS_BETTER, Objective
from vaiopt.study.record import NOT_OF_THE_SEARCH, TrialRecord

Rank = Tuple[float, float, float, int]

NO_KNEE = 1e-9
"""What rounding makes of a point on the chord between the ends of a front, whose range is 1."""


def first_trial(trials: Sequence[TrialRecord]) -> Optional[TrialRecord]:
    """Return the trial of the default point: the first that counts."""
    return next(
        (t for t in sorted(trials, key=lambda t: t.number) if t.status not in NOT_OF_THE_SEARCH),
        None,
    )


def costs_of(trial: TrialRecord) -> Dict[str, float]:
    """Return what a trial costs as far as known: a measured latency in the place of the predicted
    one.
    """
    measured = trial.measured_latency_ms
    return trial.costs if measured is None else {**trial.costs, "latency_ms": measured}


def keeps_limits(trial: TrialRecord, objective: Objective) -> bool:
    """Return whether a trial keeps the hard limits, which may have changed since it ran."""
    return objective.infeasible(costs_of(trial)) is None


def cheap_cost(trials: Sequence[TrialRecord]) -> str:
    """Return which cost makes a model cheap where no front names one: the latency, where a DPU has
    a part in it, else the parameters.
    """
    on_dpu = any(trial.costs.get("dpu_latency_ms", 0.0) > 0 for trial in trials)
    return "latency_ms" if on_dpu else "params"


def front(trials: Sequence[TrialRecord], objective: Objective, cost: str) -> List[int]:
    """Return the numbers of the trials on the Pareto front of the objective's metric against a
    predicted cost, cheapest first; those that break a hard limit are not on it.
    """
    usable = (
        t
        for t in trials
        if t.value is not None
        and objective.metric in t.metrics
        and cost in t.costs
        and keeps_limits(t, objective)
    )
    known = sorted(usable, key=lambda t: t.number)
    sign = -1.0 if cost in MORE_IS_BETTER else 1.0
    points = [(sign * t.costs[cost], t.metrics[objective.metric]) for t in known]
    return [known[i].number for i in pareto_front(points, objective.direction)]


def fronts(trials: Sequence[TrialRecord], objective: Objective) -> Dict[str, List[int]]:
    """Return the fronts that people are shown, each as the numbers of its trials, cheapest first,
    by its costs: that of the objective (``latency_ms``, or ``latency_ms, params`` for several), or
    those of the metric against latency and parameters where the objective names none.
    """
    if objective.front:
        on_it = Front(objective, trials).trials
        return {", ".join(objective.front): [trial.number for trial in on_it]}
    return {cost: front(trials, objective, cost) for cost in ("latency_ms", "params")}


def best_trials(run: Run, settings: Settings, trials: Sequence[TrialRecord]) -> List[TrialRecord]:
    """Return the trials that can be chosen, the best objective first: complete ones whose models
    are kept. A measured latency may put another above them, of which the model is gone.

    Raises:
        RunError: there is none.
    """
    ordered = best_first(trials, Objective(settings.objective).direction)
    complete = [t for t in ordered if t.value is not None]
    found = [t for t in complete if run.trial(t.number).model.is_file()]
    if complete and not found:  # of a run of which only the search's own files were handed on
        again = command_line("refit", run.folder, "--trial", str(complete[0].number))
        raise RunError(
            f"no model of a complete trial of '{run.folder}' is kept",
            f"Train the best once more, and choose it: {again}",
        )
    if not found:
        raise RunError(
            f"no trial of '{run.folder}' is complete",
            f"See the reasons with: {command_line('trials', run.folder)}",
        )
    return found


def best_first(trials: Sequence[TrialRecord], direction: str) -> List[TrialRecord]:
    """Return the complete trials from best to worst, the cheaper first among equals, then the
    others by number.
    """
    complete = [t for t in trials if t.value is not None]
    complete.sort(key=lambda trial: _rank(trial, direction))
    return complete + [t for t in trials if t.value is None]


def _rank(trial: TrialRecord, direction: str) -> Rank:
    """Return what complete trials are compared by: lower is better, and no two are equal."""
    sign = -1.0 if direction == "maximize" else 1.0
    latency = math.inf if trial.latency_ms is None else trial.latency_ms
    params = trial.costs.get("params", math.inf)
    return (sign * float(trial.value or 0.0), latency, params, trial.number)


class Ranking:
    """The complete trials of a search from best to worst, as :func:`best_first` has them, of which
    each finds its place as it ends.

    Args:
        direction: ``maximize`` or ``minimize``.
        trials: those that have ended; those not complete do not count.
    """

    def __init__(self, direction: str, trials: Sequence[TrialRecord] = ()) -> None:
        self._direction = direction
        self._trials: List[TrialRecord] = []
        self._ranks: List[Rank] = []
        for trial in trials:
            self.add(trial)

    def add(self, trial: TrialRecord) -> None:
        """Give a trial that has ended its place, if it is complete."""
        if trial.value is None:
            return
        rank = _rank(trial, self._direction)
        place = bisect.bisect(self._ranks, rank)
        self._ranks.insert(place, rank)
        self._trials.insert(place, trial)

    def best(self, most: int) -> List[TrialRecord]:
        """Return the best trials, at most so many, best first."""
        return self._trials[:most]


class Front:
    """The complete trials that no other beats in the score and in all costs of the front; of equal
    ones the first. One that breaks a hard limit, which may have changed since, is not on it.

    Args:
        objective: names the costs; without any, nothing is on the front.
        trials: those that have ended; those not complete do not count.
    """

    def __init__(self, objective: Objective, trials: Sequence[TrialRecord] = ()) -> None:
        self.costs = objective.front
        self._objective = objective
        self._known: List[Tuple[Tuple[float, ...], TrialRecord]] = []
        for trial in trials:
            self.add(trial)

    def add(self, trial: TrialRecord) -> bool:
        """Take note of a trial that has ended, and return whether it is on the front now."""
        if trial.value is None or not self.costs or not keeps_limits(trial, self._objective):
            return False
        sign = -1.0 if self._objective.direction == "maximize" else 1.0
        place = (sign * trial.value, *self._objective.prices(trial.costs))
        if any(_covers(known, place) for known, _ in self._known):
            return False
        self._known = [pair for pair in self._known if not _covers(place, pair[0])]
        self._known.append((place, trial))
        return True

    @property
    def trials(self) -> List[TrialRecord]:
        """The trials on the front, from the cheapest in the first cost."""
        return [trial for _, trial in sorted(self._known, key=lambda pair: pair[0][1:])]


def _covers(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(one, other))


def pareto_front(points: Sequence[Tuple[float, float]], direction: str) -> List[int]:
    """Return positions of the points that no other beats in both cost (first, lower is better) and
    score (second), by rising cost.

    Of equal points the first counts.
    """
    sign = -1.0 if direction == "maximize" else 1.0
    front: List[int] = []
    best = math.inf
    for position in sorted(
        range(len(points)), key=lambda i: (points[i][0], sign * points[i][1], i)
    ):
        if sign * points[position][1] < best:
            best = sign * points[position][1]
            front.append(position)
    return front


def knee(points: Sequence[Tuple[float, float]]) -> Optional[int]:
    """Return the position of a front's knee: the point farthest from the chord between its ends,
    on the side where both are better; None where no point lies there.

    Args:
        points: by rising cost (first; its logarithm) and falling loss (second), both lower is
            better; each is scaled to the range of the front.
    """
    if len(points) < 3:
        return None
    (least, most), (highest, lowest) = zip(points[0], points[-1])
    wide, high = most - least, highest - lowest
    if not (0 < wide < math.inf and 0 < high < math.inf):
        return None
    gains = [1 - (cost - least) / wide - (loss - lowest) / high for cost, loss in points]
    position = max(range(len(points)), key=lambda i: gains[i])
    return position if gains[position] > NO_KNEE else None
