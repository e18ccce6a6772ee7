"""``hp`` answers as KerasTuner's does."""

import pytest

from vaiopt.errors import ModelError
from vaiopt.settings.ranges import parse_range
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.trace import check_overrides, trace_space


def trace(build, overrides=None):
    return trace_space(build, lambda values: HyperParameters(values, overrides))


def in_two_scopes(hp):
    kind = hp.Choice("kind", ["small", "large"])
    with hp.conditional_scope("kind", ["small"]):
        small = hp.Int("units", 8, 16)
    with hp.conditional_scope("kind", ["large"]):
        large = hp.Int("units", 32, 64)
    return small if kind == "small" else large


def in_branches(hp):
    kind = hp.Choice("kind", ["small", "large"])
    with hp.conditional_scope("kind", [kind]):
        return hp.Int("units", 8, 16) if kind == "small" else hp.Int("units", 32, 64)


def test_space_lists_what_was_asked_for():
    hp = HyperParameters({"units": 12})
    in_two_scopes(hp)
    assert [p.name for p in hp.space] == ["kind", "units", "units"]
    assert [hp.is_active(p) for p in hp.space] == [True, True, False]
    assert hp.is_active("units")
    assert not hp.is_active("other")


def test_a_copy_has_the_values_and_leaves_the_original_alone():
    hp = HyperParameters({"units": 12}, input_shape=(8, 8, 1), classes=3)
    hp.Int("units", 8, 32)
    other = hp.copy()
    other.values["units"] = 7
    other.Int("more", 1, 2)
    assert (other["units"], hp["units"], "more" in hp) == (7, 12, False)
    assert (other.input_shape, other.classes) == ((8, 8, 1), 3)
    assert other.copy().Int("units", 8, 32) == 7


def test_a_configuration_gives_the_same_again():
    hp = HyperParameters()
    in_two_scopes(hp)
    again = HyperParameters.from_config(hp.get_config())
    assert again.get_config() == hp.get_config()
    assert again.values == {"kind": "small", "units": 8}


def test_an_inactive_value_is_told_from_an_unknown_one():
    hp = HyperParameters()
    hp.Choice("kind", ["a", "b"])
    with hp.conditional_scope("kind", "b"):
        hp.Int("only_b", 1, 3)
    with pytest.raises(ValueError, match="currently inactive"):
        hp.get("only_b")
    with pytest.raises(KeyError):
        hp.get("none")
    assert "only_b" not in hp


def test_merging_takes_over_values_or_leaves_them():
    hp, other = HyperParameters(), HyperParameters()
    hp.Int("a", 0, 100)
    other.Fixed("a", 3)
    other.Choice("b", [1, 2], default=2)
    hp.merge(other, overwrite=False)
    assert (hp["a"], hp["b"]) == (0, 2)
    hp.merge(other)
    assert hp["a"] == 3


def test_a_hyperparameter_cannot_depend_on_itself():
    hp = HyperParameters()
    hp.Choice("a", [1, 2])
    with pytest.raises(ModelError, match="cannot have the same name"):
        hp.Int("a", 1, 5, parent_name="a", parent_values=[1])


@pytest.mark.parametrize("build", [in_two_scopes, in_branches])
def test_one_name_in_two_scopes_has_the_range_of_the_active_one(build):
    space = trace(build)
    assert [d.name for d in space] == ["kind", "units", "units[kind=large]"]
    large = {**space.defaults(), "kind": "large", "units[kind=large]": 40}
    assert space.active(large) == ["kind", "units[kind=large]"]
    hp = HyperParameters(large)
    hp.know(space)
    assert build(hp) == hp.get("units") == 40
    assert hp.point() == {"kind": "large", "units[kind=large]": 40}
    assert hp.met() == ()


def test_three_scopes_with_two_ranges_make_two_dimensions():
    def build(hp):
        kind = hp.Choice("kind", ["a", "b", "c"])
        with hp.conditional_scope("kind", [kind]):
            hp.Int("units", 1, 5 if kind == "a" else 9)

    space = trace(build)
    assert [d.name for d in space] == ["kind", "units", "units[kind=b]"]
    assert space.active({**space.defaults(), "kind": "c"}) == ["kind", "units[kind=b]"]


def test_the_settings_change_a_name_in_all_its_scopes():
    space = trace(in_two_scopes, {"units": parse_range("units", {"int": [4, 6]})})
    assert [(d.name, d.low, d.high) for d in space][1:] == [("units", 4, 6)]
    check_overrides(trace(in_two_scopes), ["units"])


def test_two_active_ranges_of_one_name_are_refused():
    def build(hp):
        hp.Choice("kind", ["a", "b"])
        for high in (8, 9):
            with hp.conditional_scope("kind", ["a", "b"][: high - 7]):
                hp.Int("units", 1, high)

    with pytest.raises(ModelError, match="two different ranges"):
        trace(build)


def test_a_range_in_the_settings_keeps_a_default_that_it_has():
    overrides = {"units": parse_range("units", {"int": [8, 64], "step": 8})}
    for default, start in ((32, 32), (33, 8)):
        hp = HyperParameters(None, overrides)
        assert hp.Int("units", 1, 100, default=default) == start
