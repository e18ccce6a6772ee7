import math
from dataclasses import replace

import pytest

from vaiopt.errors import SettingsError
from vaiopt.settings import ObjectiveSettings, Settings, load_settings, override
from vaiopt.study.objective import Objective, check_direction, with_metric


def test_a_soft_cost_lowers_the_score_of_the_more_costly():
    objective = Objective(ObjectiveSettings(weights={"latency_ms": 0.5}))

    def score(ms):
        return objective.score({"val_accuracy": 0.9}, {"latency_ms": ms}, {"latency_ms": 2.0})

    assert score(2.0) == pytest.approx(0.9)
    assert score(8.0) == pytest.approx(0.45)
    assert score(0.5) == pytest.approx(1.8)


def test_for_a_loss_a_soft_cost_raises_the_score():
    objective = Objective(
        ObjectiveSettings(metric="val_loss", weights={"params": 1.0}, references={"params": 10.0})
    )
    assert objective.direction == "minimize"
    assert objective.score({"val_loss": 0.5}, {"params": 20.0}, {}) == pytest.approx(1.0)


def test_each_hard_limit_makes_infeasible_with_its_reason():
    objective = Objective(ObjectiveSettings(max_latency_ms=1.0, max_params=100, dpu_only=True))
    assert "max_latency_ms" in objective.infeasible({"latency_ms": 1.5})
    assert "max_params" in objective.infeasible({"latency_ms": 0.5, "params": 101})
    assert "dpu_only" in objective.infeasible({"cpu_layers": 1.0})
    assert objective.infeasible({"latency_ms": 1.0, "params": 100, "cpu_layers": 0.0}) is None


def test_a_least_rate_is_a_limit_from_below_and_more_of_it_is_a_higher_score():
    objective = Objective(ObjectiveSettings(min_fps=100.0, weights={"fps": 1.0}))
    assert "99 frames a second is below min_fps = 100" in objective.infeasible({"fps": 99.0})
    assert objective.infeasible({"fps": 100.0}) is None
    score = objective.score({"val_accuracy": 0.5}, {"fps": 200.0}, {"fps": 100.0})
    assert score == pytest.approx(1.0)


def test_prices_are_logarithms_of_which_less_is_better():
    objective = Objective(ObjectiveSettings(front=["latency_ms", "fps"]))
    assert objective.prices({"latency_ms": 1.0, "fps": 10.0}) == [0.0, -math.log(10.0)]
    assert objective.prices({"latency_ms": 1.0})[1] == math.inf
    assert objective.directions == ["maximize", "minimize", "maximize"]


@pytest.mark.parametrize("front", [["latency"], ["params", "params"]])
def test_the_costs_of_a_front_are_known_ones_each_once(front):
    with pytest.raises(SettingsError, match="objective.front"):
        override(load_settings(None), {"objective.front": front})


def test_an_unknown_cost_or_metric_is_refused_with_the_nearest():
    with pytest.raises(SettingsError, match="latency"):
        Objective(ObjectiveSettings(weights={"latency": 1.0}))
    with pytest.raises(SettingsError, match="objective.references names 'parms'"):
        Objective(ObjectiveSettings(references={"parms": 1.0}))
    with pytest.raises(SettingsError) as caught:
        Objective(ObjectiveSettings(metric="val_acuracy")).score({"val_accuracy": 1.0}, {}, {})
    assert "val_accuracy" in caught.value.hint


def test_a_metric_whose_name_does_not_tell_its_direction_is_refused_unless_it_is_said():
    unknown = ObjectiveSettings(metric="val_goodness")
    with pytest.raises(SettingsError, match="val_goodness") as caught:
        check_direction(unknown)
    assert "objective.direction" in caught.value.hint
    check_direction(replace(unknown, direction="minimize"))
    assert Objective(replace(unknown, direction="minimize")).direction == "minimize"
    check_direction(ObjectiveSettings(metric="val_hinge"))
    assert Objective(ObjectiveSettings(metric="val_hinge")).direction == "minimize"


@pytest.mark.parametrize("metric, bound", [("val_rmse", 0.0), ("val_loss", 0.0), ("val_r2", None)])
def test_errors_are_zero_at_best(metric, bound):
    assert Objective(ObjectiveSettings(metric=metric)).bound == bound


def test_auto_is_the_metric_of_the_task_of_the_data():
    settings = Settings()
    assert with_metric(settings, "regression").objective.metric == "val_rmse"
    assert with_metric(settings, "segmentation").objective.metric == "val_mean_iou"
    own = replace(settings, objective=ObjectiveSettings(metric="val_loss"))
    assert with_metric(own, "regression") is own
    assert Objective(settings.objective).metric == "val_accuracy"
