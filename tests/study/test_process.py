"""The Gaussian process of the search: its fit, what it predicts, and its priors."""

from __future__ import annotations

import numpy as np
import pytest

from vaiopt.study.process import (
    BEST_FITTED,
    MOST_FITTED,
    NOISE,
    Posterior,
    fit_process,
    matern,
    prior,
    representative,
)

GROUPS = (0, 0, 0, 1, 2)
"""A choice of three, and two numbers."""


def points(count: int, seed: int = 0) -> np.ndarray:
    random = np.random.RandomState(seed)
    choices = np.eye(3)[random.randint(3, size=count)] * np.sqrt(0.5)
    return np.hstack([choices, random.uniform(size=(count, 2))])


def smooth(x: np.ndarray) -> np.ndarray:
    return x[:, 0] + np.sin(3 * x[:, 3])


def posterior(x: np.ndarray) -> Posterior:
    y = smooth(x)
    return Posterior(x, (y - y.mean()) / y.std(), GROUPS)


@pytest.mark.parametrize("count", [1, 8, 40])
def test_the_slope_of_the_posterior_is_that_of_its_finite_differences(count: int) -> None:
    one = Posterior(points(count), np.linspace(-1.0, 1.0, count), GROUPS)
    logs = np.array([0.3, -0.4, 0.5, 0.1, -4.0])
    slope = one.loss(logs)[1]
    for index, step in enumerate(np.eye(len(logs)) * 1e-5):
        change = one.loss(logs + step)[0] - one.loss(logs - step)[0]
        assert slope[index] == pytest.approx(change / 2e-5, rel=1e-4, abs=1e-5)


def test_the_posterior_is_the_likelihood_of_a_normal_distribution_times_the_prior() -> None:
    from scipy.stats import multivariate_normal

    x, logs = points(7), np.array([0.3, -0.4, 0.5, 0.1, -4.0])
    y = np.linspace(-1.0, 1.0, 7)
    scaled = x / np.exp(logs[1:-1])[list(GROUPS)]
    distance = np.sqrt(((scaled[:, None] - scaled[None]) ** 2).sum(axis=2))
    covariance = np.exp(0.3) * matern(distance) + np.exp(-4.0) * np.eye(7)
    told = multivariate_normal.logpdf(y, np.zeros(7), covariance)
    told += multivariate_normal.logpdf(logs, *prior(3))
    other = np.array([0.0, 0.1, 0.1, 0.1, -3.0])
    scaled = x / np.exp(0.1)
    distance = np.sqrt(((scaled[:, None] - scaled[None]) ** 2).sum(axis=2))
    covariance = matern(distance) + np.exp(-3.0) * np.eye(7)
    told -= multivariate_normal.logpdf(y, np.zeros(7), covariance)
    told -= multivariate_normal.logpdf(other, *prior(3))
    one = Posterior(x, y, GROUPS)
    assert one.loss(other)[0] - one.loss(logs)[0] == pytest.approx(told, rel=1e-5)


def test_the_columns_of_a_choice_share_a_length_scale() -> None:
    found = fit_process(points(30), smooth(points(30)), GROUPS, np.random.RandomState(0))
    assert found.scales.shape == (3,)
    assert found.columns.tolist() == found.scales[[0, 0, 0, 1, 2]].tolist()


def test_length_scales_vary_together_a_priori_and_grow_with_their_number() -> None:
    mean, covariance = prior(4)
    assert mean.tolist() == pytest.approx([0.0, *[0.5 * np.log(4)] * 4, NOISE[0]])
    assert covariance[1, 1] == pytest.approx(1.49) and covariance[1, 2] == pytest.approx(1.0)
    assert covariance[0, 1] == covariance[0, 5] == 0.0


def test_with_few_points_no_dimension_is_taken_for_a_cliff_or_for_nothing() -> None:
    x = np.random.RandomState(0).uniform(size=(6, 5))
    found = fit_process(x, np.sin(3 * x[:, 0]), range(5), np.random.RandomState(0))
    assert np.all((found.scales > 0.2) & (found.scales < 20.0))


