"""A search for a front, and one below a limit, with real trainings."""

import json

import pytest

from tests.search.quick import SETTINGS
from vaiopt.errors import RunError, SettingsError
from vaiopt.record import read_record, write_record
from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.search.training.afterwards import Afterwards
from vaiopt.settings import override
from vaiopt.study.objective import Objective
from vaiopt.study.price import Price, PricedPoint, Survey
from vaiopt.study.ranking import Front
from vaiopt.study.record import COMPLETE, INFEASIBLE
from vaiopt.study.storage import open_study
from vaiopt.study.trials import load_trials

FRONT = override(SETTINGS, ['objective.front=["params"]', "search.trials=5"])

pytestmark = pytest.mark.usefixtures("short_look")


def points(run):
    return [t.hyperparameters for t in load_trials(run)]


def test_the_study_has_a_direction_for_each_cost_and_the_front_keeps_its_models(tmp_path):
    run = Run(tmp_path / "run")
    search_run(override(FRONT, ["search.keep_models=1"]), run.folder)
    study, trials = open_study(run), load_trials(run)
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    for held, trial in zip(study.get_trials(), trials):
        assert held.values == [trial.value, trial.costs["params"]]
    front = Front(Objective(FRONT.objective), trials).trials
    kept = {c.number for c in run.candidates() if c.model.is_file()}
    assert {t.number for t in front} <= kept
    assert len(kept) <= len(front) + 3  # the default's, the best's and the chosen one's


@pytest.mark.parametrize("also", [[], ["objective.max_params=5000"]])
def test_a_search_that_goes_on_proposes_what_it_would_have(tmp_path, also):
    settings = override(FRONT, also)
    whole, parts = Run(tmp_path / "whole"), Run(tmp_path / "parts")
    search_run(settings, whole.folder)
    for trials in (1, 4, 5):
        search_run(override(settings, {"search.trials": trials}), parts.folder)
    assert points(parts) == points(whole)
    assert len(read_record(whole.survey, Survey, "").points) > 20


def test_workers_search_a_front_below_a_limit_too(tmp_path):
    run = Run(tmp_path / "run")
    settings = ["search.workers=2", "search.trials=4", "objective.max_params=5000"]
    search_run(override(FRONT, settings), run.folder)
    trials = load_trials(run)
    assert [t.status for t in trials] == [COMPLETE] * 4
    assert all(t.costs["params"] <= 5000 for t in trials)
    assert len({repr(p) for p in points(run)}) == 4


def test_a_limit_that_nothing_keeps_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(SettingsError, match="keeps the limits; the nearest: "):
        search_run(override(SETTINGS, ["objective.max_params=10"]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


DEADLY = """
import os
import tensorflow as tf

def build_model(hp):
    units = hp.Int("units", 4, 16)  # more values than are tried beforehand
    if units == 6:
        os.kill(os.getpid(), 9)
    layers = [tf.keras.layers.Input(hp.input_shape), tf.keras.layers.Flatten()]
    model = tf.keras.Sequential([*layers, tf.keras.layers.Dense(units), tf.keras.layers.Dense(10)])
    model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model
"""


def test_a_model_that_ends_its_process_is_left_out_and_no_other(tmp_path):
    (tmp_path / "deadly.py").write_text(DEADLY)
    family = "model.family={}".format(json.dumps(str(tmp_path / "deadly.py")))
    settings = [family, "search.workers=1", "search.trials=2", "objective.max_params=4000"]
    run = Run(tmp_path / "run")
    search_run(override(SETTINGS, settings), run.folder)
    seen = read_record(run.survey, Survey, "").points
    dead = {p.point["units"]: "failed" in p.price.refused for p in seen}
    assert dead == {units: units == 6 for units in range(4, 17)}
    assert [t.status for t in load_trials(run)] == [COMPLETE] * 2


def test_a_survey_that_holds_nothing_of_the_space_is_made_anew(tmp_path):
    run = Run(tmp_path / "run")
    search_run(override(FRONT, ["search.trials=1"]), run.folder)
    write_record(run.survey, Survey((PricedPoint({"nodes": -1}, Price({"params": 1.0})),)))
    search_run(override(FRONT, ["search.trials=3"]), run.folder)
    assert len(read_record(run.survey, Survey, "").points) > 20


def test_another_front_needs_another_run(tmp_path):
    search_run(override(FRONT, ["search.trials=1"]), tmp_path / "run")
    for other in ([], ["macs"], ["params", "macs"]):
        with pytest.raises(RunError, match="of another search: objective.front") as caught:
            settings = override(FRONT, {"objective.front": other})
            search_run(settings, tmp_path / "run", accept=True)
        assert "search.start_from=" in caught.value.hint


def test_a_cost_that_is_nothing_on_the_target_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="objective.front names dpu_latency_ms"):
        settings = override(SETTINGS, ['objective.front=["dpu_latency_ms"]'])
        search_run(settings, tmp_path / "run")


class Picky(Afterwards):
    """Takes no model of more than a hidden layer."""

    def check(self, model):
        if len([layer for layer in model.layers if layer.__class__.__name__ == "Dense"]) > 2:
            raise SettingsError("too deep", "Take fewer.")


class Refusing(Afterwards):
    def check(self, model):
        raise SettingsError("never", "Never.")


def test_trials_count_trainings_not_what_a_later_step_refuses(tmp_path):
    run = Run(tmp_path / "run")
    search_run(override(SETTINGS, ["search.trials=3"]), run.folder, afterwards=Picky())
    states = [t.status for t in load_trials(run)]
    assert states.count(COMPLETE) == 3
    front = Run(tmp_path / "front")
    search_run(override(FRONT, ["search.trials=3"]), front.folder, afterwards=Picky())
    assert [t.status for t in load_trials(front)] == [COMPLETE] * 3


def test_a_search_whose_points_are_all_refused_ends(tmp_path, monkeypatch):
    from vaiopt.search import loop

    monkeypatch.setattr(loop, "MOST_REFUSED", 4)
    lines = []
    run = Run(tmp_path / "run")
    with pytest.raises(RunError, match="no trial of"):
        search_run(SETTINGS, run.folder, progress=lines.append, afterwards=Refusing())
    assert [t.status for t in load_trials(run)] == [INFEASIBLE] * 4
    assert any("refused before training" in line for line in lines)
