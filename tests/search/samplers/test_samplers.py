"""Every sampler, through Optuna, as a search uses it."""

import math

import pytest

from vaiopt.environment import has_module
from vaiopt.errors import MissingToolError, SettingsError
from vaiopt.search.samplers import SAMPLERS, Problem, SpaceExhausted, as_optuna, make_sampler
from vaiopt.search.samplers.bayesian import NOMINATED
from vaiopt.search.samplers.candidates import Tried, tried_points
from vaiopt.settings import SearchSettings, choices
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective
from vaiopt.study.record import COMPLETE, INFEASIBLE, RUNNING, TrialRecord
from vaiopt.study.storage import quiet_optuna
from vaiopt.study.trace import trace_space
from vaiopt.study.trials import RECORD, distributions, record_attribute, records


def build(hp):
    for index in range(hp.Int("layers", 1, 3)):
        hp.Int(f"units_{index}", 8, 64, step=8)
    hp.Float("rate", 1e-5, 1e-1, sampling="log", default=1e-3)
    hp.Choice("activation", ["relu", "tanh", "sigmoid"])


SPACE = trace_space(build, HyperParameters)
PACKAGES = {row.name: row.package for row in choices.SAMPLERS}


def problem(space=SPACE, seed=0, **settings):
    return Problem(space, SearchSettings(**settings), seed, Objective())


def study_with(name, space=SPACE, seed=0, **settings):
    if PACKAGES[name] and not has_module(PACKAGES[name]):
        pytest.skip(f"{PACKAGES[name]} is not installed")
    sampler = make_sampler(
        problem(space, seed, sampler=name, initial_points=3, grid_limit=10000, **settings)
    )
    return quiet_optuna().create_study(sampler=as_optuna(sampler), direction="maximize")


def go_on(study, count, space=SPACE):
    optuna = quiet_optuna()
    for _ in range(count):
        trial = study.ask(fixed_distributions=distributions(space))
        broken = trial.number == 1
        value = -abs(math.log10(trial.params.get("rate", 1.0)) + 2)
        record = TrialRecord(
            0,
            INFEASIBLE if broken else COMPLETE,
            value=None if broken else value,
            hyperparameters=trial.params,
        )
        trial.set_user_attr(RECORD, dict(record_attribute(record)))
        study.tell(
            trial,
            None if broken else value,
            state=optuna.trial.TrialState.PRUNED if broken else None,
        )
    return [r.hyperparameters for r in records(study)]


@pytest.mark.parametrize("name", SAMPLERS)
def test_points_are_canonical_distinct_plain_and_start_at_the_default(name):
    points = go_on(study_with(name), 9)
    assert points[0] == SPACE.defaults()
    assert len({repr(sorted(p.items())) for p in points}) == len(points)
    for point in points:
        assert SPACE.canonical(point) == point
        assert all(
            d.contains(point[d.name]) and type(point[d.name]) in (int, float, str, bool)
            for d in SPACE
        )


@pytest.mark.parametrize("name", SAMPLERS)
def test_an_interrupted_and_resumed_study_proposes_what_the_other_would_have(name):
    whole = go_on(study_with(name), 8)
    study = study_with(name)
    go_on(study, 5)
    study.sampler = study_with(name).sampler
    assert go_on(study, 3) == whole


def test_the_hedge_keeps_what_each_function_wanted_and_resumes_alike():
    whole = go_on(study_with("gp", acquisition="gp_hedge"), 8)
    study = study_with("gp", acquisition="gp_hedge")
    go_on(study, 6)
    study.sampler = study_with("gp", acquisition="gp_hedge").sampler
    assert go_on(study, 2) == whole
    assert set(study.trials[-1].system_attrs[NOMINATED]) == {"EI", "LCB", "PI"}


@pytest.mark.parametrize("name", ["tpe", "random", "grid"])
def test_a_small_space_is_tried_point_by_point_and_then_exhausted(name):
    small = trace_space(lambda hp: (hp.Choice("a", [1, 2]), hp.Boolean("b")), HyperParameters)
    study = study_with(name, small)
    points = go_on(study, 4, small)
    assert len({repr(p) for p in points}) == 4
    with pytest.raises(SpaceExhausted):
        go_on(study, 1, small)


def test_a_sampler_whose_package_is_missing_says_how_to_get_it(monkeypatch):
    row = choices.Choice("cmaes", "a sampler", "a_package_that_nobody_has", "its-name")
    monkeypatch.setattr(choices, "SAMPLERS", (row,))
    with pytest.raises(MissingToolError) as caught:
        make_sampler(problem(sampler="cmaes"))
    assert "pip install its-name" in caught.value.hint


@pytest.mark.parametrize("changed", [{"sampler": "gqp"}, {"acquisition": "EY"}])
def test_an_unknown_name_is_refused_with_the_nearest(changed):
    with pytest.raises(SettingsError) as caught:
        make_sampler(problem(**changed))
    assert "Did you mean" in caught.value.hint


def test_the_points_that_were_tried_are_those_of_the_history_however_it_changes():
    tried = Tried(SPACE)
    points = [{**SPACE.defaults(), "rate": rate, "layers": 1} for rate in (0.1, 0.01, 0.001)]
    ended = [TrialRecord(n, COMPLETE, value=0.5, hyperparameters=p) for n, p in enumerate(points)]
    running = TrialRecord(1, RUNNING, hyperparameters=points[1])
    histories = [
        [],
        ended[:1],
        [ended[0], running],
        [ended[0], running, ended[2]],
        ended,
        ended[:1],  # of another study
        [TrialRecord(0, COMPLETE, value=0.7, hyperparameters=points[2])],
    ]
    for history in histories:
        assert tried(history) == tried_points(SPACE, history)


def mirrored(hp):
    hp.Float("rate", 1e-6, 1e-1, sampling="reverse_log")


@pytest.mark.parametrize("name", ["gp", "forest", "random", "grid"])
def test_a_mirrored_range_is_searched_most_at_its_upper_end(name):
    space = trace_space(mirrored, HyperParameters)
    study = study_with(name, space, grid_points=12)
    for _ in range(9):
        trial = study.ask(fixed_distributions=distributions(space))
        record = TrialRecord(0, COMPLETE, value=0.5, hyperparameters=trial.params)
        trial.set_user_attr(RECORD, dict(record_attribute(record)))
        study.tell(trial, 0.5)
    assert sum(trial.params["rate"] > 0.05 for trial in study.trials[1:]) >= 5


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_a_sampler_that_cannot_mirror_a_range_refuses_it(name):
    space = trace_space(mirrored, HyperParameters)
    with pytest.raises(SettingsError, match="reverse_log"):
        make_sampler(problem(space, sampler=name))
