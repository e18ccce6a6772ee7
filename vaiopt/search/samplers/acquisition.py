"""Acquisition functions: how much a surrogate promises of a point, lower is better."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

import numpy as np

XI = 0.0
"""Improvement asked for by EI and PI, in units of the standardised objective. scikit-optimize's
0.01 found no less early, and a little less late.
"""
KAPPA = 1.96
"""Standard deviations below the mean for LCB (scikit-optimize's default)."""

Function = Callable[[np.ndarray, Any, float], np.ndarray]
"""Given points (points, columns), the surrogate and the best target so far; returns (points,)."""


def expected_improvement(x: np.ndarray, surrogate: Any, best: float) -> np.ndarray:
    """Return minus the improvement that is expected on the best."""
    from skopt.acquisition import gaussian_ei

    return -np.asarray(gaussian_ei(x, surrogate, y_opt=best, xi=XI))


def lower_confidence_bound(x: np.ndarray, surrogate: Any, best: float) -> np.ndarray:
    """Return the mean less :data:`KAPPA` standard deviations."""
    from skopt.acquisition import gaussian_lcb

    return np.asarray(gaussian_lcb(x, surrogate, kappa=KAPPA))


def probability_of_improvement(x: np.ndarray, surrogate: Any, best: float) -> np.ndarray:
    """Return minus the probability of any improvement on the best."""
    from skopt.acquisition import gaussian_pi

    return -np.asarray(gaussian_pi(x, surrogate, y_opt=best, xi=XI))


ACQUISITIONS: Dict[str, Mapping[str, Function]] = {
    "EI": {"EI": expected_improvement},
    "LCB": {"LCB": lower_confidence_bound},
    "PI": {"PI": probability_of_improvement},
    "gp_hedge": {
        "EI": expected_improvement,
        "LCB": lower_confidence_bound,
        "PI": probability_of_improvement,
    },
}
"""By the names of ``search.acquisition``: the functions that nominate a point each. Among several
the proposal is chosen by what each has gained.
"""
