"""A Gaussian process with one length scale per hyperparameter, each fitted as its most probable.

The kernel is Matern's with smoothness 5/2. The columns of an unordered choice share a length scale:
how much a choice matters is one question, not one per value. Length scales have a common level that
is unknown, and each lies somewhere around it, so that what one hyperparameter says of the function
serves the others. Formulas are those of Rasmussen and Williams 2006, "Gaussian Processes for
Machine Learning"; written out, they take a fifth of the time that the general ones of
scikit-optimize do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, List, Sequence, Tuple

import numpy as np

LEVEL_OF_SCALES = 1.0
"""Standard deviation, a priori, of the common level of the logarithms of the length scales. Its
mean is that of the logarithm of the square root of the number of hyperparameters, with which
distances grow (Hvarfner et al. 2024, "Vanilla Bayesian optimization performs great in high
dimensions").
"""
SCALES = 0.7
"""The same of each logarithm around that level."""
VARIANCE = (0.0, 1.0)
"""Mean and standard deviation of the logarithm of the process's variance, whose targets are
standardised.
"""
NOISE = (-5.0, 1.5)
"""The same of the variance of the noise."""
BOUNDS = {"variance": (0.01, 100.0), "scale": (0.03, 50.0), "noise": (1e-5, 10.0)}
"""Where the fit looks for them."""
JITTER = 1e-9
"""Variance that is added to the noise, so that equal points leave the matrix invertible."""
TRIALS_WITHOUT_RESTART = 100
"""Points from which the fit starts from the prior's mean alone: with many the posterior has one
clear top.
"""
MOST_FITTED = 500
"""Points that a process is fitted to at most."""
BEST_FITTED = 250
"""How many of them are the best ones, where there are more; the others are drawn."""
MOST_FOR_SCALES = 250
"""Points that length scales, variance and noise are fitted to at most; of more, that many are
drawn.
"""


@dataclass(frozen=True)
class Process:
    """A fitted process.

    Attributes:
        x: points (points, columns) that it was fitted to.
        y: their targets (points,), standardised.
        factor: lower Cholesky factor of their covariance, noise included.
        weights: the inverse of that covariance times ``y``.
        variance: of the process.
        scales: the length scale of each hyperparameter.
        noise: its variance.
        columns: the length scale of each column of ``x``.
        mean, deviation: of the targets as they were given.
    """

    x: np.ndarray
    y: np.ndarray
    factor: np.ndarray
    weights: np.ndarray
    variance: float
    scales: np.ndarray
    noise: float
    columns: np.ndarray
    mean: float
    deviation: float

    def predict(self, x: np.ndarray, return_std: bool = False, return_cov: bool = False) -> Any:
        """Return the mean at points (points, columns), and if asked for it the standard deviation,
        or the covariance (points, points); without the noise. Names are scikit-learn's, whose
        models the acquisition functions take.
        """
        from scipy.linalg import solve_triangular

        x = np.asarray(x)
        across = self._covariance(x, self.x)
        mean = self.mean + self.deviation * (across @ self.weights)
        if not (return_std or return_cov):
            return mean
        known = solve_triangular(self.factor, across.T, lower=True, check_finite=False)
        if return_cov:
            covariance = self._covariance(x, x) - known.T @ known
            return mean, self.deviation**2 * covariance
        left = self.variance - np.einsum("ij,ij->j", known, known)
        return mean, self.deviation * np.sqrt(np.maximum(left, 0.0))

    def left_out_errors(self) -> np.ndarray:
        """Return by how much each standardised target (points,) differs from what the others
        predict for it (eq. 5.12).
        """
        from scipy.linalg import cho_solve

        inverse = cho_solve((self.factor, True), np.eye(len(self.y)))
        return np.asarray(self.weights / np.diag(inverse))

    def _covariance(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        from scipy.spatial.distance import cdist

        return self.variance * matern(cdist(a / self.columns, b / self.columns))


def matern(distance: np.ndarray) -> np.ndarray:
    """Return Matern's correlation, of smoothness 5/2, at distances in length scales (eq. 4.17)."""
    root = math.sqrt(5.0) * distance
    return np.asarray((1.0 + root + root**2 / 3.0) * np.exp(-root))


def fit_process(x: np.ndarray, y: np.ndarray, groups: Sequence[int], random: Any) -> Process:
    """Return the process whose length scales, variance and noise are the most probable.

    The time of a fit grows with the cube of the number of points: of many, some are left out.

    Args:
        x: points (points, columns).
        y: targets (points,), lower is better.
        groups: of each column the index of its hyperparameter, from 0 on without gaps.
        random: a ``RandomState``, for a second start of the fit where points are few, and for the
            choice of points where they are many.
    """
    from scipy.linalg import cho_solve

    kept = representative(np.asarray(y), random)
    x, y = np.asarray(x)[kept], np.asarray(y)[kept]
    mean, deviation = float(np.mean(y)), float(np.std(y)) or 1.0
    targets = (np.asarray(y, dtype=float) - mean) / deviation
    drawn = np.arange(len(x))
    if len(x) > MOST_FOR_SCALES:
        drawn = np.sort(random.choice(drawn, MOST_FOR_SCALES, replace=False))
    posterior = Posterior(x[drawn], targets[drawn], groups)
    starts = [posterior.mean]
    if len(x) < TRIALS_WITHOUT_RESTART:
        starts.append(random.multivariate_normal(posterior.mean, posterior.covariance))
    logs = posterior.maximised(starts)
    factor = Posterior(x, targets, groups).factor(logs)
    scales = np.exp(logs[1:-1])
    return Process(
        x=np.array(x),
        y=targets,
        factor=factor,
        weights=cho_solve((factor, True), targets),
        variance=math.exp(logs[0]),
        scales=scales,
        noise=math.exp(logs[-1]),
        columns=scales[list(groups)],
        mean=mean,
        deviation=deviation,
    )


def representative(y: np.ndarray, random: Any) -> np.ndarray:
    """Return the indices of the points that a process is fitted to, in their order: all, or the
    best and some of the others.

    Where the best lie is told by those near to them, and what the rest of the space is like by few.

    Args:
        y: (points,), lower is better.
        random: a ``RandomState``, which draws the others.
    """
    if len(y) <= MOST_FITTED:
        return np.arange(len(y))
    order = np.argsort(y, kind="stable")
    best, others = order[:BEST_FITTED], order[BEST_FITTED:]
    drawn = random.choice(others, MOST_FITTED - BEST_FITTED, replace=False)
    return np.asarray(np.sort(np.concatenate([best, drawn])))


class Posterior:
    """How probable the logarithms of variance, length scales and noise are, in this order.

    Args:
        x: points (points, columns).
        y: standardised targets (points,).
        groups: of each column the index of its hyperparameter.

    Attributes:
        mean, covariance: of the logarithms a priori.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, groups: Sequence[int]) -> None:
        from scipy.spatial.distance import pdist

        x = np.asarray(x, dtype=float)
        kinds = np.array(groups)
        count = int(kinds.max()) + 1 if len(kinds) else 0
        self._y = y
        # Squared distances of each pair of points in each hyperparameter: (count, pairs).
        self._apart = np.array(
            [pdist(x[:, kinds == group], "sqeuclidean") for group in range(count)]
        ).reshape(count, len(x) * (len(x) - 1) // 2)
        self.mean, self.covariance = prior(count)
        self._precision = np.linalg.inv(self.covariance)

    def maximised(self, starts: Sequence[np.ndarray]) -> np.ndarray:
        """Return the most probable logarithms that are found from some."""
        from scipy.optimize import minimize

        count = len(self.mean) - 2
        bounds: List[Tuple[float, float]] = [BOUNDS["variance"]]
        bounds += [BOUNDS["scale"]] * count + [BOUNDS["noise"]]
        limits = np.log(bounds)
        found = [
            minimize(
                self.loss,
                np.clip(start, limits[:, 0], limits[:, 1]),
                jac=True,
                method="L-BFGS-B",
                bounds=limits,
            )
            for start in starts
        ]
        return np.asarray(min(found, key=lambda result: float(result.fun)).x)

    def factor(self, logs: np.ndarray) -> np.ndarray:
        """Return the lower Cholesky factor of the points' covariance (points, points)."""
        from scipy.linalg import cholesky

        root = self._root(np.exp(-2.0 * logs[1:-1]))
        return np.asarray(cholesky(self._covariance(root, logs), lower=True))

    def loss(self, logs: np.ndarray) -> Tuple[float, np.ndarray]:
        """Return minus the logarithm of the posterior, but for a constant, and its slope (eq. 5.8
        and 5.9).
        """
        from scipy.linalg import LinAlgError, cho_solve, cholesky
        from scipy.spatial.distance import squareform

        inverse_squares = np.exp(-2.0 * logs[1:-1])
        root = self._root(inverse_squares)
        covariance = self._covariance(root, logs)
        try:
            factor = cholesky(covariance, lower=True, check_finite=False)
        except LinAlgError:
            return math.inf, np.zeros(len(logs))
        inverse = cho_solve((factor, True), np.eye(len(self._y)), check_finite=False)
        weights = inverse @ self._y
        away = logs - self.mean
        pull = self._precision @ away
        loss = 0.5 * self._y @ weights + np.sum(np.log(np.diag(factor))) + 0.5 * away @ pull
        # Half the slope's trace runs over pairs, which count twice.
        rest = np.outer(weights, weights) - inverse
        pairs = squareform(rest, checks=False) * math.exp(logs[0]) * np.exp(-root)
        per_scale = self._apart @ (pairs * (1.0 + root)) * inverse_squares * (5.0 / 3.0)
        noise = math.exp(logs[-1])
        diagonal = float(np.trace(rest))
        of_noise = 0.5 * noise * diagonal
        of_variance = float(pairs @ (1.0 + root + root**2 / 3.0))
        of_variance += 0.5 * math.exp(logs[0]) * diagonal
        return float(loss), pull - np.concatenate([[of_variance], per_scale, [of_noise]])

    def _root(self, inverse_squares: np.ndarray) -> np.ndarray:
        """Return the distances of all pairs in length scales, times the root of 5."""
        return np.asarray(np.sqrt(5.0 * (inverse_squares @ self._apart)))

    def _covariance(self, root: np.ndarray, logs: np.ndarray) -> np.ndarray:
        from scipy.spatial.distance import squareform

        variance = math.exp(logs[0])
        found = squareform(variance * (1.0 + root + root**2 / 3.0) * np.exp(-root), checks=False)
        np.fill_diagonal(found, variance + math.exp(logs[-1]) + JITTER)
        return np.asarray(found)


def prior(count: int) -> Tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance, a priori, of the logarithms of variance, length scales and noise.

    A length scale's is the common level plus its own part; with the level integrated out they are
    normal, and correlated.

    Args:
        count: of hyperparameters.
    """
    level = 0.5 * math.log(max(1, count))
    mean = np.array([VARIANCE[0], *[level] * count, NOISE[0]])
    covariance = np.diag([VARIANCE[1] ** 2, *[SCALES**2] * count, NOISE[1] ** 2])
    covariance[1:-1, 1:-1] += LEVEL_OF_SCALES**2
    return mean, covariance
