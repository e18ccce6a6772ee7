"""What a person asks of the trials of a search, and which of them is the answer."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import List, Optional, Sequence, Tuple

from vaiopt.errors import RunError, SettingsError
from vaiopt.present import words
from vaiopt.present.uncertainty import is_accuracy
from vaiopt.runs.layout import Run
from vaiopt.settings import Settings
from vaiopt.study.alike import indistinct
from vaiopt.study.objective import LIMITS, Objective, price_of
from vaiopt.study.ranking import best_trials, cheap_cost, costs_of, keeps_limits, knee, pareto_front
from vaiopt.study.record import TrialRecord
from vaiopt.study.space_file import known_settings

ROUNDING = 1e-6
"""The share of a bound by which a metric may miss it: metrics are sums of 32-bit numbers, so that
0.96 may be 0.9599999785.
"""


@dataclass(frozen=True)
class Question:
    """Bounds that a model must keep. Of those that do, the best is the answer; with a bound of the
    metric the cheapest; or the knee of their front.

    Attributes:
        min_metric: the lowest useful value of the objective's metric (of one to minimise: the
            highest).
        max_latency_ms: of one sample: measured in the search, else predicted.
        min_fps, max_params: predicted.
        knee: whether the knee of the front is asked for.

    Raises:
        SettingsError: a bound is no number, or a cost's is not above 0.
    """

    min_metric: Optional[float] = None
    max_latency_ms: Optional[float] = None
    min_fps: Optional[float] = None
    max_params: Optional[float] = None
    knee: bool = False

    def __post_init__(self) -> None:
        for name, bound in self.bounds:
            if not math.isfinite(bound) or (name in LIMITS and bound <= 0):
                needed = "a number above 0" if name in LIMITS else "a finite number"
                raise SettingsError(f"{name} is {bound:g}", f"Give {needed}.")

    @property
    def bounds(self) -> List[Tuple[str, float]]:
        """The bounds that are set, by name."""
        values = [(each.name, getattr(self, each.name)) for each in fields(self)]
        return [(name, value) for name, value in values if name != "knee" and value is not None]

    @property
    def asked(self) -> bool:
        """Whether anything is asked."""
        return self.knee or bool(self.bounds)

    def misses(self, trial: TrialRecord, objective: Objective) -> List[Tuple[float, str]]:
        """Return which bounds a trial misses: by how much, as a share of the bound, and in words.
        What is not known of it is missed by infinity.
        """
        costs, found = costs_of(trial), []
        for name, bound in self.bounds:
            if name not in LIMITS:
                found.append(_metric_miss(trial.metrics.get(objective.metric), bound, objective))
                continue
            limit = LIMITS[name]
            if limit.cost not in costs:
                found.append((math.inf, f"its {words.name(limit.cost)} is not known"))
                continue
            text = limit.broken(name, costs[limit.cost], bound)
            if text is not None:
                far = abs(math.log(max(costs[limit.cost], 1e-12) / bound))
                found.append((far, text))
        return [(far, text) for far, text in found if text]


def _metric_miss(value: Optional[float], bound: float, objective: Objective) -> Tuple[float, str]:
    """Return by how much a metric misses its bound, and in words; without words if it does not."""
    if value is None:
        return math.inf, f"its {objective.metric} is not known"
    more = value - bound if objective.direction == "maximize" else bound - value
    if more >= -ROUNDING * abs(bound):
        return 0.0, ""
    side = "below" if objective.direction == "maximize" else "above"
    text = f"{objective.metric} {value:.6g} is {side} min_metric = {bound:.6g}"
    return -more / max(abs(bound), ROUNDING), text


@dataclass(frozen=True)
class Answer:
    """A trial, and in one line why it is this one; empty where it simply is the best."""

    trial: TrialRecord
    reason: str = ""


def bound_of_metric(
    objective: Objective, min_metric: Optional[float], min_accuracy: Optional[float] = None
) -> Optional[float]:
    """Return the lowest useful value of the objective's metric, which may be asked for as an
    accuracy.

    Raises:
        SettingsError: both are given, the metric is no accuracy, or an accuracy is above 1.
    """
    if min_accuracy is not None and min_metric is not None:
        raise SettingsError("min_metric and min_accuracy are both given", "Give one of them.")
    accuracy = is_accuracy(objective.metric)
    if min_accuracy is not None and not accuracy:
        raise SettingsError(
            f"objective.metric is '{objective.metric}', which is no accuracy",
            f"Ask for a value of {objective.metric}: --min-metric",
        )
    bound = min_metric if min_accuracy is None else min_accuracy
    if accuracy and bound is not None and bound > 1:
        raise SettingsError(
            f"an accuracy of {bound:g} is asked for", f"It is a share of 1, such as {bound / 100:g}"
        )
    return bound


def ask(run: Run, settings: Settings, trials: Sequence[TrialRecord], question: Question) -> Answer:
    """Return the trial that answers a question, among those whose models are kept; for a question
    that asks nothing, the search's own choice.

    Raises:
        RunError: no trial can be chosen, or none keeps the bounds.
    """
    settings = known_settings(run, settings)
    objective = Objective(settings.objective)
    kept = best_trials(run, settings, trials)
    allowed = [trial for trial in kept if keeps_limits(trial, objective)]
    if not question.asked:
        return own_choice(allowed or kept, objective)
    found = answer(question, allowed, objective)
    if found is not None:
        return found
    wanted = ", ".join(f"{name} = {bound:.6g}" for name, bound in question.bounds)
    gone = [
        trial.number
        for trial in trials
        if trial.value is not None
        and keeps_limits(trial, objective)
        and not question.misses(trial, objective)
    ]
    hint = f"See: vaiopt trials {run.folder} --pareto"
    if gone:
        hint = f"Trial {gone[0]} does, but its model was not kept (search.keep_models). {hint}"
    raise RunError(
        f"no trial that can be chosen meets {wanted or 'the hard limits'}"
        f"{nearest_miss(question, allowed, objective)}",
        hint,
    )


def nearest_miss(question: Question, trials: Sequence[TrialRecord], objective: Objective) -> str:
    """Return which trial comes nearest to the bounds, and what it misses, as the end of a sentence;
    empty without trials.
    """
    missed = [(question.misses(trial, objective), trial.number) for trial in trials]
    if not missed:
        return ""
    found, number = min(missed, key=lambda each: (sum(far for far, _ in each[0]), each[1]))
    return f"; the nearest is trial {number}: {', '.join(text for _, text in found)}"


def answer(
    question: Question, trials: Sequence[TrialRecord], objective: Objective
) -> Optional[Answer]:
    """Return the trial that answers a question; None where none keeps its bounds.

    Args:
        question: what is asked.
        trials: complete ones.
        objective: what counts as better, and as cheaper: the first cost of its front; without one
            the latency, where a DPU has a part in it, else parameters.
    """
    within = [trial for trial in trials if not question.misses(trial, objective)]
    if not within:
        return None
    order = _Order(objective, trials)
    if question.knee:
        return _at_the_knee(within, order)
    if question.min_metric is not None:
        return _cheapest(within, order, question.min_metric)
    return _best(within, order)


def own_choice(trials: Sequence[TrialRecord], objective: Objective) -> Answer:
    """Return what a search chooses: the cheapest that reaches ``objective.min_metric``, else the
    best; in a search for a front, of those that cannot be told from the best the cheapest.

    Args:
        trials: complete ones, best first; at least one.
        objective: of the search.
    """
    if objective.min_metric is not None:
        question = Question(min_metric=objective.min_metric)
        found = answer(question, trials, objective)
        if found is not None:
            return found
        best = trials[0]
        reached = words.metric(objective.metric, best.metrics.get(objective.metric)) or "nothing"
        bound = f"objective.min_metric = {objective.min_metric:.6g}"
        return Answer(
            best, f"no trial reached {bound}; trial {best.number} is the best with {reached}"
        )
    if objective.front:
        return _best(trials, _Order(objective, trials))
    return Answer(trials[0])


class _Order:
    """How trials compare: their price, and their loss; of both less is better.

    Args:
        objective: of the search.
        trials: of it; they say whether a DPU has a part in the latency.
        cost: that counts; by default that of :func:`answer`.
    """

    def __init__(
        self, objective: Objective, trials: Sequence[TrialRecord], cost: Optional[str] = None
    ) -> None:
        self.objective = objective
        self._sign = -1.0 if objective.direction == "maximize" else 1.0
        self.cost = cost or (*objective.front, cheap_cost(trials))[0]

    def price(self, trial: TrialRecord) -> float:
        """Return the logarithm of what it costs; infinity where that is not known."""
        cost = costs_of(trial).get(self.cost)
        return math.inf if cost is None else price_of(self.cost, cost)

    def loss(self, trial: TrialRecord) -> float:
        """Return its metric, or the score that soft costs weigh in."""
        metric = trial.metrics.get(self.objective.metric)
        score = trial.value if self.objective.weighted or metric is None else metric
        return math.inf if score is None else self._sign * score

    def best_first(self, trial: TrialRecord) -> Tuple[float, float, int]:
        """Return what sorts the best first, of equals the cheapest."""
        return self.loss(trial), self.price(trial), trial.number

    def cheapest_first(self, trial: TrialRecord) -> Tuple[float, float, int]:
        """Return what sorts the cheapest first, of equals the best."""
        return self.price(trial), self.loss(trial), trial.number

    def told(self, trial: TrialRecord) -> str:
        """Return metric and cost of a trial in words."""
        metric = words.metric(self.objective.metric, trial.metrics.get(self.objective.metric))
        return ", ".join(filter(None, (metric, self.told_cost(trial))))

    def told_cost(self, trial: TrialRecord) -> str:
        """Return the cost of a trial in words."""
        return words.amount(self.cost, costs_of(trial).get(self.cost)) or ""


def _best(trials: Sequence[TrialRecord], order: _Order) -> Answer:
    """Return the best; of those that cannot be told from it the cheapest."""
    best, metric = min(trials, key=order.best_first), order.objective.metric
    if order.objective.weighted:
        return Answer(best)
    alike = [trial for trial in trials if indistinct(trial, best, metric)]
    cheapest = min([best, *alike], key=order.cheapest_first)
    if order.price(cheapest) >= order.price(best):
        return Answer(best)
    return Answer(
        cheapest,
        f"trial {cheapest.number} ({order.told(cheapest)}) cannot be told from trial"
        f" {best.number} ({order.told(best)}) on {best.samples} validation samples (95 %), and is"
        " cheaper",
    )


def _cheapest(trials: Sequence[TrialRecord], order: _Order, bound: float) -> Answer:
    """Return the cheapest of trials that reach a bound of the metric."""
    found = min(trials, key=order.cheapest_first)
    others = "the only trial" if len(trials) == 1 else f"the cheapest of {len(trials)} trials"
    return Answer(
        found,
        f"trial {found.number} ({order.told(found)}) is {others} that reach"
        f"{'es' * (len(trials) == 1)} min_metric = {bound:.6g}",
    )


def _at_the_knee(trials: Sequence[TrialRecord], order: _Order) -> Answer:
    """Return the knee of the front of trials; the best where it has none."""
    found = knee_of(trials, order.objective, order.cost)
    against = f"the front against {words.name(order.cost)}"
    if found is None:
        best = _best(trials, order)
        return Answer(best.trial, f"{against} has no knee; {best.reason or _is_best(best, order)}")
    return Answer(found, f"trial {found.number} ({order.told(found)}) is the knee of {against}")


def knee_of(
    trials: Sequence[TrialRecord], objective: Objective, cost: str
) -> Optional[TrialRecord]:
    """Return the knee of the front of trials against a cost (see
    :func:`vaiopt.study.ranking.knee`), of those that reach ``objective.min_metric``, if any does;
    None where it has none.
    """
    order = _Order(objective, trials, cost)
    useful = trials
    if objective.min_metric is not None:
        question = Question(min_metric=objective.min_metric)
        useful = [trial for trial in trials if not question.misses(trial, objective)] or trials
    known = [t for t in useful if math.isfinite(order.price(t)) and math.isfinite(order.loss(t))]
    points = [(order.price(trial), order.loss(trial)) for trial in known]
    on_front = pareto_front(points, "minimize")
    place = knee([points[position] for position in on_front])
    return None if place is None else known[on_front[place]]


def _is_best(found: Answer, order: _Order) -> str:
    return f"trial {found.trial.number} ({order.told(found.trial)}) is the best"
