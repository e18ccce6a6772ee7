"""Preferred values: the default point, and where most random points are drawn."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaiopt.errors import SettingsError
from vaiopt.search.samplers import Problem, make_sampler
from vaiopt.search.samplers.encoding import draw
from vaiopt.settings import SearchSettings
from vaiopt.settings.ranges import parse_range
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective
from vaiopt.study.record import COMPLETE, TrialRecord
from vaiopt.study.trace import trace_space

RANGES = {
    "rate": {"float": [1e-5, 1e-1], "log": True, "prefer": 1e-4},
    "units": {"int": [8, 512], "step": 8, "prefer": 64},
    "kind": {"choice": ["a", "b", "c", "d"], "prefer": "c"},
    "plain": {"int": [0, 10]},
}


def build(hp):
    hp.Float("rate", 1e-5, 1e-1, sampling="log", default=1e-2)
    hp.Int("units", 8, 512, step=8)
    hp.Choice("kind", ["a", "b", "c", "d"])
    hp.Int("plain", 0, 10)


def space(**ranges):
    overrides = {name: parse_range(name, table) for name, table in {**RANGES, **ranges}.items()}
    return trace_space(build, lambda values: HyperParameters(values, overrides))


def test_a_preferred_value_is_the_default_unless_another_is_given():
    assert space().defaults() == {"rate": 1e-4, "units": 64, "kind": "c", "plain": 0}
    other = space(rate={**RANGES["rate"], "default": 1e-3})
    assert other.defaults()["rate"] == 1e-3


def test_most_points_are_drawn_around_it_and_some_anywhere():
    dimensions = {d.name: draw(d, np.random.RandomState(0), 2000) for d in space()}
    rates = np.log10(np.array(dimensions["rate"]))
    assert 0.7 < np.mean(np.abs(rates + 4) < 1) < 0.95
    assert rates.max() > -1.5 and rates.min() >= -5
    units = np.array(dimensions["units"])
    assert set(units % 8) == {0} and units.min() == 8 and units.max() > 450
    assert 0.7 < np.mean(np.abs(units - 64) <= 104) < 0.9
    kinds = dimensions["kind"]
    assert 0.75 < kinds.count("c") / 2000 < 0.9 and set(kinds) == set("abcd")
    assert abs(np.mean(dimensions["plain"]) - 5) < 0.5


@pytest.mark.parametrize("sampler", ["gp", "random", "tpe"])
def test_the_initial_points_are_around_it_whatever_the_sampler(sampler):
    settings = SearchSettings(sampler=sampler, initial_points=12)
    proposer = make_sampler(Problem(space(), settings, 0, Objective()))
    study, history = SimpleNamespace(get_trials=lambda **options: [], user_attrs={}), []
    for number in range(12):
        point = proposer.propose(study, None, history)
        history.append(TrialRecord(number, COMPLETE, value=0.5, hyperparameters=point))
    assert sum(t.hyperparameters["kind"] == "c" for t in history) >= 6
    assert len({t.hyperparameters["rate"] for t in history}) == 12


@pytest.mark.parametrize(
    "table",
    [
        {"float": [0.1, 0.2], "prefer": 0.3},
        {"float": [0.1, 0.2], "prefer": "high"},
        {"choice": ["a"], "prefer": "b"},
        {"int": [1, 4], "prefer": 2.5},
    ],
)
def test_a_preferred_value_outside_its_range_is_refused(table):
    with pytest.raises(SettingsError):
        parse_range("train.learning_rate", table)
