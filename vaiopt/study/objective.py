"""The objective: one score from metrics and costs, and hard limits of feasibility."""

from __future__ import annotations

import math
from typing import Mapping, Optional

from vaiopt.errors import SettingsError, did_you_mean
from vaiopt.settings import ObjectiveSettings, choices
from vaiopt.study.directions import UP, direction_of

COSTS = choices.names(choices.COSTS)

LIMITS = {
    "max_latency_ms": ("latency_ms", "ms"),
    "max_params": ("params", "parameters"),
    "max_macs": ("macs", "MACs"),
}
"""Hard limits: the cost each one bounds, and its unit."""


class Objective:
    """Scores trials as the settings ask.

    Args:
        settings: metric, direction, weights, references and limits.

    Raises:
        SettingsError: a weight or reference names no cost.
    """

    def __init__(self, settings: ObjectiveSettings) -> None:
        for key in ("weights", "references"):
            for name in getattr(settings, key):
                if name not in COSTS:
                    text = f"objective.{key} names '{name}', which is no cost"
                    raise SettingsError(text, did_you_mean(name, COSTS))
        self._settings = settings
        self.metric = settings.metric
        auto = settings.direction == "auto"
        # A search is refused where the name does not tell; runs of 0.1 maximised then.
        known = direction_of(settings.metric) or UP
        self.direction = known if auto else settings.direction

    def infeasible(self, costs: Mapping[str, float]) -> Optional[str]:
        """Return which hard limit these costs break and by how much, or None."""
        for limit, (cost, unit) in LIMITS.items():
            most = getattr(self._settings, limit)
            if most is not None and cost in costs and costs[cost] > most:
                return f"{costs[cost]:.4g} {unit} is above {limit} = {most:.4g}"
        if self._settings.dpu_only and costs.get("cpu_layers", 0) > 0:
            return "{:g} layer(s) would run on the CPU (dpu_only)".format(costs["cpu_layers"])
        return None

    def score(
        self,
        metrics: Mapping[str, float],
        costs: Mapping[str, float],
        references: Mapping[str, float],
    ) -> float:
        """Return ``metric x product of (cost / reference)^-weight``; for a metric to minimise the
        exponent is ``+weight``.

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
                value *= _power(costs[name] / reference, sign * weight)
        return value


def check_direction(settings: ObjectiveSettings) -> None:
    """Check that it is known whether more of the metric is better.

    Raises:
        SettingsError: the settings leave it to its name, which does not tell.
    """
    if settings.direction == "auto" and direction_of(settings.metric) is None:
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
