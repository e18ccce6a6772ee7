"""Points of the front that are carried to a kit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Sequence

import pytest

from vaiopt.runs.layout import Run
from vaiopt.settings import load_settings
from vaiopt.study.front_points import FrontPoints, pick_front, spread
from vaiopt.study.record import TrialRecord


def trial(number: int, score: float, latency: float, **more: float) -> TrialRecord:
    costs = {"latency_ms": latency, "params": 1000.0 * latency, **more}
    metrics = {"val_accuracy": score}
    return TrialRecord(number, "complete", value=score, metrics=metrics, costs=costs)


FRONT = [trial(n, 0.80 + 0.02 * n, 0.1 * 2**n) for n in range(8)]
WORSE = [trial(10 + n, 0.70 + 0.02 * n, 0.1 * 2**n) for n in range(8)]


def picked(
    folder: Path,
    trials: Sequence[TrialRecord],
    count: int,
    settings: Sequence[str] = (),
    gone: Sequence[int] = (),
    cost: str = "latency_ms",
) -> FrontPoints:
    run = Run(folder)
    for each in trials:
        if each.number not in gone:
            model = run.trial(each.number).model
            model.parent.mkdir(parents=True, exist_ok=True)
            model.write_bytes(b"")
    return pick_front(run, load_settings(None, list(settings)), trials, cost, count)


def numbers(found: FrontPoints) -> List[int]:
    return [each.number for each in found.trials]


@pytest.mark.parametrize("wanted", [[], ["objective.front=['latency_ms']"]])
def test_both_ends_are_picked_and_the_best_comes_first(tmp_path: Path, wanted: List[str]) -> None:
    found = picked(tmp_path, [*WORSE, *FRONT], 3, wanted)
    assert numbers(found)[0] == 7 and numbers(found)[-1] == 0
    assert numbers(found)[1] in (3, 4), "the middle of the logarithms"
    assert found.costs == ("latency_ms",) and found.kept == 8 and found.gone == ()


def test_two_points_are_the_ends(tmp_path: Path) -> None:
    assert numbers(picked(tmp_path, FRONT, 2)) == [7, 0]


def test_of_a_short_front_all_are_taken(tmp_path: Path) -> None:
    assert numbers(picked(tmp_path, FRONT[:2], 5)) == [1, 0]


def test_trials_without_a_model_are_told_of_and_not_picked(tmp_path: Path) -> None:
    found = picked(tmp_path, [*FRONT, *WORSE], 8, gone=[7, 3])
    assert not {7, 3} & set(numbers(found)) and found.gone == (3, 7)
    assert 17 in numbers(found) or 6 in numbers(found), "the best of those that are there"


def test_points_below_the_lowest_useful_metric_are_left_out(tmp_path: Path) -> None:
    least = ["objective.min_metric=0.86"]
    assert set(numbers(picked(tmp_path, FRONT, 8, least))) == {3, 4, 5, 6, 7}
    above_all = ["objective.min_metric=0.99"]
    assert len(numbers(picked(tmp_path, FRONT, 8, above_all))) == 8, "rather than none"


def test_a_metric_to_minimise_has_its_best_at_the_other_end(tmp_path: Path) -> None:
    losses = [
        TrialRecord(
            n,
            "complete",
            value=1.0 / (n + 1),
            metrics={"val_loss": 1.0 / (n + 1)},
            costs={"latency_ms": 0.1 + n},
        )
        for n in range(6)
    ]
    assert numbers(picked(tmp_path, losses, 2, ["objective.metric=val_loss"])) == [5, 0]


def test_of_a_front_against_two_costs_the_cheapest_in_each_is_an_end(tmp_path: Path) -> None:
    trials = [
        trial(0, 0.80, 0.1, params=9000.0),
        trial(1, 0.81, 0.9, params=100.0),
        trial(2, 0.95, 0.8, params=8000.0),
        trial(3, 0.90, 0.5, params=4000.0),
    ]
    wanted = ["objective.front=['latency_ms', 'params']"]
    assert set(numbers(picked(tmp_path, trials, 3, wanted))) == {0, 1, 2}
    assert set(numbers(picked(tmp_path, trials, 4, wanted))) == {0, 1, 2, 3}


def test_where_no_trial_has_the_cost_the_best_is_picked(tmp_path: Path) -> None:
    assert numbers(picked(tmp_path, FRONT, 3, cost="macs")) == [7]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_equal_places_are_spread_too(count: int) -> None:
    assert len(spread([(0.0, 1.0)] * 6, count)) == count


def test_places_are_far_from_each_other() -> None:
    places: List[Any] = [(-x / 100, float(x)) for x in (0, 1, 2, 3, 50, 97, 98, 99, 100)]
    assert [places[i][1] for i in spread(places, 3)] == [0.0, 50.0, 100.0]
