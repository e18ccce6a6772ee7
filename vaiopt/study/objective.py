"""The objective: one score from metrics and costs, and hard limits of feasibility."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from vaiopt.errors import SettingsError, did_you_mean
from vaiopt.present.words import is_share
from vaiopt.settings import ObjectiveSettings, Settings, choices
from vaiopt.study.directions import UP, direction_of
from vaiopt.tasks import AUTO, task_of

COSTS = choices.names(choices.COSTS)
MORE_IS_BETTER = ("fps",)
"""Costs of which more is better."""


@dataclass(frozen=True)
class Limit:
    """A hard limit on a cost.

    Attributes:
        cost: the cost that it bounds.
        unit: of the cost.
    """

    cost: str
    unit: str

    @property
    def least(self) -> bool:
        """Whether it bounds the cost from below."""
        return self.cost in MORE_IS_BETTER

    def broken(self, name: str, value: float, bound: float) -> Optional[str]:
        """Return in words how a cost breaks the bound, or None if it does not."""
        if self.least:
            below = f"{value:.4g} {self.unit} is below {name} = {bound:.4g}"
            return below if value < bound else None
        return f"{value:.4g} {self.unit} is above {name} = {bound:.4g}" if value > bound else None


LIMITS = {
    "max_latency_ms": Limit("latency_ms", "ms"),
    "max_params": Limit("params", "parameters"),
    "max_macs": Limit("macs", "MACs"),
    "min_fps": Limit("fps", "frames a second"),
}
"""Hard limits by the setting that gives the bound."""

TINY = 1e-12
"""Stands for a cost of 0 where its logarithm is taken."""

FROM_ZERO = ("loss", "rmse", "mae", "mse")
"""Ends of the names of metrics that are 0 at best."""

CLASSIFIER = "val_accuracy"
"""The metric of most tasks."""


def with_metric(settings: Settings, task: str) -> Settings:
    """Return settings in which ``objective.metric = "auto"`` is the metric of a task, and the
    direction of one output's metric is that of its task.

    Args:
        settings: of a run.
        task: of its data, a name of :data:`vaiopt.tasks.TASKS`.
    """
    known, objective = task_of(task), settings.objective
    if objective.metric == AUTO:
        objective = replace(objective, metric=known.validated)
    # The name of an output says nothing of the direction of its metric.
    plain = known.plain_metrics.get(objective.metric)
    direction = direction_of(plain) if plain and objective.direction == AUTO else None
    if direction is not None:
        objective = replace(objective, direction=direction)
    return settings if objective is settings.objective else replace(settings, objective=objective)


class Objective:
    """Scores trials as the settings ask.

    Args:
        settings: metric, direction, weights, references, front and limits; the defaults if None.

    Raises:
        SettingsError: a weight or reference names no cost.
    """

    def __init__(self, settings: Optional[ObjectiveSettings] = None) -> None:
        settings = settings or ObjectiveSettings()
        for key in ("weights", "references"):
            for name in getattr(settings, key):
                if name not in COSTS:
                    text = f"objective.{key} names '{name}', which is no cost"
                    raise SettingsError(text, did_you_mean(name, COSTS))
        self._settings = settings
        # Until the task is known, "auto" is what it is for most.
        self.metric = CLASSIFIER if settings.metric == AUTO else settings.metric
        self.min_metric = settings.min_metric
        self.front: Tuple[str, ...] = tuple(settings.front)
        auto = settings.direction == "auto"
        # A search is refused where the name does not tell; runs of 0.1 maximised then.
        known = direction_of(self.metric) or UP
        self.direction = known if auto else settings.direction
        bounds = {name: (limit, getattr(settings, name)) for name, limit in LIMITS.items()}
        self._limits = {name: pair for name, pair in bounds.items() if pair[1] is not None}

    @property
    def limits(self) -> Dict[str, Tuple[Limit, float]]:
        """The limits that are set, with their bounds, by setting."""
        return self._limits

    @property
    def dpu_only(self) -> bool:
        """Whether every layer must run on the DPU."""
        return self._settings.dpu_only

    @property
    def weighted(self) -> bool:
        """Whether the score is another number than the metric."""
        return any(self._settings.weights.values())

    @property
    def is_share(self) -> bool:
        """Whether the score is a share of 1 of which more is better."""
        plain = self.direction == "maximize" and not self.weighted
        return plain and is_share(self.metric)

    @property
    def bound(self) -> Optional[float]:
        """What no score is better than, its sign such that lower is better: of a share of 1, a loss
        or an error; None where that is not known.
        """
        if self.is_share:
            return -1.0
        loss = self.direction == "minimize" and self.metric.endswith(FROM_ZERO)
        return 0.0 if loss and not self.weighted else None

    @property
    def limited(self) -> bool:
        """Whether any cost is bounded."""
        return bool(self.limits) or self.dpu_only

    def against(self, costs: Sequence[str]) -> "Objective":
        """Return the same objective for a front against other costs."""
        return Objective(replace(self._settings, front=list(costs)))

    @property
    def told(self) -> Tuple[str, ...]:
        """The costs that say something of a trial: parameters and latency, those of the front, and
        those that are bounded.
        """
        bounded = [limit.cost for limit, _ in self.limits.values()]
        return tuple(dict.fromkeys(("params", "latency_ms", *self.front, *bounded)))

    @property
    def directions(self) -> List[str]:
        """What the study is told to do with the score, and with each cost of the front."""
        costs = ["maximize" if name in MORE_IS_BETTER else "minimize" for name in self.front]
        return [self.direction, *costs]

    def values(self, score: Optional[float], costs: Mapping[str, float]) -> Optional[List[float]]:
        """Return what the study is told of a trial: its score, and the costs of the front."""
        return None if score is None else [score, *(costs[name] for name in self.front)]

    def prices(self, costs: Mapping[str, float]) -> List[float]:
        """Return the costs of the front as the search compares them: logarithms, lower is better.
        A cost that is not known is infinite.
        """
        return [price_of(name, costs[name]) if name in costs else math.inf for name in self.front]

    def infeasible(self, costs: Mapping[str, float]) -> Optional[str]:
        """Return which hard limit these costs break and by how much, or None."""
        for name, (limit, bound) in self.limits.items():
            told = limit.broken(name, costs[limit.cost], bound) if limit.cost in costs else None
            if told is not None:
                return told
        if self._settings.dpu_only and costs.get("cpu_layers", 0) > 0:
            return "{:g} layer(s) would run on the CPU (dpu_only)".format(costs["cpu_layers"])
        return None

    def score(
        self,
        metrics: Mapping[str, float],
        costs: Mapping[str, float],
        references: Mapping[str, float],
    ) -> float:
        """Return ``metric x product of (cost / reference)^-weight``; for a metric to minimise, or a
        cost of which more is better, the exponent is ``+weight``.

        Args:
            metrics: the trial's, by name.
            costs: the trial's.
            references: those of the default point, used where the settings give none.

        Raises:
            SettingsError: the trial reports no such metric.
        """
        if self.metric not in metrics:
            raise SettingsError(
                f"trials report no metric '{self.metric}'", did_you_mean(self.metric, metrics)
            )
        value = float(metrics[self.metric])
        sign = -1.0 if self.direction == "maximize" else 1.0
        for name, weight in self._settings.weights.items():
            reference = self._settings.references.get(name, references.get(name, 0.0))
            if name in costs and costs[name] > 0 and reference > 0:
                more = -1.0 if name in MORE_IS_BETTER else 1.0
                value *= _power(costs[name] / reference, more * sign * weight)
        return value


def price_of(name: str, cost: float) -> float:
    """Return the logarithm of a cost, its sign such that lower is better."""
    value = math.log(max(cost, TINY))
    return -value if name in MORE_IS_BETTER else value


def check_direction(settings: ObjectiveSettings) -> None:
    """Check that it is known whether more of the metric is better.

    Raises:
        SettingsError: the settings leave it to its name, which does not tell.
    """
    if settings.direction == AUTO and direction_of(settings.metric) is None:
        raise SettingsError(
            f"whether more of objective.metric = '{settings.metric}' is better is not known",
            "Say it: --set objective.direction=maximize, or minimize.",
        )


def _power(base: float, exponent: float) -> float:
    """Return a power; infinity where it is beyond all numbers."""
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf
