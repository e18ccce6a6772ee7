import pytest

from tests.search.samplers.known_costs import PRICE, SPACE, Market, costs, searched
from vaiopt.errors import SettingsError
from vaiopt.search.samplers import Prices, Problem, SpaceExhausted, make_sampler, survey
from vaiopt.search.samplers.survey import FIRST_LOOK, POINTS
from vaiopt.settings import ObjectiveSettings, SearchSettings
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective
from vaiopt.study.price import Price, PricedPoint
from vaiopt.study.trace import trace_space


def looked(market, lines=None, **objective):
    sought = Objective(ObjectiveSettings(**objective))
    told = (lambda line: None) if lines is None else lines.append
    return survey(SPACE, sought, market, 0, told)


@pytest.mark.parametrize("bound, share", [(60.0, "half"), (24.0, "a few"), (4.0, "one in 256")])
@pytest.mark.parametrize("sampler", ["gp", "forest", "random", "tpe"])
def test_only_points_within_the_limit_are_proposed(bound, share, sampler):
    objective = Objective(ObjectiveSettings(max_latency_ms=bound))
    market = Market()
    prices = Prices(SPACE, objective, market, survey(SPACE, objective, market, 0, print))
    problem = Problem(SPACE, SearchSettings(sampler=sampler), 0, objective, prices)
    trials = proposals(make_sampler(problem), 12)
    assert all(costs(point)["latency_ms"] <= bound for point in trials)


def proposals(sampler, count):
    import optuna

    from tests.search.samplers.known_costs import complete
    from vaiopt.search.samplers import as_optuna
    from vaiopt.study.trials import RECORD, distributions, record_attribute

    study = optuna.create_study(sampler=as_optuna(sampler), direction="maximize")
    for number in range(count):
        trial = study.ask(fixed_distributions=distributions(sampler.space))
        record = complete(number, dict(trial.params))
        trial.set_user_attr(RECORD, dict(record_attribute(record)))
        study.tell(trial, record.value)
    return [trial.params for trial in study.trials]


def test_a_least_frame_rate_and_layers_on_the_cpu_are_limits_too():
    trials = searched(8, min_fps=30.0)
    assert all(t.costs["fps"] >= 30.0 for t in trials)

    def ask(points):
        return [Price({**costs(p), "cpu_layers": float("pool" in p.values())}) for p in points]

    trials = searched(10, ask, dpu_only=True)
    assert not any("pool" in t.hyperparameters.values() for t in trials)


def test_what_a_later_step_refuses_is_not_proposed_where_prices_are_asked():
    market = Market(lambda point: "no such layer" if "large" in point.values() else "")
    trials = searched(10, market, max_latency_ms=60.0)
    assert not any("large" in t.hyperparameters.values() for t in trials)


def test_wide_limits_take_few_models_and_tight_ones_a_whole_look():
    few, many = Market(), Market()
    looked(few, max_latency_ms=99.0)
    looked(many, max_latency_ms=9.0)
    assert len(few.asked) <= FIRST_LOOK + 1
    assert POINTS * 0.6 < len(many.asked) < 3 * POINTS


def test_a_space_that_nothing_keeps_is_refused_with_the_nearest_miss():
    with pytest.raises(SettingsError) as caught:
        looked(Market(), max_latency_ms=3.0)
    assert "keeps the limits; the nearest: 4 ms is above max_latency_ms = 3" in caught.value.message


def test_a_small_space_is_known_whole():
    space = trace_space(lambda hp: hp.Choice("units", [8, 16, 32]), HyperParameters)
    objective = Objective(ObjectiveSettings(max_params=7.0))

    def ask(points):
        return [Price({"params": float(p["units"])}) for p in points]

    with pytest.raises(SettingsError, match="no point of the search space keeps"):
        survey(space, objective, ask, 0, print)
    objective = Objective(ObjectiveSettings(max_params=16.0))
    prices = Prices(space, objective, ask, survey(space, objective, ask, 0, print))
    sampler = make_sampler(Problem(space, SearchSettings(), 0, objective, prices))
    from tests.search.samplers.known_costs import complete

    first = sampler.next_point([])
    with pytest.raises(SpaceExhausted, match="keeps the limits"):
        history = []
        for number in range(3):
            point = sampler.next_point(history)
            assert point["units"] <= 16
            record = complete.__globals__["TrialRecord"](
                number, "complete", value=0.5, hyperparameters=point, costs={"params": 1.0}
            )
            history.append(record)
    assert first["units"] == 8


def test_a_tiny_share_and_a_default_that_is_left_out_are_said():
    lines = []
    looked(Market(), lines, max_latency_ms=6.0)
    assert any("random points keep the limits" in line for line in lines)
    assert any("the default point is left out: 36 ms is above" in line for line in lines)


def test_a_search_begins_with_the_point_nearest_to_a_default_that_breaks_the_limit():
    (first,) = searched(1, max_latency_ms=30.0)
    changed = [n for n, v in first.hyperparameters.items() if v != SPACE.defaults()[n]]
    assert first.costs["latency_ms"] <= 30.0
    assert len(changed) <= 3 and PRICE[SPACE.defaults()["operation_0"]] == 9


@pytest.mark.parametrize("objective", [{"front": ["params"]}, {"max_latency_ms": 30.0}])
def test_a_survey_serves_a_space_that_has_grown_since(objective):
    from tests.search.samplers.known_costs import complete
    from vaiopt.study.space import Dimension

    sought = Objective(ObjectiveSettings(**objective))
    seen = survey(SPACE, sought, Market(), 0, lambda line: None)
    grown = SPACE.grown([Dimension("met", "int", 1, low=1, high=9, step=1)])
    sampler = make_sampler(
        Problem(grown, SearchSettings(), 0, sought, Prices(grown, sought, Market(), seen))
    )
    trials = []
    for number in range(8):
        trials.append(complete(number, sampler.next_point(trials)))
    assert len({t.hyperparameters["met"] for t in trials}) > 1


def test_a_cost_of_a_front_that_nothing_changes_is_said():
    lines = []
    looked(lambda points: [Price({"params": 7.0}) for _ in points], lines, front=["params"])
    assert "note: params is the same at all 101 points that were looked at" in lines


def test_points_of_a_file_that_are_not_of_the_space_are_left_out():
    objective = Objective(ObjectiveSettings(front=["params"]))
    kept = PricedPoint(SPACE.defaults(), Price({"params": 3.0}))
    strange = PricedPoint({**SPACE.defaults(), "operation_0": "mystery"}, Price({"params": 1.0}))
    assert Prices(SPACE, objective, Market(), [strange, kept]).survey == (kept,)


def test_what_differs_in_the_training_alone_is_priced_once():
    market = Market()
    prices = Prices(SPACE, Objective(ObjectiveSettings(front=["params"])), market)
    point = SPACE.defaults()
    one, other = prices.of([point, {**point, "learning_rate": 0.05}])
    assert one == other and len(market.asked) == 1
