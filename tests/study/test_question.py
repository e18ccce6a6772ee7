"""What is asked of the trials of a search, and which of them is the answer."""

import math

import pytest

from vaiopt.errors import RunError, SettingsError
from vaiopt.runs.layout import Run
from vaiopt.settings import load_settings
from vaiopt.study.objective import Objective
from vaiopt.study.question import Question, answer, ask, bound_of_metric, own_choice
from vaiopt.study.ranking import Front, best_first, fronts, knee
from vaiopt.study.record import COMPLETE, FAILED, TrialRecord

FRONT = 'objective.front=["latency_ms"]'


def trial(number, accuracy, latency, params=1000.0, samples=100_000, **more):
    fps = 1000.0 / latency
    costs = {"latency_ms": latency, "dpu_latency_ms": latency / 2, "params": params, "fps": fps}
    metrics = {"val_accuracy": accuracy, "val_loss": 1 - accuracy}
    record = {"metrics": metrics, "samples": samples, "costs": costs, **more}
    return TrialRecord(number, COMPLETE, value=accuracy, **record)


TRIALS = (
    trial(0, 0.90, 0.2, 9000.0),
    trial(1, 0.96, 0.3, 4000.0),
    trial(2, 0.97, 0.5, 3000.0),
    trial(3, 0.98, 1.0, 5000.0),
    trial(4, 0.95, 2.0, 1000.0),
)


def objective(*overrides):
    return Objective(load_settings(None, list(overrides)).objective)


def number(question, *overrides, trials=TRIALS):
    found = answer(question, trials, objective(*overrides))
    return None if found is None else found.trial.number


@pytest.mark.parametrize(
    "question, expected",
    [
        (Question(min_metric=0.95), 1),
        (Question(min_metric=0.97), 2),
        (Question(min_metric=0.97, max_params=2000.0), None),
        (Question(min_metric=0.95, max_params=2000.0), 4),
        (Question(max_latency_ms=0.5), 2),
        (Question(max_latency_ms=0.49), 1),
        (Question(min_fps=3000.0), 1),
        (Question(max_params=4000.0, min_fps=1500.0), 2),
        (Question(), 3),
        (Question(knee=True), 1),
        (Question(knee=True, min_metric=0.97), 3),
        (Question(knee=True, max_latency_ms=0.1), None),
    ],
)
def test_the_cheapest_above_a_bound_the_best_within_limits_or_the_knee(question, expected):
    assert number(question) == expected


def test_cheap_is_the_first_cost_of_the_front_else_the_latency_on_a_dpu_else_parameters():
    question = Question(min_metric=0.95)
    assert number(question) == 1
    assert number(question, 'objective.front=["params", "latency_ms"]') == 4
    assert number(question, 'objective.front=["fps"]') == 1
    on_cpu = [trial(t.number, t.value, 1.0, t.costs["params"]) for t in TRIALS]
    on_cpu = [TrialRecord(**{**vars(t), "costs": {"params": t.costs["params"]}}) for t in on_cpu]
    assert number(question, trials=on_cpu) == 4


def test_a_metric_to_minimise_is_bounded_from_above():
    assert number(Question(min_metric=0.04), "objective.metric=val_loss") == 1
    text = dict(Question(min_metric=0.01).misses(TRIALS[3], objective("objective.metric=val_loss")))
    assert list(text.values()) == ["val_loss 0.02 is above min_metric = 0.01"]


def test_a_bound_is_kept_by_a_metric_that_was_rounded_to_32_bits():
    rounded = trial(0, 0.9599999785423279, 0.2)
    assert number(Question(min_metric=0.96), trials=[rounded]) == 0
    assert number(Question(min_metric=0.96001), trials=[rounded]) is None


def test_what_cannot_be_told_from_the_best_goes_to_the_cheaper_and_it_says_so():
    few = [trial(t.number, t.value, t.costs["latency_ms"], samples=360) for t in TRIALS]
    found = answer(Question(max_latency_ms=1.0), few, objective())
    assert found.trial.number == 1
    assert found.reason == (
        "trial 1 (96.00 %, 0.3 ms) cannot be told from trial 3 (98.00 %, 1 ms) on 360 validation"
        " samples (95 %), and is cheaper"
    )
    assert number(Question(max_latency_ms=1.0), "objective.metric=val_loss", trials=few) == 3
    other = [*few[:3], trial(3, 0.98, 1.0, samples=350)]
    assert number(Question(max_latency_ms=1.0), trials=other) == 3, "on other samples"
    assert answer(Question(max_latency_ms=1.0), TRIALS, objective()).reason == ""


def test_a_score_that_weighs_costs_already_decides_itself():
    few = [trial(t.number, t.value, t.costs["latency_ms"], samples=360) for t in TRIALS]
    assert number(Question(), "objective.weights={latency_ms = 0.01}", trials=few) == 3


def test_a_measured_latency_counts_before_the_predicted_one():
    slow = trial(5, 0.99, 0.4, measured_latency_ms=3.0)
    assert number(Question(max_latency_ms=1.0), trials=[*TRIALS, slow]) == 3
    assert number(Question(min_metric=0.97), trials=[*TRIALS, slow]) == 2


@pytest.mark.parametrize(
    "bounds",
    [
        {"max_latency_ms": 0.0},
        {"min_fps": -1.0},
        {"max_params": math.nan},
        {"min_metric": math.inf},
    ],
)
def test_a_bound_that_is_none_is_refused(bounds):
    with pytest.raises(SettingsError, match=next(iter(bounds))):
        Question(**bounds)


