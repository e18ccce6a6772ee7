import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiopt.errors import ModelError, SettingsError
from vaiopt.settings.ranges import parse_range
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.space import Space
from vaiopt.study.trace import BuildFailed, check_overrides, trace_space


def trace(build, overrides=None):
    return trace_space(build, lambda values: HyperParameters(values, overrides))


def by_name(space):
    return {d.name: d for d in space}


def layers_by_loop(hp):
    for i in range(hp.Int("layers", 1, 4)):
        hp.Int(f"units_{i}", 8, 64, step=8)


def test_branches_written_as_plain_python_become_conditions():
    space = trace(layers_by_loop)
    assert by_name(space)["units_2"].conditions == ((("layers", (3, 4)),),)
    assert space.active({**space.defaults(), "layers": 2}) == ["layers", "units_0", "units_1"]


def test_conditional_scope_gives_conditions_and_none_outside_it():
    answers = []

    def build(hp):
        hp.Choice("optimizer", ["adam", "sgd"])
        with hp.conditional_scope("optimizer", ["sgd"]):
            answers.append(hp.Float("momentum", 0.0, 0.9))

    space = trace(build)
    assert by_name(space)["momentum"].conditions == ((("optimizer", ("sgd",)),),)
    assert answers[0] is None
    assert 0.0 in answers


def test_a_branch_below_a_branch_is_found():
    def build(hp):
        if hp.Boolean("outer") and hp.Boolean("inner"):
            hp.Int("deep", 1, 3)

    space = trace(build)
    assert [d.name for d in space] == ["outer", "inner", "deep"]
    assert space.active({"outer": False, "inner": True, "deep": 2}) == ["outer"]


def test_inactive_values_stand_at_their_default_in_the_canonical_point():
    space = trace(layers_by_loop)
    point = {"layers": 1, "units_0": 64, "units_1": 48, "units_2": 8, "units_3": 16}
    assert space.canonical(point) == {
        "layers": 1,
        "units_0": 64,
        "units_1": 8,
        "units_2": 8,
        "units_3": 8,
    }


def test_a_space_survives_json():
    space = trace(layers_by_loop)
    assert Space.from_json(json.loads(json.dumps(space.to_json()))) == space


def test_one_name_with_two_ranges_is_refused():
    def build(hp):
        hp.Int("units", 1, 5)
        hp.Int("units", 1, 6)

    with pytest.raises(ModelError) as caught:
        trace(build)
    assert (
        caught.value.message
        == "the model function asks for 'units' with two different ranges or defaults"
    )
    assert caught.value.hint == "Give each of them a name of its own."


def test_a_range_that_depends_on_another_value_is_refused():
    def build(hp):
        hp.Int("units", 1, hp.Choice("most", [5, 9]))

    with pytest.raises(ModelError, match="depend on other values"):
        trace(build)


@pytest.mark.parametrize(
    "ask, message",
    [
        (lambda hp: hp.Int("x", 5, 1), "hyperparameter 'x' has an empty range [5, 1]"),
        (
            lambda hp: hp.Int("x", 1, 5, default=9),
            "the default 9 of hyperparameter 'x' is not in its range",
        ),
        (
            lambda hp: hp.Float("x", 0.0, 1.0, sampling="log"),
            "hyperparameter 'x' has a logarithmic range from 0",
        ),
        (lambda hp: hp.Choice("x", []), "hyperparameter 'x' has no values to choose from"),
        (
            lambda hp: hp.Choice("x", ["a"], default="b"),
            "the default 'b' of hyperparameter 'x' is not in its range",
        ),
        (lambda hp: hp.Int("x", 1, 5, step=0), "hyperparameter 'x' has a step of 0"),
    ],
)
def test_an_impossible_range_is_refused_by_name(ask, message):
    with pytest.raises(ModelError) as caught:
        trace(ask)
    assert caught.value.message == message


def test_a_point_at_which_the_function_fails_tells_nothing_but_the_default_must_work():
    def build(hp):
        if hp.Int("x", 1, 3) == 2:
            raise BuildFailed("no", "no")

    assert [d.name for d in trace(build)] == ["x"]
    with pytest.raises(BuildFailed):
        trace(lambda hp: layers_by_loop(hp) or (_ for _ in ()).throw(BuildFailed("no", "no")))


def test_settings_fix_or_change_a_hyperparameter():
    overrides = {"layers": 2, "units_0": parse_range("units_0", {"choice": [8, 16]})}
    space = trace(layers_by_loop, overrides)
    assert by_name(space)["layers"].grid() == [2]
    assert by_name(space)["units_0"].grid() == [8, 16]
    with pytest.raises(SettingsError, match="units_9"):
        check_overrides(space, ["units_9"])


def test_kerastuners_names_and_scopes_work():
    def build(hp):
        with hp.name_scope("head"):
            hp.Fixed("kind", "dense")
            assert hp.get("kind") == hp["kind"] == "dense"
        hp.Int("units", 32, 512, step=2, sampling="log")
        hp.Float(
            "rate", 1e-4, 1e-2, sampling="log", parent_name="head/kind", parent_values=["dense"]
        )

    space = by_name(trace(build))
    assert space["units"].grid() == [32, 64, 128, 256, 512]
    assert space["rate"].conditions == ((("head/kind", ("dense",)),),)


@given(st.integers(-50, 50), st.integers(0, 100), st.integers(1, 20))
def test_every_value_of_a_grid_is_contained_and_within_the_range(low, width, step):
    hp = HyperParameters()
    hp.Int("x", low, low + width, step=step)
    dimension = hp.dimensions["x"]
    grid = dimension.grid()
    assert grid[0] == low
    assert all(dimension.contains(v) and low <= v <= low + width for v in grid)
    assert not dimension.contains(low + width + 1)


def counting(build):
    """Return a model function and the list of its calls' hyperparameters."""
    calls = []

    def counted(hp):
        calls.append(hp)
        build(hp)

    return counted, calls


def deep(hp):
    for i in range(hp.Int("layers", 2, 20)):
        hp.Int(f"units_{i}", 32, 512, step=32)
        if hp.Boolean(f"dropout_{i}"):
            hp.Float(f"rate_{i}", 0.1, 0.5, step=0.1)
    hp.Choice("rate", [1e-2, 1e-3, 1e-4])


def test_a_family_of_hyperparameters_is_traced_in_few_calls():
    build, calls = counting(deep)
    space = by_name(trace(build))
    assert len(calls) <= 25
    assert len(space) == 62
    assert space["units_12"].conditions == ((("layers", tuple(range(12, 21))),),)
    assert [space[f"rate_{i}"].conditions for i in range(20)] == [
        (((f"dropout_{i}", (True,)),),) for i in range(20)
    ]


def test_where_an_end_fails_the_last_value_that_builds_is_looked_for():
    def build(hp):
        for i in range(hp.Int("layers", 1, 14)):
            hp.Int(f"filters_{i}", 4, 32)
            if i == 3:
                raise BuildFailed("too deep", "shallower")

    assert list(by_name(trace(build))) == ["layers", "filters_0", "filters_1", "filters_2"]


def test_a_name_in_two_branches_of_one_range_is_active_in_both():
    def build(hp):
        kind = hp.Choice("kind", ["a", "b", "c"])
        if kind != "c":
            with hp.conditional_scope("kind", [kind]):
                hp.Int("units", 1, 5)

    units = by_name(trace(build))["units"]
    assert units.conditions == ((("kind", ("a",)),), (("kind", ("b",)),))
