"""Model functions whose parameters are the hyperparameters, as scikit-learn's users write them."""

import functools

import pytest

from vaiopt.errors import ModelError, SettingsError
from vaiopt.models.keyword_function import KeywordFunction, with_hp
from vaiopt.settings.ranges import parse_range
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.trace import check_overrides, trace_space

RANGES = {
    "learning_rate": parse_range("learning_rate", {"float": [1e-4, 1e-1], "log": True}),
    "layers": parse_range("layers", {"int": [1, 5]}),
}


def create_model(learning_rate=0.01, layers=2, activation="relu", optimizer=dict):
    return learning_rate, layers, activation, optimizer


def trace(function, overrides):
    return trace_space(with_hp(function), lambda values: HyperParameters(values, overrides))


def test_ranges_come_from_the_settings_and_defaults_are_the_default_point():
    space = trace(create_model, RANGES)
    assert space.defaults() == {"learning_rate": 0.01, "layers": 2, "activation": "relu"}
    assert [d.name for d in space.searched()] == ["learning_rate", "layers"]


def test_a_point_reaches_the_function_by_name():
    point = {"learning_rate": 0.1, "layers": 5}
    assert with_hp(create_model)(HyperParameters(point, RANGES)) == (0.1, 5, "relu", dict)


def test_a_fixed_value_in_the_settings_takes_the_place_of_a_default():
    hp = HyperParameters({}, {"activation": "tanh"})
    assert with_hp(create_model)(hp)[2] == "tanh"


def test_a_range_for_no_parameter_is_refused():
    with pytest.raises(SettingsError, match="layer'") as caught:
        check_overrides(trace(create_model, {"layer": RANGES["layers"]}), ["layer"])
    assert "layers" in caught.value.hint


def test_without_any_range_the_parameters_are_named():
    with pytest.raises(SettingsError, match="learning_rate, layers, activation") as caught:
        with_hp(create_model).check_ranges({"layers": 3})
    assert "[model.hyperparameters]" in caught.value.hint
    with_hp(create_model).check_ranges(RANGES)


def test_a_parameter_without_default_needs_a_range_or_value():
    def build(units, layers):
        return units, layers

    with pytest.raises(ModelError, match="'units' of build has neither"):
        with_hp(build)(HyperParameters({}, RANGES))
    assert with_hp(build)(HyperParameters({}, {**RANGES, "units": 8})) == (8, 1)


def test_keyword_only_parameters_count_too():
    def build(*, layers=3):
        return layers

    assert with_hp(build)(HyperParameters({}, RANGES)) == 3


@pytest.mark.parametrize(
    "function",
    [
        lambda hp: hp.Int("layers", 1, 5),
        lambda hp, extra=1: hp.Int("layers", 1, 5),
        functools.partial(lambda hp, low: hp.Int("layers", low, 5), low=1),
        lambda h: h.Int("layers", 1, 5),
        lambda params=None: params.Int("layers", 1, 5),
        lambda *args: args[0].Int("layers", 1, 5),
    ],
)
def test_a_function_of_hp_is_called_with_it_whatever_it_calls_it(function):
    found = with_hp(function)
    assert found(HyperParameters({"layers": 4})) == 4
    if isinstance(found, KeywordFunction):
        found.check_ranges({})


def test_one_parameter_that_the_settings_name_is_a_hyperparameter():
    assert with_hp(lambda layers: layers)(HyperParameters({"layers": 4}, RANGES)) == 4


def test_a_function_of_nothing_has_nothing_to_search():
    with pytest.raises(ModelError, match="takes no hyperparameters"):
        with_hp(lambda: None)