def test_with_many_points_the_data_outweigh_the_prior() -> None:
    x, new = points(60), points(50, seed=1)
    found = fit_process(x, smooth(x), GROUPS, np.random.RandomState(0))
    assert np.abs(found.predict(new) - smooth(new)).max() < 0.05
    assert found.scales[2] > 2 * found.scales[1]


def test_it_is_certain_where_it_was_fitted_and_uncertain_far_away() -> None:
    x = points(20)
    found = fit_process(x, smooth(x), GROUPS, np.random.RandomState(0))
    mean, deviation = found.predict(np.vstack([x, x[:1] + 100.0]), return_std=True)
    assert mean[:-1] == pytest.approx(smooth(x), abs=0.05)
    assert deviation[:-1].max() < 0.1 * deviation[-1]
    assert mean[-1] == pytest.approx(smooth(x).mean())
    assert deviation[-1] == pytest.approx(smooth(x).std() * np.sqrt(found.variance))
    covariance = found.predict(x, return_cov=True)[1]
    assert np.sqrt(np.abs(np.diag(covariance))) == pytest.approx(deviation[:-1], abs=1e-5)


def test_an_error_left_out_is_that_of_a_process_without_the_point() -> None:
    x = points(9)
    found = fit_process(x, smooth(x), GROUPS, np.random.RandomState(0))
    inside = found.factor @ found.factor.T
    for left in range(len(x)):
        kept = [i for i in range(len(x)) if i != left]
        told = inside[left, kept] @ np.linalg.solve(inside[np.ix_(kept, kept)], found.y[kept])
        assert found.left_out_errors()[left] == pytest.approx(found.y[left] - told)


@pytest.mark.parametrize("x", [np.zeros((1, 5)), np.zeros((5, 5)), points(5)])
def test_equal_points_and_level_targets_are_fitted_too(x: np.ndarray) -> None:
    found = fit_process(x, np.full(len(x), 3.0), GROUPS, np.random.RandomState(0))
    mean, deviation = found.predict(points(4), return_std=True)
    assert mean == pytest.approx([3.0] * 4) and np.all(np.isfinite(deviation))


def test_the_same_points_give_the_same_process() -> None:
    fits = [
        fit_process(points(12), smooth(points(12)), GROUPS, np.random.RandomState(3))
        for _ in range(2)
    ]
    assert fits[0].scales.tolist() == fits[1].scales.tolist()


def test_few_points_are_all_fitted_and_of_many_the_best_and_some_others() -> None:
    few = np.random.RandomState(0).normal(size=MOST_FITTED)
    assert representative(few, np.random.RandomState(0)).tolist() == list(range(MOST_FITTED))
    many = np.random.RandomState(0).permutation(np.arange(2.0 * MOST_FITTED))
    kept = representative(many, np.random.RandomState(0))
    assert len(kept) == len(set(kept)) == MOST_FITTED and kept.tolist() == sorted(kept)
    assert set(np.argsort(many)[:BEST_FITTED]) <= set(kept)
    assert many[kept].max() > 1.5 * MOST_FITTED
    assert representative(many, np.random.RandomState(0)).tolist() == kept.tolist()
    assert representative(many, np.random.RandomState(1)).tolist() != kept.tolist()


def test_a_fit_to_many_points_takes_no_longer_than_one_to_the_most(monkeypatch) -> None:
    x = points(3 * MOST_FITTED)
    sizes = []
    monkeypatch.setattr(
        Posterior,
        "loss",
        lambda self, logs, real=Posterior.loss: sizes.append(len(self._y)) or real(self, logs),
    )
    found = fit_process(x, smooth(x), GROUPS, np.random.RandomState(0))
    assert found.x.shape == (MOST_FITTED, 5) and max(sizes) <= MOST_FITTED // 2
    assert np.abs(found.predict(points(50, seed=1)) - smooth(points(50, seed=1))).max() < 0.05