def test_an_accuracy_is_asked_of_a_metric_that_is_one_and_is_a_share():
    assert bound_of_metric(objective(), None, 0.97) == 0.97
    assert bound_of_metric(objective("objective.metric=val_loss"), 3.0, None) == 3.0
    with pytest.raises(SettingsError, match="'val_f1', which is no accuracy") as caught:
        bound_of_metric(objective("objective.metric=val_f1"), None, 0.97)
    assert "--min-metric" in caught.value.hint
    with pytest.raises(SettingsError, match="an accuracy of 97 is asked for") as caught:
        bound_of_metric(objective(), None, 97.0)
    assert "0.97" in caught.value.hint
    with pytest.raises(SettingsError, match="both given"):
        bound_of_metric(objective(), 0.9, 0.9)


def test_the_search_chooses_the_cheapest_that_is_of_use_or_says_that_none_is():
    trials = best_first(TRIALS, "maximize")
    assert own_choice(trials, objective()).trial.number == 3
    found = own_choice(trials, objective("objective.min_metric=0.96"))
    assert found.trial.number == 1
    assert found.reason == (
        "trial 1 (96.00 %, 0.3 ms) is the cheapest of 3 trials that reach min_metric = 0.96"
    )
    found = own_choice(trials, objective("objective.min_metric=0.99"))
    assert found.trial.number == 3
    assert found.reason == (
        "no trial reached objective.min_metric = 0.99; trial 3 is the best with 98.00 %"
    )


def test_in_a_search_for_a_front_the_search_too_takes_the_cheaper_of_equals():
    few = [trial(t.number, t.value, t.costs["latency_ms"], samples=360) for t in TRIALS]
    few = best_first(few, "maximize")
    assert own_choice(few, objective(FRONT)).trial.number == 1
    assert own_choice(few, objective()).trial.number == 3
    assert "cannot be told" in own_choice(few, objective(FRONT)).reason


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "run")
    for record in TRIALS[1:]:
        run.trial(record.number).model.parent.mkdir(parents=True)
        run.trial(record.number).model.write_text("model")
    return run


SETTINGS = load_settings(None, [])


def test_where_none_meets_it_the_nearest_miss_is_named(run):
    question = Question(min_metric=0.98, max_latency_ms=0.9)
    with pytest.raises(RunError) as caught:
        ask(run, SETTINGS, [*TRIALS, TrialRecord(5, FAILED, "no luck")], question)
    assert caught.value.message == (
        "no trial that can be chosen meets min_metric = 0.98, max_latency_ms = 0.9; the nearest is"
        " trial 2: val_accuracy 0.97 is below min_metric = 0.98"
    )
    assert f"vaiopt trials {run.folder} --pareto" in caught.value.hint


def test_one_whose_model_is_gone_is_named_but_not_chosen(run):
    with pytest.raises(RunError) as caught:
        ask(run, SETTINGS, TRIALS, Question(max_latency_ms=0.2))
    assert "the nearest is trial 1: 0.3 ms is above max_latency_ms = 0.2" in caught.value.message
    assert "Trial 0 does, but its model was not kept" in caught.value.hint


def test_what_an_older_run_did_not_know_is_not_met(run):
    old = [TrialRecord(**{**vars(TRIALS[1]), "costs": {"params": 10.0}})]
    with pytest.raises(RunError, match="its predicted frames a second is not known"):
        ask(run, SETTINGS, old, Question(min_fps=10.0))


def test_a_hard_limit_that_came_later_is_kept(run):
    tighter = load_settings(None, ["objective.max_latency_ms=0.6"])
    assert ask(run, tighter, TRIALS, Question()).trial.number == 2
    assert ask(run, tighter, TRIALS, Question(max_params=9000.0)).trial.number == 2
    none = load_settings(None, ["objective.max_latency_ms=0.01"])
    assert ask(run, none, TRIALS, Question()).trial.number == 3
    with pytest.raises(RunError, match="no trial that can be chosen meets"):
        ask(run, none, TRIALS, Question(knee=True))
    assert fronts(TRIALS, Objective(tighter.objective))["latency_ms"] == [0, 1, 2]
    limited = objective(FRONT, "objective.max_latency_ms=0.6")
    assert [t.number for t in Front(limited, TRIALS).trials] == [0, 1, 2]


def test_the_fronts_are_those_of_the_objective_or_of_latency_and_parameters():
    assert fronts(TRIALS, objective()) == {"latency_ms": [0, 1, 2, 3], "params": [4, 2, 3]}
    assert fronts(TRIALS, objective('objective.front=["params"]')) == {"params": [4, 2, 3]}
    assert fronts(TRIALS, objective('objective.front=["fps"]')) == {"fps": [0, 1, 2, 3]}
    joint = fronts(TRIALS, objective('objective.front=["latency_ms", "params"]'))
    assert joint == {"latency_ms, params": [0, 1, 2, 3, 4]}


@pytest.mark.parametrize(
    "points, expected",
    [
        ([], None),
        ([(0.0, 1.0), (1.0, 0.0)], None),
        ([(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)], None),
        ([(0.0, 1.0), (0.6, 0.6), (1.0, 0.0)], None),
        ([(0.0, 1.0), (0.5, 0.4), (1.0, 0.0)], 1),
        ([(0.0, 3.0), (1.0, 2.0), (2.0, 0.5), (10.0, 0.0)], 2),
        ([(1.0, 1.0), (1.0, 0.5), (1.0, 0.0)], None),
    ],
)
def test_the_knee_is_farthest_from_the_chord_on_the_better_side(points, expected):
    assert knee(points) == expected
