import math
from random import Random

import optuna
import pytest

from vaiopt.search.training.judges import make_judge
from vaiopt.search.training.pruning import PRUNERS
from vaiopt.search.training.reports import Pruned, Reports
from vaiopt.settings import ObjectiveSettings, SearchSettings
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.objective import Objective
from vaiopt.study.record import COMPLETE, PRUNED, TrialRecord
from vaiopt.study.storage import STUDY_NAME
from vaiopt.study.trace import trace_space


def build(hp):
    hp.Float("rate", 1e-5, 1e-1, sampling="log", default=1e-3)
    hp.Fixed("epochs", 3)


SPACE = trace_space(build, HyperParameters)
STOPPING = list(PRUNERS)


def prepare(pruner, number=0, before=(), direction="maximize"):
    objective = Objective(ObjectiveSettings(direction=direction))
    return Reports(SearchSettings(pruner=pruner), objective, SPACE, before).pruning(number)


def trained(number, quality, pruner, before, steps=9):
    """Report a learning curve that ends at ``quality``, as a worker does, and return the trial's
    record.
    """
    judge = make_judge(prepare(pruner, number, before), ())
    point = {"rate": 1e-3, "epochs": 3}
    try:
        for step in range(1, steps + 1):
            judge.report(step, quality * step / steps, last=step == steps)
    except Pruned as stop:
        return TrialRecord(
            number, PRUNED, stop.message, hyperparameters=point, pruning=judge.notes()
        )
    return TrialRecord(
        number, COMPLETE, value=quality, hyperparameters=point, pruning=judge.notes()
    )


def search(pruner, qualities):
    trials = []
    for number, quality in enumerate(qualities):
        trials.append(trained(number, quality, pruner, trials))
    return trials


def test_without_a_pruner_nothing_is_reported():
    assert prepare("none", 5) is None


def test_few_epochs_are_looked_at_several_times_each():
    assert prepare("median").per_epoch == 3


@pytest.mark.parametrize("pruner", STOPPING)
def test_hopeless_trials_are_stopped_early_and_the_best_never(pruner):
    good = [0.9, 0.91, 0.92, 0.93, 0.94, 0.95]
    trials = search(pruner, good + [0.1, 0.12, 0.11, 0.96])
    hopeless = trials[6:9]
    assert sum(t.status == PRUNED for t in hopeless) >= 2
    assert all(len(t.pruning["reports"]) < 9 for t in hopeless if t.status == PRUNED)
    assert trials[0].status == trials[9].status == COMPLETE


@pytest.mark.parametrize("pruner", STOPPING)
def test_a_trial_less_than_half_as_good_as_the_best_stops_at_its_first_report_whatever_the_pruner(
    pruner,
):
    first, hopeless, slow = search(pruner, [0.9, 0.4, 0.5])
    assert first.status == COMPLETE
    assert hopeless.status == PRUNED and len(hopeless.pruning["reports"]) == 1
    assert len(slow.pruning["reports"]) > 1


def loss(judge, values):
    """Report losses until the judge stops the trial; return how many it took."""
    for step, value in enumerate(values, start=1):
        try:
            judge.report(step, value, last=step == len(values))
        except Pruned:
            return step
    return len(values)


def test_a_loss_is_hopeless_from_twice_the_best_and_a_negative_objective_has_no_share():
    def judge(direction, best):
        reports = [[1, best], [2, best]]
        complete = TrialRecord(
            0,
            COMPLETE,
            value=best,
            hyperparameters={"rate": 1e-3, "epochs": 3},
            pruning={"reports": reports, "rungs": {}},
        )
        return make_judge(prepare("median", 1, [complete], direction), ())

    assert loss(judge("minimize", 0.2), [0.5, 0.5, 0.5]) == 1
    assert loss(judge("minimize", 0.2), [0.3, 0.3, 0.3]) == 3
    assert loss(judge("maximize", -0.2), [-9.0, -9.0, -9.0]) == 3


def test_what_is_stopped_depends_on_the_trials_before_it_alone():
    first, second = (search("halving", [0.9, 0.5, 0.95, 0.2, 0.8, 0.97]) for _ in range(2))
    assert [(t.status, t.pruning) for t in first] == [(t.status, t.pruning) for t in second]
    assert any(t.pruning["rungs"] for t in first)


class AsOptunaHasThem:
    """Decides as :class:`Judge` does, by a study to which the earlier trials were added one by one;
    those that told nothing as failed ones, so that its own trial has its number.
    """

    def __init__(self, pruner, number, before):
        states = optuna.trial.TrialState
        known = {t.number: t for t in before}
        self._study = optuna.create_study(
            study_name=STUDY_NAME, direction="maximize", pruner=PRUNERS[pruner](optuna.pruners, 9)
        )
        for other in range(number):
            trial = known.get(other)
            complete = trial is not None and trial.status == COMPLETE
            pruned = trial is not None and trial.status == PRUNED
            self._study.add_trial(
                optuna.trial.create_trial(
                    state=states.COMPLETE if complete else states.PRUNED if pruned else states.FAIL,
                    value=trial.value if complete else None,
                    intermediate_values=dict(trial.pruning["reports"]) if trial else {},
                    system_attrs=trial.pruning["rungs"] if trial else {},
                )
            )
        self._trial = self._study.ask()
        assert self._trial.number == number

    def would_stop(self, step, value):
        self._trial.report(value, step)
        return self._trial.should_prune()

    def rungs(self):
        return self._study.get_trials(deepcopy=False)[-1].system_attrs


@pytest.mark.parametrize("pruner", STOPPING)
def test_a_judge_decides_as_a_study_that_holds_all_earlier_trials(pruner):
    random = Random(pruner)
    trials = []
    stopped = 0
    for number in range(30):
        before = [t for t in trials if t.number < number - 1]  # two run at once
        judge, plain = (
            make_judge(prepare(pruner, number, before), ()),
            AsOptunaHasThem(pruner, number, before),
        )
        if random.random() < 0.1:
            continue  # it failed
        quality = 0.6 + 0.4 * random.random()  # none is hopeless
        status = COMPLETE
        for step in range(1, 10):
            value = quality * (0.8 + step / 45) + 0.05 * random.random()
            expected = plain.would_stop(step, value) and any(t.status == COMPLETE for t in before)
            try:
                judge.report(step, value, last=False)
                assert not expected
            except Pruned:
                assert expected
                status, stopped = PRUNED, stopped + 1
                break
        assert judge.notes()["rungs"] == plain.rungs()
        value = quality if status == COMPLETE else None
        trials.append(TrialRecord(number, status, value=value, pruning=judge.notes()))
    assert 0 < stopped < len(trials)


@pytest.mark.parametrize("pruner", STOPPING)
def test_an_objective_that_is_no_number_for_a_while_stops_nothing_and_is_not_kept(pruner):
    judge = make_judge(prepare(pruner, 3, search(pruner, [0.9, 0.8, 0.7])), ())
    judge.report(1, math.nan, last=False)
    judge.report(2, math.inf, last=False)
    judge.report(9, 0.95, last=True)
    assert judge.notes()["reports"] == [[9, 0.95]]


def test_of_single_epochs_the_best_so_far_stops_nothing():
    one = trace_space(lambda hp: hp.Fixed("epochs", 1), HyperParameters)
    first = trained(0, 0.9, "median", [])
    for space, known in ((one, False), (SPACE, True)):
        found = Reports(SearchSettings(pruner="median"), Objective(), space, [first]).pruning(1)
        assert bool(found.best) is known
