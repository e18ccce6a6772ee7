from dataclasses import replace

import numpy as np
import pytest

from tests.search.samplers import known_costs
from tests.search.samplers.known_costs import SPACE, Market, complete, costs, quality, searched
from vaiopt.search.samplers import Prices, Problem, make_sampler, survey
from vaiopt.search.samplers.front import expected_gain, uncovered, undominated
from vaiopt.settings import ObjectiveSettings, SearchSettings
from vaiopt.study.objective import Objective
from vaiopt.study.record import COMPLETE, FAILED, PRUNED, RUNNING, TrialRecord

FRONT = {"front": ["latency_ms"]}


def covered_share(low, boxes, high, count=20000, seed=0):
    """The volume between two corners that lies beyond none of some points, by chance."""
    random = np.random.RandomState(seed)
    drawn = low + (high - low) * random.random_sample((count, len(low)))
    hit = np.zeros(count, dtype=bool)
    for box in boxes:
        hit |= (drawn >= box).all(axis=1)
    return np.prod(high - low) * (1 - hit.mean())


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_the_volume_that_none_covers_is_that_of_points_drawn_at_random(dimensions, count):
    random = np.random.RandomState(dimensions * 10 + count)
    taken, high = random.random_sample((count, dimensions)), np.ones(dimensions)
    points = 0.5 * random.random_sample((5, dimensions))
    found = uncovered(points, taken, high)
    for point, volume in zip(points, found):
        assert volume == pytest.approx(covered_share(point, taken, high), abs=0.02)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_the_expected_gain_is_that_of_outcomes_drawn_at_random(dimensions):
    random = np.random.RandomState(dimensions)
    high = np.ones(dimensions + 1)
    rows = random.random_sample((8, dimensions + 1))
    front = rows[undominated(rows)]
    front = front[np.argsort(-front[:, 0])]
    price, mean, deviation = np.full((1, dimensions), 0.35), 0.4, 0.2
    gain = expected_gain(
        np.array([mean]),
        np.array([deviation]),
        price,
        np.array([1.0, *front[:, 0]]),
        front[:, 1:],
        high[1:],
    )
    outcomes = random.normal(mean, deviation, 400)
    gains = [
        covered_share(np.array([y, *price[0]]), front, high, 4000) if y < 1 else 0.0
        for y in outcomes
    ]
    assert gain[0] == pytest.approx(np.mean(gains), abs=0.02)


def test_a_point_that_costs_more_than_the_reference_gains_nothing():
    zero = expected_gain(
        np.zeros(1), np.ones(1), np.array([[2.0]]), np.array([1.0]), np.empty((0, 1)), np.ones(1)
    )
    assert zero[0] == 0


def test_the_front_of_rows_keeps_the_first_of_equal_ones_and_no_row_that_another_covers():
    rows = np.array([[1.0, 3.0], [2.0, 2.0], [2.0, 2.0], [3.0, 1.0], [3.0, 3.0]])
    assert sorted(undominated(rows)) == [0, 1, 3]
    assert undominated(np.empty((0, 2))) == []


def test_a_search_for_a_front_finds_better_trade_offs_than_random_points():
    trials = searched(25, **FRONT)
    random = np.random.RandomState(0)

    def volume(points):
        rows = np.array([[-quality(p), np.log(costs(p)["latency_ms"])] for p in points])
        reference = np.array([-0.85, np.log(101.0)])
        rows = rows[undominated(rows)]
        return (
            uncovered(np.array([[-1.0, 0.0]]), np.empty((0, 2)), reference)[0]
            - uncovered(np.array([[-1.0, 0.0]]), rows, reference)[0]
        )

    def drawn():
        point = {f"operation_{i}": random.choice(SPACE.dimensions[i].values) for i in range(4)}
        return {**point, "learning_rate": 10 ** random.uniform(-4, -1)}

    others = [volume([drawn() for _ in range(25)]) for _ in range(10)]
    assert volume([t.hyperparameters for t in trials]) > max(others)


