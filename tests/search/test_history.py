from random import Random

import pytest

from tests.search.stub import stubbed
from vaiopt.search.history import History
from vaiopt.search.samplers.from_optuna import OptunaSampler
from vaiopt.study.record import COMPLETE, INTERRUPTED, RUNNING, TrialRecord
from vaiopt.study.trials import records


def complete(number):
    return TrialRecord(number, COMPLETE, value=0.1 * number, hyperparameters={"rate": 0.1 * number})


def test_trials_stand_in_the_order_of_their_numbers_however_they_end():
    history, numbers = History(), list(range(5, 20))
    Random(0).shuffle(numbers)
    history.begin([complete(number) for number in (3, 0, 1)])
    for number in range(5, 20):
        history.started(number, {"rate": 0.5})
    for ended, number in enumerate(numbers):
        history.ended(complete(number))
        found = history()
        assert [record.number for record in found] == [0, 1, 3, *range(5, 20)]
        assert sum(record.status == RUNNING for record in found) == 14 - ended
    assert history() == [complete(number) for number in (0, 1, 3, *range(5, 20))]


def test_an_interrupted_trial_teaches_nothing_and_a_new_beginning_forgets_what_ran():
    history = History()
    history.started(0, {})
    history.ended(TrialRecord(0, INTERRUPTED, "stopped"))
    history.started(1, {})
    assert [record.number for record in history()] == [1]
    history.begin([complete(0)])
    assert history() == [complete(0)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_sampler_is_shown_in_a_search_what_it_would_read_from_the_study(
    tmp_path, monkeypatch, workers
):
    propose, seen = OptunaSampler.propose, []

    def compared(self, study, trial, history):
        read = [record for record in records(study) if record.number < trial.number]
        assert list(history) == read
        seen.append(len(read))
        return propose(self, study, trial, history)

    monkeypatch.setattr(OptunaSampler, "propose", compared)
    sets = ["search.trials=8", "search.sampler=random", f"search.workers={workers}"]
    with stubbed(monkeypatch, tmp_path / "run", *sets) as search:
        search.run(until=5)
        search.run()
    assert seen == list(range(8))
