import math

import pytest

from vaiopt.search.samplers.acquisition import ACQUISITIONS
from vaiopt.search.samplers.base import Problem
from vaiopt.search.samplers.bayesian import BayesianSampler
from vaiopt.search.samplers.point import SpaceExhausted
from vaiopt.settings import SearchSettings
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective
from vaiopt.study.record import COMPLETE, FAILED, INFEASIBLE, INTERRUPTED, RUNNING, TrialRecord
from vaiopt.study.trace import trace_space


def build(hp):
    for i in range(hp.Int("layers", 1, 4)):
        hp.Int(f"units_{i}", 8, 64, step=8)
    hp.Float("rate", 1e-6, 1e-1, sampling="log", default=1e-5)
    hp.Choice("activation", ["relu", "sigmoid", "tanh"])


SPACE = trace_space(build, HyperParameters)


def sampler(space=SPACE, model="gp", acquisition="EI", seed=0):
    settings = SearchSettings(acquisition=acquisition, initial_points=4)
    return BayesianSampler(Problem(space, settings, seed, Objective()), model)


def quality(point):
    return 0.99 - 0.1 * abs(math.log10(point["rate"]) + 3) - 0.05 * (point["activation"] != "relu")


def history_of(source, count, score=quality):
    history = []
    for number in range(count):
        point = source.next_point(history)
        history.append(TrialRecord(number, COMPLETE, value=score(point), hyperparameters=point))
    return history


def test_the_default_point_comes_first():
    assert sampler().next_point([]) == SPACE.defaults()


@pytest.mark.parametrize(
    "model, acquisition", [*(("gp", name) for name in ACQUISITIONS), ("forest", "EI")]
)
def test_points_are_distinct_canonical_plain_and_within_the_space(model, acquisition):
    history = history_of(sampler(model=model, acquisition=acquisition), 12)
    points = [t.hyperparameters for t in history]
    assert len({repr(p) for p in points}) == len(points)
    for point in points:
        assert SPACE.canonical(point) == point
        for dimension in SPACE:
            assert dimension.contains(point[dimension.name])
            assert type(point[dimension.name]) in (int, float, str, bool)


def test_a_proposal_is_a_pure_function_of_seed_and_trials():
    history = history_of(sampler(), 8)
    assert sampler().next_point(history) == sampler().next_point(history)
    assert sampler(seed=1).next_point(history) != sampler().next_point(history)


def test_an_interrupted_trial_is_as_if_it_had_never_been():
    history = history_of(sampler(), 8)
    stale = TrialRecord(99, INTERRUPTED, hyperparameters=SPACE.defaults())
    assert sampler().next_point([*history[:3], stale, *history[3:]]) == sampler().next_point(
        history
    )


def test_it_finds_what_random_points_do_not():
    found = history_of(sampler(), 25)
    late = [t.value for t in found[12:]]
    assert max(late) > 0.95
    assert sum(late) / len(late) > sum(t.value for t in found[:12]) / 12


def test_failed_infeasible_and_running_trials_keep_proposals_finite_and_new():
    history = history_of(sampler(), 6)
    for status in (FAILED, INFEASIBLE, RUNNING):
        point = sampler().next_point(history)
        assert all(not isinstance(v, float) or math.isfinite(v) for v in point.values())
        assert point not in [t.hyperparameters for t in history]
        history.append(TrialRecord(len(history), status, hyperparameters=point))


def test_parallel_proposals_differ():
    history = history_of(sampler(), 6)
    first = sampler().next_point(history)
    history.append(TrialRecord(6, RUNNING, hyperparameters=first))
    assert sampler().next_point(history) != first


def test_an_exhausted_space_says_so_after_every_point_was_tried_once():
    small = trace_space(lambda hp: (hp.Choice("a", [1, 2, 3]), hp.Boolean("b")), HyperParameters)
    source = sampler(small)
    history = history_of(source, 6, score=lambda p: p["a"])
    assert len({repr(t.hyperparameters) for t in history}) == 6
    with pytest.raises(SpaceExhausted):
        source.next_point(history)
