import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiopt.errors import SettingsError
from vaiopt.search.samplers.grid import Grid, plan_grid
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.trace import trace_space


def conditional(hp):
    layers = hp.Int("layers", 1, 3, default=2)
    for index in range(1, layers + 1):
        hp.Choice(f"nodes{index}", [8, 16, 32])
    hp.Float("rate", 1e-4, 1e-1, sampling="log", default=1e-3)
    hp.Boolean("norm")


SPACE = trace_space(conditional, HyperParameters)


def test_the_grid_has_every_canonical_point_once():
    grid = Grid(SPACE, 4)
    assert grid.size == (3 + 9 + 27) * 4 * 2
    points = [grid.point(place) for place in range(grid.size)]
    assert len({repr(sorted(p.items())) for p in points}) == len(points)
    assert all(SPACE.canonical(p) == p for p in points)
    assert sorted({p["rate"] for p in points}) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])


def test_the_default_comes_first_and_each_point_once():
    points = plan_grid(SPACE, resolution=4, fraction=1.0, limit=1000, seed=0)
    assert points[0] == SPACE.defaults()
    assert len({repr(sorted(p.items())) for p in points}) == len(points) == 312
    assert plan_grid(SPACE, resolution=4, fraction=1.0, limit=1000, seed=1) != points


@given(st.floats(0.01, 1.0), st.integers(0, 5))
def test_a_fraction_is_a_random_part_of_the_grid(fraction, seed):
    points = plan_grid(SPACE, resolution=4, fraction=fraction, limit=1000, seed=seed)
    wanted = max(1, int(fraction * 312 + 0.5))
    assert wanted <= len(points) <= wanted + 1  # the default is one of them, or comes in addition
    assert plan_grid(SPACE, resolution=4, fraction=fraction, limit=1000, seed=seed) == points


def huge(hp):
    for index in range(12):
        hp.Int(f"x{index}", 1, 50)


def test_a_grid_of_too_many_points_says_how_many_and_which_fraction_would_do():
    space = trace_space(huge, HyperParameters)
    with pytest.raises(SettingsError) as caught:
        plan_grid(space, resolution=5, fraction=1.0, limit=1000, seed=0)
    assert f"{50**12:,}" in caught.value.message
    fraction = float(caught.value.hint.split("grid_fraction=")[1].split(",")[0])
    assert len(plan_grid(space, resolution=5, fraction=fraction, limit=1000, seed=0)) <= 1001
