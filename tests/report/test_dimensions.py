"""Hyperparameters as the trials show them, and rank correlations."""

from __future__ import annotations

import math
from typing import Any, Dict, List

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiopt.report.dimensions import dimensions, rank_correlation
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Dimension, Space


def trials(points: List[Dict[str, Any]]) -> List[TrialRecord]:
    return [
        TrialRecord(i, "complete", value=0.0, hyperparameters=point)
        for i, point in enumerate(points)
    ]


def test_a_range_is_logarithmic_if_the_space_says_so_or_it_spans_much() -> None:
    points = [{"near": float(i + 1), "far": 10.0**i, "zero": float(i)} for i in range(5)]
    space = Space(
        tuple(Dimension(n, "float", 1.0, low=1.0, high=9.0, log=True) for n in ("near", "zero"))
    )
    dims = {d.name: d for d in dimensions(trials(points), space)}
    assert dims["near"].log
    assert dims["far"].log
    assert not dims["zero"].log


def test_choices_stand_in_the_order_of_the_space() -> None:
    points = [{"size": word} for word in ("small", "large", "medium")]
    declared = Space((Dimension("size", "choice", "small", values=("small", "medium", "large")),))
    assert dimensions(trials(points), declared)[0].choices == ("small", "medium", "large")


def test_a_choice_of_none_is_not_taken_for_inactive() -> None:
    dim = dimensions(trials([{"limit": None}, {"limit": "x"}, {}]), Space())[0]
    assert dim.values == ("None", "x", None)
    assert np.isnan(dim.codes()).tolist() == [False, False, True]


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=4, max_size=30))
def test_rank_correlation_is_symmetric_and_bounded(pairs: Any) -> None:
    first, second = (np.array(column, np.float64) for column in zip(*pairs))
    rho = rank_correlation(first, second)
    if rho is None:
        assert len(set(first)) == 1 or len(set(second)) == 1
    else:
        assert -1.0 - 1e-9 <= rho <= 1.0 + 1e-9
        assert rho == pytest.approx(rank_correlation(second, first))


def test_rank_correlation_sees_any_rising_function_and_skips_what_is_not_there() -> None:
    x = np.array([1.0, 2.0, 3.0, math.nan, 5.0, 6.0])
    assert rank_correlation(x, np.exp(x)) == pytest.approx(1.0)
    assert rank_correlation(x, -(x**3)) == pytest.approx(-1.0)
    assert rank_correlation(x[:3], x[:3]) is None