def test_that_cheap_networks_learn_little_is_known_after_the_starts(monkeypatch):
    def rising(point):
        return 0.2 + 0.7 * np.log(costs(point)["latency_ms"] / 4) / np.log(25)

    monkeypatch.setattr(known_costs, "quality", rising)
    values = [trial.value for trial in searched(12, **FRONT)]
    # Ten points below the best the front ends; without its cost each cheap kind would be tried.
    assert sum(value < max(values) - 0.2 for value in values[5:]) <= 2


def test_starts_are_spread_over_the_cost_and_the_default_is_the_first():
    trials = searched(5, **FRONT)
    assert trials[0].hyperparameters == SPACE.defaults()
    latencies = [t.costs["latency_ms"] for t in trials[1:]]
    assert latencies == sorted(latencies) and latencies[-1] > 2 * latencies[0]


@pytest.mark.parametrize("also", [{}, {"max_latency_ms": 30.0}])
def test_a_proposal_depends_on_the_trials_before_it_alone(also):
    whole = searched(12, **FRONT, **also)
    resumed = searched(12, history=whole[:7], **FRONT, **also)
    assert [t.hyperparameters for t in resumed] == [t.hyperparameters for t in whole]


def test_running_pruned_and_failed_trials_count_and_no_point_comes_twice():
    trials = searched(8, **FRONT)
    ended = [
        replace(trials[5], status=PRUNED, value=None, pruning={"reports": [[3, 0.5]]}),
        replace(trials[6], status=FAILED, value=None, costs={}),
        replace(trials[7], status=RUNNING, value=None, costs={}, metrics={}),
    ]
    found = searched(10, history=[*trials[:5], *ended], **FRONT)
    points = [repr(t.hyperparameters) for t in found]
    assert len(set(points)) == 10


def test_two_proposals_at_once_differ():
    trials = searched(8, **FRONT)
    first = searched(9, history=trials, **FRONT)[-1]
    running = TrialRecord(8, RUNNING, hyperparameters=first.hyperparameters)
    second = searched(10, history=[*trials, running], **FRONT)[-1]
    assert second.hyperparameters != first.hyperparameters


@pytest.mark.parametrize(
    "objective",
    [
        {"front": ["latency_ms", "params"]},
        {"front": ["fps"]},
        {"front": ["latency_ms"], "metric": "val_loss"},
        {"front": ["latency_ms"], "weights": {"params": 0.1}},
        {"front": ["latency_ms"], "min_metric": 0.9},
    ],
)
def test_fronts_of_any_costs_metrics_and_weights_are_searched(objective):
    trials = searched(9, **objective)
    assert len({repr(t.hyperparameters) for t in trials}) == 9


def test_models_are_built_for_the_survey_and_some_twenty_a_proposal():
    market = Market()
    searched(6, market, **FRONT)
    learning_rates_aside = {repr({**p, "learning_rate": 0}) for p in market.asked}
    assert len(market.asked) == len(learning_rates_aside) <= 101 + 20 + 5


@pytest.mark.parametrize("name", ["tpe", "nsga2", "nsga3", "random"])
def test_samplers_of_optuna_search_a_front_below_a_limit(name):
    import optuna

    from vaiopt.search.samplers import as_optuna
    from vaiopt.study.trials import RECORD, distributions, record_attribute

    objective = Objective(ObjectiveSettings(front=["latency_ms"], max_latency_ms=12.0))
    seen = survey(SPACE, objective, Market(), 0, lambda line: None)
    prices = Prices(SPACE, objective, Market(), seen)
    problem = Problem(SPACE, SearchSettings(sampler=name), 0, objective, prices)
    study = optuna.create_study(
        sampler=as_optuna(make_sampler(problem)), directions=objective.directions
    )
    for number in range(14):
        trial = study.ask(fixed_distributions=distributions(SPACE))
        record = complete(number, dict(trial.params))
        trial.set_user_attr(RECORD, dict(record_attribute(record)))
        study.tell(trial, objective.values(record.value, record.costs))
        assert record.status == COMPLETE and record.costs["latency_ms"] <= 12.0
    assert len({repr(t.params) for t in study.trials}) == 14
