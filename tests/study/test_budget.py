import pytest

from vaiopt.settings import ObjectiveSettings, SearchSettings
from vaiopt.study.budget import Budget, busy_seconds, forecast, without_better
from vaiopt.study.objective import Objective
from vaiopt.study.record import COMPLETE, FAILED, INFEASIBLE, INTERRUPTED, PRUNED, TrialRecord


def at(number, start, seconds, status=COMPLETE, value=0.5):
    times = [f"2026-01-01T00:{t // 60:02d}:{t % 60:02d}.000Z" for t in (start, start + seconds)]
    value = value if status == COMPLETE else None
    return TrialRecord(number, status, value=value, started=times[0], finished=times[1])


def test_what_ran_at_once_counts_once_and_pauses_do_not():
    assert busy_seconds([]) == 0
    assert busy_seconds([at(0, 0, 60), at(1, 30, 60), at(2, 40, 10), at(3, 200, 50)]) == 140
    assert busy_seconds([at(0, 0, 60), TrialRecord(1, INTERRUPTED)]) == 60


def test_trials_without_a_better_one_are_those_after_the_best_that_were_trained():
    trials = [at(0, 0, 1, value=0.9), at(1, 1, 1, value=0.8), at(2, 2, 1, PRUNED)]
    trials += [at(3, 3, 1, FAILED), at(4, 4, 1, INFEASIBLE), at(5, 5, 1, INTERRUPTED)]
    assert without_better(trials, Objective()) == 3
    assert without_better(trials, Objective(ObjectiveSettings(direction="minimize"))) == 2
    assert without_better([at(0, 0, 1), at(1, 1, 1)], Objective()) == 1  # no better, if as good
    assert without_better([at(0, 0, 1, FAILED)] * 5, Objective()) == 0


def test_with_a_front_the_last_that_came_to_it_is_the_better_one():
    costs = [9.0, 5.0, 7.0, 1.0, 3.0]
    values = [0.9, 0.8, 0.7, 0.1, 0.05]
    trials = [
        TrialRecord(number, COMPLETE, value=value, costs={"params": cost})
        for number, (value, cost) in enumerate(zip(values, costs))
    ]
    assert without_better(trials, Objective(ObjectiveSettings(front=["params"]))) == 1
    assert without_better(trials, Objective()) == 4


def test_the_budget_says_what_was_spent():
    trials = [at(0, 0, 60, value=0.9), at(1, 60, 60, value=0.8)]
    assert Budget(SearchSettings(), Objective(), trials).spent(trials, 1e9) == ""
    hours = Budget(SearchSettings(max_hours=0.1), Objective(), trials)
    assert hours.seconds_left(100.0) == pytest.approx(140.0)
    assert hours.spent(trials, 200.0) == "" and "max_hours" in hours.spent(trials, 240.0)
    assert hours.spent([], 1e9) == ""
    assert "stop_after" in Budget(SearchSettings(stop_after=1), Objective()).spent(trials, 0)
    assert Budget(SearchSettings(stop_after=2), Objective()).spent(trials, 0) == ""


def test_the_rest_takes_as_long_as_the_trials_before():
    assert forecast([at(0, 0, 60), at(1, 0, 60)], 3) == pytest.approx(90.0)
    assert forecast([], 3) is None
    assert forecast([TrialRecord(0, INTERRUPTED)], 3) is None
