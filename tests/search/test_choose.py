"""The choice of a trial: what must be there, and what is made again."""

import json

import pytest

from tests.search.quick import SETTINGS
from vaiopt.data import read_recipe
from vaiopt.errors import RunError, SettingsError
from vaiopt.record import read_record
from vaiopt.runs.layout import Run
from vaiopt.runs.records import CandidateMetrics, Chosen
from vaiopt.search import choose_trial, prepare_candidate, search_run
from vaiopt.settings import override
from vaiopt.study.record import PRUNED, TrialRecord
from vaiopt.study.trials import load_trials


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("choose") / "run"
    search_run(override(SETTINGS, ["search.trials=2"]), folder)
    return Run(folder)


def test_metrics_are_those_of_the_trial(run):
    for trial in load_trials(run):
        candidate = prepare_candidate(run, SETTINGS, trial)
        metrics = read_record(candidate.metrics, CandidateMetrics, "")
        assert (metrics.trial, metrics.objective.value) == (trial.number, trial.value)
        assert metrics.hyperparameters == trial.hyperparameters
        assert metrics.costs == trial.costs and metrics.measured_latency_ms is None


@pytest.mark.parametrize("content", [None, "{", "{}", '{"version": 1, "name": 3}'])
def test_a_recipe_that_is_missing_or_damaged_is_made_again(run, content):
    trial = load_trials(run)[1]
    good = read_recipe(prepare_candidate(run, SETTINGS, trial))
    path = run.trial(1).data
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(RunError) as caught:
        read_recipe(run.trial(1))
    assert f"vaiopt choose {run.folder} --trial 1" in caught.value.hint
    choose_trial(run, SETTINGS, trial, why="person")
    assert read_recipe(run.chosen) == good


def test_what_cannot_be_chosen_leaves_the_choice(run, tmp_path):
    first, second = load_trials(run)
    choose_trial(run, SETTINGS, first)
    with pytest.raises(RunError, match="trial 7 is pruned, not complete"):
        choose_trial(run, SETTINGS, TrialRecord(7, PRUNED))
    model = run.trial(1).model
    model.rename(tmp_path / "model.h5")
    with pytest.raises(RunError, match="the model of trial 1 was not kept"):
        choose_trial(run, SETTINGS, second)
    (tmp_path / "model.h5").rename(model)
    assert run.read_chosen() == Chosen((0,))
    assert json.loads(run.chosen_file.read_text())["version"] == 1


def test_a_search_chooses_the_cheapest_of_use_and_says_so(tmp_path):
    lines = []
    settings = override(SETTINGS, ["search.trials=2", "objective.min_metric=0.01"])
    result = search_run(settings, tmp_path / "run", progress=lines.append)
    chosen = Run(tmp_path / "run").read_chosen()
    assert result.chosen.costs["params"] == min(
        trial.costs["params"] for trial in load_trials(Run(tmp_path / "run"))
    )
    assert (chosen.trials, chosen.why) == ((result.chosen.number,), "objective")
    assert "is the cheapest of 2 trials that reach min_metric = 0.01" in chosen.reason
    assert f"note: {chosen.reason}" in lines


def test_an_accuracy_that_no_model_can_have_is_refused_before_the_search(tmp_path):
    with pytest.raises(SettingsError, match="an accuracy of 97 is asked for"):
        search_run(override(SETTINGS, ["objective.min_metric=97"]), tmp_path / "run")
    assert not (tmp_path / "run").exists()
