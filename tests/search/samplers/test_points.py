import pytest

from tests.search.samplers.conditional_space import SPACE
from vaiopt.errors import SettingsError
from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.search.samplers import Problem, make_sampler
from vaiopt.search.samplers.points import given_points
from vaiopt.settings import SearchSettings, load_settings, override
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective
from vaiopt.study.trace import trace_space
from vaiopt.study.trials import load_trials


def points(*given):
    return given_points(SPACE, given)


def test_what_a_point_leaves_out_stands_at_its_default_and_a_whole_number_may_stand_for_a_float():
    assert points({"nodes": 16}, {"optimizer": "sgd", "momentum": 0}) == [
        {"optimizer": "adam", "momentum": 0.0, "nodes": 16},
        {"optimizer": "sgd", "momentum": 0.0, "nodes": 8},
    ]


def test_points_that_come_to_the_same_are_tried_once():
    assert len(points({"nodes": 16}, {"nodes": 16, "momentum": 0.5})) == 1


@pytest.mark.parametrize(
    "point, message, hint",
    [
        ({"node": 16}, "point 1 of search.points names an unknown hyperparameter 'node'", "nodes"),
        ({"nodes": 12}, "nodes cannot be 12", "8 to 64 in steps of 8"),
        ({"nodes": "16"}, "nodes cannot be '16'", "8 to 64"),
        ({"optimizer": "rmsprop"}, "optimizer cannot be 'rmsprop'", "'adam', 'sgd'"),
        ({"optimizer": "sgd", "momentum": 1.5}, "momentum cannot be 1.5", "0.0 to 0.9"),
    ],
)
def test_a_point_that_does_not_fit_the_space_is_refused(point, message, hint):
    with pytest.raises(SettingsError) as caught:
        points(point)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_points_and_a_grid_exclude_each_other():
    with pytest.raises(SettingsError, match="the sampler is a grid"):
        settings = SearchSettings(points=[{"nodes": 16}], sampler="grid")
        make_sampler(Problem(SPACE, settings, 0, Objective()))


@pytest.mark.parametrize("sampler", ["gp", "random"])
def test_a_search_tries_the_default_then_the_given_points_then_its_own_and_goes_on_alike(
    tmp_path, sampler
):
    settings = override(
        load_settings(
            None,
            [
                "train.epochs=1",
                "data.limit=200",
                "model.family=mlp_tabular",
                "search.pruner=none",
                "search.workers=0",
            ],
        ),
        [
            f"search.sampler={sampler}",
            "search.points=[{layers=3, nodes=32}, {nodes=128, dropout=0.5}]",
            "search.keep_models=1",
            "search.trials=2",
        ],
    )
    search_run(settings, tmp_path / "run")
    search_run(override(settings, ["search.trials=4"]), tmp_path / "run")
    found = [t.hyperparameters for t in load_trials(Run(tmp_path / "run"))]
    assert (found[0]["layers"], found[0]["nodes"]) == (2, 64)
    assert (found[1]["layers"], found[1]["nodes"], found[1]["dropout"]) == (3, 32, 0.0)
    assert (found[2]["layers"], found[2]["nodes"], found[2]["dropout"]) == (2, 128, 0.5)
    assert len({repr(point) for point in found}) == 4
    kept = sorted((tmp_path / "run" / "trials").glob("*/model.h5"))
    assert len(kept) <= 2  # the best and the default point's


def test_a_bad_point_leaves_no_run_behind(tmp_path):
    settings = load_settings(
        None, ["search.points=[{nodez=1}]", "search.workers=0", "data.limit=200"]
    )
    with pytest.raises(SettingsError, match="nodez"):
        search_run(settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_name_in_two_scopes_means_the_active_one():
    def build(hp):
        kind = hp.Choice("kind", ["small", "large"])
        with hp.conditional_scope("kind", [kind]):
            hp.Int("units", 1, 9) if kind == "small" else hp.Int("units", 90, 99)

    space = trace_space(build, HyperParameters)
    assert given_points(space, [{"units": 95, "kind": "large"}, {"units": 5}]) == [
        {"kind": "large", "units": 1, "units[kind=large]": 95},
        {"kind": "small", "units": 5, "units[kind=large]": 90},
    ]
    with pytest.raises(SettingsError, match="units cannot be 5"):
        given_points(space, [{"units": 5, "kind": "large"}])
