import optuna
import pytest

from tests.search.samplers.conditional_space import SPACE
from vaiopt.search.samplers import Problem, as_optuna, make_sampler
from vaiopt.settings import SearchSettings
from vaiopt.study.objective import Objective
from vaiopt.study.record import COMPLETE, INTERRUPTED, TrialRecord
from vaiopt.study.trials import RECORD, distributions, record_attribute

FAR = {"optimizer": "sgd", "momentum": 0.5, "nodes": 64}


def study_of(*trials, sampler="gp"):
    """Return a study that holds trials, each a status and a point."""
    settings = SearchSettings(sampler=sampler)
    maker = as_optuna(make_sampler(Problem(SPACE, settings, 0, Objective())))
    study = optuna.create_study(sampler=maker, direction="maximize")
    states = {COMPLETE: optuna.trial.TrialState.COMPLETE}
    for number, (status, point) in enumerate(trials):
        value = 0.5 if status == COMPLETE else None
        record = TrialRecord(number, status, value=value, hyperparameters=point)
        known = point if status == COMPLETE else {}
        study.add_trial(
            optuna.trial.create_trial(
                params=known,
                distributions={name: distributions(SPACE)[name] for name in known},
                value=value,
                state=states.get(status, optuna.trial.TrialState.FAIL),
                user_attrs={RECORD: dict(record_attribute(record))},
            )
        )
    return study


def asked(study):
    """Return the point of the next trial, which then has ended."""
    trial = study.ask(fixed_distributions=distributions(SPACE))
    record = TrialRecord(trial.number, COMPLETE, value=0.5, hyperparameters=dict(trial.params))
    trial.set_user_attr(RECORD, dict(record_attribute(record)))
    study.tell(trial, 0.5)
    return trial.params


@pytest.mark.parametrize("sampler", ["gp", "random", "grid"])
def test_the_point_of_a_trial_that_was_cut_short_beside_another_comes_first(sampler):
    cut_short, other = SPACE.defaults(), {**SPACE.defaults(), "nodes": 32}
    study = study_of((INTERRUPTED, cut_short), (COMPLETE, other), sampler=sampler)
    assert asked(study) == cut_short
    assert asked(study) not in (cut_short, other)


def test_two_that_were_cut_short_come_one_after_the_other_each_once():
    study = study_of((INTERRUPTED, SPACE.defaults()), (INTERRUPTED, FAR), (INTERRUPTED, FAR))
    found = [asked(study) for _ in range(3)]
    assert found[:2] == [SPACE.defaults(), FAR]
    assert found[2] not in found[:2]


@pytest.mark.parametrize(
    "left",
    [{"optimizer": "sgd"}, {}, {**FAR, "nodes": 60}],
    ids=["half written", "nothing written", "no longer of the space"],
)
def test_what_is_no_whole_point_of_the_space_is_left_out(left):
    with_it = study_of((COMPLETE, SPACE.defaults()), (INTERRUPTED, left))
    without = study_of((COMPLETE, SPACE.defaults()))
    assert asked(with_it) == asked(without)


def test_a_point_that_was_tried_since_does_not_come_again():
    study = study_of((INTERRUPTED, FAR), (COMPLETE, SPACE.defaults()), (COMPLETE, FAR))
    assert asked(study) != FAR
