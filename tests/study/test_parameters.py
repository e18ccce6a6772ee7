"""Hyperparameters have KerasTuner's values, conditions and samplings."""

import math

import numpy as np
import pytest

from vaiopt.errors import ModelError
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.parameters import Boolean, Choice, Fixed, Float, Int, deserialize, serialize
from vaiopt.study.surrogate import from_unit, to_unit
from vaiopt.study.trials import distribution


@pytest.mark.parametrize(
    "given, log, reverse",
    [
        ("linear", False, False),
        (None, False, False),
        ("LOG", True, False),
        ("Reverse_Log", True, True),
    ],
)
def test_the_name_of_a_sampling_is_read_in_any_case(given, log, reverse):
    for kind in (Int, Float):
        dimension = kind("x", 1, 100, sampling=given).dimension()
        assert (dimension.log, dimension.reverse) == (log, reverse)


@pytest.mark.parametrize("kind", [Int, Float])
def test_an_unknown_sampling_is_refused_with_the_nearest_name(kind):
    with pytest.raises(ModelError, match="lgo") as caught:
        kind("rate", 1, 2, sampling="lgo")
    assert "'log'" in caught.value.hint


@pytest.mark.parametrize("sampling", ["linear", "log", "reverse_log"])
@pytest.mark.parametrize("probability", [0.0, 0.3, 0.5, 0.99])
def test_a_probability_becomes_a_value_by_kerastuners_formula(sampling, probability):
    low, high = 1e-3, 1e1
    expected = {
        "linear": low + probability * (high - low),
        "log": low * (high / low) ** probability,
        "reverse_log": high + low - low * (high / low) ** (1 - probability),
    }[sampling]
    rate = Float("rate", low, high, sampling=sampling)
    assert math.isclose(rate.prob_to_value(probability), expected, rel_tol=1e-9)
    assert math.isclose(rate.value_to_prob(expected), probability, abs_tol=1e-9)
    dimension = rate.dimension()
    assert math.isclose(to_unit(dimension, from_unit(dimension, probability)), probability)


def test_steps_of_a_mirrored_range_grow_from_its_upper_end():
    rate = Float("rate", 0.01, 100, step=10, sampling="reverse_log")
    assert rate.dimension().grid() == [0.01, 90.01, 99.01, 99.91, 100.0]
    assert math.isclose(rate.prob_to_value(0.3), 99.91)


def test_optuna_holds_a_mirrored_range_as_plain_numbers():
    found = distribution(Float("rate", 1e-3, 1.0, sampling="reverse_log").dimension())
    assert (found.low, found.high, found.log) == (1e-3, 1.0, False)


@pytest.mark.parametrize(
    "ask",
    [
        lambda hp: hp.Int("x", np.int64(8), np.int64(32)),
        lambda hp: hp.Int("x", 8.0, 3.2e1, step=np.float32(8), default=np.int32(8)),
        lambda hp: hp.Choice("x", list(np.array([8, 16]))),
        lambda hp: hp.Choice("x", np.array([8, 16]), default=np.int64(8)),
        lambda hp: hp.Fixed("x", np.int8(8)),
    ],
)
def test_whole_numbers_of_any_type_are_ints(ask):
    hp = HyperParameters()
    assert ask(hp) == 8
    assert type(hp.values["x"]) is int
    assert all(type(value) is int for value in hp.dimensions["x"].grid())


@pytest.mark.parametrize(
    "ask, says",
    [
        (lambda hp: hp.Int("x", 1.5, 64), "'x' has min_value=1.5, which must be an int"),
        (lambda hp: hp.Int("x", 1, 64, step=0.5), "'x' has step=0.5"),
        (lambda hp: hp.Int("x", "1", 64), "'x' has min_value=1"),
        (lambda hp: hp.Float("x", 0, math.nan), "'x' has max_value=nan"),
        (lambda hp: hp.Float("x", -math.inf, 0), "'x' has min_value=-inf"),
        (lambda hp: hp.Choice("x", [[16, 8], [32]]), r"'x' cannot have the value \[16, 8\]"),
        (lambda hp: hp.Choice("x", [(3, 3), (5, 5)]), r"'x' cannot have the value \(3, 3\)"),
        (lambda hp: hp.Choice("x", [dict, list]), "'x' cannot have the value .*a class"),
        (lambda hp: hp.Choice("x", [math.nan]), "'x' cannot have the value nan"),
        (lambda hp: hp.Choice("x", [1, 10**30]), "'x' cannot have the value 10000"),
        (lambda hp: hp.Choice("x", [1, True]), "'x' has the values 1 and True"),
        (lambda hp: hp.Fixed("x", [1]), "'x' cannot have the value"),
        (lambda hp: hp.Boolean("x", default="yes"), "the default 'yes'"),
    ],
)
def test_what_no_hyperparameter_can_be_is_refused_by_name(ask, says):
    with pytest.raises(ModelError, match=says):
        ask(HyperParameters())


def test_a_value_that_stands_twice_is_one():
    assert Choice("x", [8, 8, 16]).values == [8, 16]


def test_errors_are_also_those_that_kerastuner_raises():
    with pytest.raises(ValueError):
        Int("x", 5, 1)
    with pytest.raises(TypeError):
        Choice("x", [{"a": 1}])


@pytest.mark.parametrize(
    "parameter",
    [
        Int("x", 1, 9, step=2, default=3),
        Float("x", 0.1, 1.0, sampling="log"),
        Choice("x", ["a", "b"], default="b"),
        Boolean("x", default=True),
        Fixed("x", 3.5),
    ],
)
def test_each_survives_its_configuration_and_samples_its_values(parameter):
    again = deserialize(serialize(parameter))
    assert again.get_config() == parameter.get_config()
    assert again.dimension() == parameter.dimension()
    assert parameter.random_sample(7) == again.random_sample(7)
    assert parameter.dimension().contains(parameter.random_sample(7))
    assert parameter.default in list(parameter.values) or parameter.dimension().step is None
