"""Importance and partial dependence of the search's surrogate on functions whose answer is
known.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, List, Sequence

import numpy as np
import pytest

from vaiopt.report.dependence import EXPLAINERS, Dependence, tried_values
from vaiopt.report.dimensions import dimensions
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Dimension, Space
from vaiopt.study.surrogate import SURROGATES

SPACE = Space(
    (
        Dimension("rate", "float", 1e-3, low=1e-4, high=1e-1, log=True),
        Dimension("layers", "int", 1, low=1, high=2, step=1),
        Dimension("second", "int", 32, low=8, high=64, step=8, conditions=((("layers", (2,)),),)),
        Dimension("kind", "choice", "a", values=("a", "b", None)),
        Dimension("idle", "float", 0.5, low=0.0, high=1.0),
        Dimension("fixed", "choice", 3, values=(3,)),
    )
)
Point = Dict[str, Any]


def trials(
    objective: Callable[[Point], float], count: int = 60, seed: int = 0
) -> List[TrialRecord]:
    rng = np.random.RandomState(seed)
    records = []
    for number in range(count):
        values = {
            "rate": float(10 ** rng.uniform(-4, -1)),
            "layers": int(rng.randint(1, 3)),
            "second": 8 * int(rng.randint(1, 9)),
        }
        values.update(kind=("a", "b", None)[rng.randint(3)], idle=float(rng.rand()), fixed=3)
        point = {name: values[name] for name in SPACE.active(values)}
        records.append(
            TrialRecord(number, "complete", value=objective(point), hyperparameters=point)
        )
    return records


def dependence(
    records: Sequence[TrialRecord], model: str = "gp", direction: str = "maximize"
) -> Dependence:
    dims = dimensions([t for t in records if t.status == "complete"], Space())
    return Dependence(SPACE, records, dims, model=model, direction=direction)


def peak(point: Point) -> float:
    return -((math.log10(point["rate"]) + 2.5) ** 2)


@pytest.mark.parametrize("model", ["gp", "forest"])
def test_the_hyperparameter_that_decides_everything_has_nearly_all_importance(model: str) -> None:
    shares = dependence(trials(peak), model).importances()
    assert list(shares)[0] == "rate"
    assert shares["rate"] > 0.9
    assert sum(shares.values()) == pytest.approx(1.0)
    assert set(shares) == {"rate", "layers", "kind", "idle", "second"}


def test_a_conditional_hyperparameter_gets_credit_where_it_is_active() -> None:
    shares = dependence(trials(lambda p: p.get("second", 36) / 64.0)).importances()
    assert list(shares)[0] == "second"
    assert shares["second"] > 0.8


@pytest.mark.parametrize("model", ["gp", "forest"])
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_partial_dependence_follows_the_function(model: str, direction: str) -> None:
    sign = 1.0 if direction == "maximize" else -1.0
    records = trials(lambda p: sign * (peak(p) + (0.8 if p["kind"] == "b" else 0.0)))
    surrogate = dependence(records, model, direction)
    assert surrogate.fit > 0.6
    rates, mean, low, high = surrogate.curve("rate")
    assert 10**-3.1 < rates[int(np.argmax(sign * mean))] < 10**-1.9
    assert np.all(low <= mean) and np.all(mean <= high)
    kinds, mean, _, _ = surrogate.curve("kind")
    assert kinds == ["a", "b", None]
    assert sign * mean[1] - max(sign * mean[0], sign * mean[2]) > 0.2
    found = surrogate.map("rate", "kind")
    assert found is not None and found[2].shape == (3, 14)
    assert np.all(np.isfinite(found[2]))


def test_what_is_drawn_lies_among_the_objectives_of_the_trials() -> None:
    records = trials(peak)
    values = [t.value for t in records]
    for name in ("rate", "second"):
        _, mean, low, high = dependence(records).curve(name)
        assert min(low) >= min(values) and max(high) <= max(values)


def test_no_dependence_is_told_where_a_hyperparameter_is_not_active() -> None:
    surrogate = dependence(trials(lambda p: float(p["layers"]) + p["rate"]))
    layers, second, means = surrogate.map("layers", "second") or ([], [], np.zeros(0))
    assert layers == [1, 2]
    assert np.all(np.isnan(means[:, 0])) and np.all(np.isfinite(means[:, 1]))
    assert second == [8, 16, 24, 32, 40, 48, 56, 64]


def test_what_never_was_active_together_has_no_map() -> None:
    branches = (Dimension("kind", "choice", "a", values=("a", "b")),)
    branches += tuple(
        Dimension(n, "float", 0.5, high=1.0, conditions=((("kind", (n,)),),)) for n in ("a", "b")
    )
    records = [
        TrialRecord(
            i,
            "complete",
            value=float(i),
            hyperparameters={"kind": "ab"[i % 2], "ab"[i % 2]: i / 20.0},
        )
        for i in range(20)
    ]
    surrogate = Dependence(
        Space(branches), records, dimensions(records, Space()), model="gp", direction="maximize"
    )
    assert surrogate.map("a", "b") is None
    assert surrogate.map("kind", "a") is not None


def test_trials_that_failed_or_broke_a_limit_count_as_the_worst() -> None:
    records = [
        (
            t
            if t.hyperparameters["rate"] < 1e-2
            else TrialRecord(t.number, "failed", hyperparameters=t.hyperparameters)
        )
        for t in trials(lambda p: p["idle"])
    ]
    with_failures = dependence(records)
    without = dependence([t for t in records if t.status == "complete"])
    assert with_failures.fitted > without.fitted
    assert with_failures.importances()["rate"] > without.importances()["rate"]


def test_trials_outside_of_the_space_are_left_out() -> None:
    records = trials(peak, 30)
    foreign = TrialRecord(
        30, "complete", value=5.0, hyperparameters={**records[0].hyperparameters, "rate": 7.0}
    )
    assert dependence([*records, foreign]).fitted == 30


def test_noise_is_not_taken_for_a_pattern() -> None:
    noise = iter(np.random.RandomState(5).normal(size=120))
    for model in ("gp", "forest"):
        assert dependence(trials(lambda p: float(next(noise))), model).fit < 0.3


def test_the_surrogate_is_the_same_every_time() -> None:
    first, second = (dependence(trials(peak, 40)).curve("rate").mean for _ in range(2))
    assert np.array_equal(first, second)


def test_values_lie_on_the_grid_of_the_space_between_the_ends_tried() -> None:
    def values(declared: Dimension, tried: Sequence[Any], most: int = 5) -> List[Any]:
        dim = dimensions(
            [TrialRecord(i, "complete", hyperparameters={"x": v}) for i, v in enumerate(tried)],
            Space(),
        )[0]
        return list(tried_values(declared, dim, most))

    assert values(Dimension("x", "int", 8, low=8, high=64, step=8), [16, 40]) == [16, 24, 32, 40]
    assert values(Dimension("x", "int", 8, low=0, high=100, step=1), [10, 90]) == [
        10,
        30,
        50,
        70,
        90,
    ]
    assert values(Dimension("x", "choice", 1, values=(1, 10, 1000), ordered=True), [1, 1000]) == [
        1,
        1000,
    ]
    assert values(
        Dimension("x", "float", 1.0, low=1.0, high=16.0, log=True), [1.0, 16.0]
    ) == pytest.approx([1, 2, 4, 8, 16])
    assert values(Dimension("x", "int", 1, low=1, high=512, log=True), [1, 3]) == [1, 2, 3]


def test_every_surrogate_can_be_explained():
    assert list(EXPLAINERS) == list(SURROGATES)
