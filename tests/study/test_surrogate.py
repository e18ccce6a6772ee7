"""What the search and the report fit their surrogate to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiopt.study.record import (
    COMPLETE,
    FAILED,
    INFEASIBLE,
    INTERRUPTED,
    PRUNED,
    RUNNING,
    TrialRecord,
)
from vaiopt.study.space import Dimension, Space
from vaiopt.study.surrogate import (
    better_half,
    column_groups,
    encode_points,
    from_unit,
    normal_scores,
    raw_targets,
    search_targets,
    to_unit,
    usable,
)

RATE = Dimension("rate", "float", 1e-3, low=1e-4, high=1e-1, log=True)
SPACE = Space(
    (
        RATE,
        Dimension("size", "choice", 3, values=(3, 5, 9), ordered=True),
        Dimension("kind", "choice", "a", values=("a", "b", "c")),
        Dimension("fixed", "choice", 7, values=(7,)),
    )
)


def record(status, value=None, reports=()):
    return TrialRecord(0, status, value=value, pruning={"reports": list(reports)})


def test_points_are_numbers_within_the_unit_cube_and_other_choices_lie_at_distance_one():
    points = [
        {"rate": 1e-4, "size": 3, "kind": "a", "fixed": 7},
        {"rate": 1e-1, "size": 9, "kind": "c", "fixed": 7},
    ]
    low, high = encode_points(SPACE, points)
    assert low[:2].tolist() == [0.0, 0.0] and high[:2].tolist() == [1.0, 1.0]
    assert np.linalg.norm(low[2:] - high[2:]) == pytest.approx(1.0)


def test_every_column_has_its_hyperparameter():
    assert column_groups(SPACE) == (0, 1, 2, 2, 2)


@given(st.floats(1e-4, 1e-1))
def test_a_place_in_a_range_is_found_again(value):
    assert from_unit(RATE, to_unit(RATE, value)) == pytest.approx(value)


@pytest.mark.parametrize("direction, best, worst", [("maximize", 0.9, 0.5), ("minimize", 0.5, 0.9)])
def test_trials_without_an_objective_count_as_what_they_stand_for(direction, best, worst):
    sign = -1.0 if direction == "maximize" else 1.0
    trials = [record(COMPLETE, v) for v in (0.5, 0.7, 0.9)] + [
        record(s) for s in (FAILED, INFEASIBLE, PRUNED, RUNNING)
    ]
    assert (sign * raw_targets(trials, direction)).tolist() == [
        0.5,
        0.7,
        0.9,
        worst,
        worst,
        worst,
        best,
    ]


def test_a_pruned_trial_counts_as_what_the_trials_nearest_to_it_came_to():
    complete = [
        record(COMPLETE, value, [(1, first), (2, value)])
        for first, value in ((0.5, 0.7), (0.6, 0.8), (0.6, 0.8), (0.1, 0.9))
    ]
    for status, reports, counted in (
        (PRUNED, [(1, 0.55)], 0.75),  # gains 0.2, as those nearest to it
        (PRUNED, [(1, 0.55), (2, 0.72)], 0.72),  # where the others ended
        (PRUNED, [(1, 0.85)], 0.9),  # no better than the best
        (PRUNED, [(1, 0.2)], 0.4),  # worse than all of the complete ones
        (PRUNED, [(3, 0.75)], 0.75),  # nobody reported there
        (FAILED, [(1, 0.55)], 0.7),
    ):
        assert raw_targets([*complete, record(status, reports=reports)], "maximize")[
            -1
        ] == pytest.approx(-counted)
        losses = [
            record(COMPLETE, -t.value, [(s, -r) for s, r in t.pruning["reports"]]) for t in complete
        ]
        stopped = record(status, reports=[(s, -r) for s, r in reports])
        assert raw_targets([*losses, stopped], "minimize")[-1] == pytest.approx(-counted)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30))
def test_the_search_tells_the_better_half_apart_and_no_more(values):
    values = np.array(values)
    targets = better_half(values)
    assert np.all(np.isfinite(targets))
    order = np.argsort(values, kind="stable")
    assert np.all(np.diff(targets[order]) >= 0)
    if values.min() < np.median(values):
        worse = values >= np.median(values) + 0.25 * (np.median(values) - values.min())
        assert len(set(targets[worse])) <= 1


def test_failures_do_not_look_like_the_best_where_most_trials_share_it():
    targets = better_half(np.array([0.0, 0.0, 0.0, 1.0]))
    assert targets[3] > targets[0]


def standardised(values):
    return pytest.approx((values - values.mean()) / values.std())


def test_a_process_sees_a_share_by_the_logarithm_of_what_is_missing_to_all():
    shares = np.array([0.995, 0.95, 0.9, 0.1])
    assert search_targets("gp", -shares, share=True) == standardised(np.log(1.005 - shares))


def test_a_process_sees_another_metric_by_its_distance_from_beyond_the_best():
    losses = np.array([2.0, 3.0, 4.0, 104.0])
    told = standardised(np.log(losses - 2.0 + 0.3 * 1.5))
    assert search_targets("gp", losses, share=False) == told
    # What a cost makes of a share may exceed 1.
    assert search_targets("gp", losses - 4.0, share=True) == told


@pytest.mark.parametrize("share", [True, False])
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30))
def test_a_process_tells_the_worse_half_apart_too(share, values):
    targets = search_targets("gp", np.array(values), share)
    assert np.all(np.isfinite(targets))
    assert np.all(np.diff(targets[np.argsort(values, kind="stable")]) >= 0)
    even = search_targets("gp", np.arange(4.0), share)
    assert even[3] > even[2] > even[1]


def test_a_forest_sees_the_better_half_only():
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert search_targets("forest", values, share=False).tolist() == better_half(values).tolist()
    assert search_targets("forest", values, share=False)[3] == better_half(values)[4]


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30))
def test_scores_keep_the_order_and_ties(values):
    scores = normal_scores(np.array(values))
    assert np.all(np.isfinite(scores))
    for a, s in zip(values, scores):
        for b, t in zip(values, scores):
            assert (a < b) == (s < t)


def test_interrupted_trials_and_those_outside_of_the_space_are_left_out():
    inside, outside = ({"rate": rate, "size": 3, "kind": "a"} for rate in (1e-2, 1.0))
    trials = [
        TrialRecord(0, COMPLETE, hyperparameters=inside),
        TrialRecord(1, INTERRUPTED, hyperparameters=inside),
    ]
    assert usable(SPACE, [*trials, TrialRecord(2, COMPLETE, hyperparameters=outside)]) == trials[:1]
