"""Points of the front, spread over it: those that are carried to a kit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Tuple

from vaiopt.runs.layout import Run
from vaiopt.settings import Settings
from vaiopt.study.objective import Objective, price_of
from vaiopt.study.question import Question
from vaiopt.study.ranking import Front, best_first, best_trials, front
from vaiopt.study.record import TrialRecord
from vaiopt.study.space_file import known_settings

Place = Tuple[float, ...]
"""Of a trial: its score and the logarithms of its costs, lower is better."""


@dataclass(frozen=True)
class FrontPoints:
    """Points of a run's front.

    Attributes:
        trials: the points that were picked, the best objective first.
        costs: what the front is against.
        kept: how many points the front has whose models are kept.
        gone: trials of the front whose models are not kept any more.
    """

    trials: Tuple[TrialRecord, ...]
    costs: Tuple[str, ...]
    kept: int
    gone: Tuple[int, ...] = ()


def pick_front(
    run: Run, settings: Settings, trials: Sequence[TrialRecord], cost: str, count: int
) -> FrontPoints:
    """Return so many points of the front, spread over it: always the best, and the cheapest.

    Args:
        run: whose models can be picked.
        settings: ``objective`` names the costs of the front. Points below its ``min_metric`` are
            left out, unless all are.
        trials: of the run.
        cost: that of the front against the metric where ``objective.front`` names none.
        count: how many points, from 2; all, if the front has fewer.

    Raises:
        RunError: no model of a complete trial is kept.
    """
    settings = known_settings(run, settings)
    objective = Objective(settings.objective)
    costs = objective.front or (cost,)
    kept = _front_of(best_trials(run, settings, trials), objective, cost)
    useful = [trial for trial in kept if _is_useful(trial, objective)] or kept
    picked = [useful[i] for i in spread([_place(t, objective, costs) for t in useful], count)]
    numbers = [trial.number for trial in kept]
    gone = [
        trial.number
        for trial in _front_of(trials, objective, cost)
        if trial.number not in numbers and not run.trial(trial.number).model.is_file()
    ]
    best = best_first(picked, objective.direction)
    return FrontPoints(tuple(best), costs, len(kept), tuple(gone))


def _front_of(trials: Sequence[TrialRecord], objective: Objective, cost: str) -> List[TrialRecord]:
    """Return the trials on the front, by rising cost; where none has the cost, the best one."""
    if objective.front:
        return Front(objective, sorted(trials, key=lambda trial: trial.number)).trials
    numbers = {trial.number: trial for trial in trials}
    found = [numbers[number] for number in front(trials, objective, cost)]
    return found or [t for t in best_first(trials, objective.direction) if t.value is not None][:1]


def _is_useful(trial: TrialRecord, objective: Objective) -> bool:
    return not Question(min_metric=objective.min_metric).misses(trial, objective)


def _place(trial: TrialRecord, objective: Objective, costs: Sequence[str]) -> Place:
    score = trial.value if objective.front else trial.metrics.get(objective.metric, trial.value)
    sign = -1.0 if objective.direction == "maximize" else 1.0
    prices = [price_of(cost, trial.costs[cost]) if cost in trial.costs else 0.0 for cost in costs]
    return (sign * float(score or 0.0), *prices)


def spread(places: Sequence[Place], count: int) -> List[int]:
    """Return positions of so many places, far from each other: the least in each coordinate, the
    first coordinate first, then always the one that is farthest from all before it.

    Args:
        places: one tuple a place; each coordinate counts by its range.
        count: how many; all, if there are fewer.
    """
    if len(places) <= count:
        return list(range(len(places)))
    lows = [min(values) for values in zip(*places)]
    ranges = [max(values) - low or 1.0 for values, low in zip(zip(*places), lows)]
    scaled = [
        [(value - low) / width for value, low, width in zip(place, lows, ranges)]
        for place in places
    ]
    # Among equals in one coordinate the better in the others stands for the end.
    order = sorted(range(len(scaled)), key=lambda i: sum(scaled[i]))
    ends = [min(order, key=[place[c] for place in scaled].__getitem__) for c in range(len(lows))]
    picked = list(dict.fromkeys(ends))[:count]
    while len(picked) < count:
        rest = [i for i in range(len(scaled)) if i not in picked]
        picked.append(max(rest, key=lambda i: min(_apart(scaled[i], scaled[j]) for j in picked)))
    return sorted(picked)


def _apart(one: Sequence[float], other: Sequence[float]) -> float:
    return sum((a - b) ** 2 for a, b in zip(one, other))
