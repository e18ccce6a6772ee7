"""Which models of a search stay on disk."""

import pytest

from vaiopt.record import write_record
from vaiopt.runs.layout import Run
from vaiopt.runs.records import Chosen
from vaiopt.search.kept import KeptModels
from vaiopt.settings import ObjectiveSettings
from vaiopt.study.objective import Objective
from vaiopt.study.record import COMPLETE, FAILED, INTERRUPTED, TrialRecord


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "run")


def saved(run, number, value=None, status=COMPLETE, **costs):
    """Save a trial's model, and return its record."""
    run.trial(number).folder.mkdir(parents=True)
    run.trial(number).model.write_text("model")
    return TrialRecord(number, status, value=value, costs=costs)


def kept(run):
    return sorted(path.name for path in run.trials.iterdir())


def test_the_best_the_first_and_the_chosen_stay(run):
    models = KeptModels(run, 2, Objective(), [])
    assert models.least is None
    for number, value in enumerate([0.1, 0.5, 0.4, 0.6, 0.3]):
        models.ended(saved(run, number, value))
        if number == 2:
            write_record(run.chosen_file, Chosen((2,)))
    assert kept(run) == ["0000", "0001", "0002", "0003"]
    assert models.least == 0.5
    write_record(run.chosen_file, Chosen((3,)))  # by a person, meanwhile
    models.ended(saved(run, 5, 0.2))
    assert kept(run) == ["0000", "0001", "0003"]


def test_a_loss_is_better_when_lower(run):
    models = KeptModels(run, 1, Objective(ObjectiveSettings(direction="minimize")), [])
    for number, value in enumerate([0.5, 0.2, 0.4]):
        models.ended(saved(run, number, value))
    assert kept(run) == ["0000", "0001"]
    assert models.least == 0.2


def test_all_on_the_front_stay_and_what_falls_off_it_goes(run):
    objective = Objective(ObjectiveSettings(front=["params", "latency_ms"]))
    models = KeptModels(run, 1, objective, [saved(run, 0, 0.9, params=9.0, latency_ms=9.0)])
    for number, (value, params, latency) in enumerate(
        [(0.5, 2.0, 2.0), (0.5, 3.0, 1.0), (0.5, 2.0, 2.0), (0.4, 2.0, 3.0), (0.6, 2.0, 2.0)], 1
    ):
        models.ended(saved(run, number, value, params=params, latency_ms=latency))
    assert kept(run) == ["0000", "0002", "0005"]
    assert models.least is None  # what is cheap is kept, however low its score


def test_with_a_least_metric_the_cheap_ones_stay_too(run):
    models = KeptModels(run, 1, Objective(ObjectiveSettings(min_metric=0.8)), [])
    for number, (value, latency) in enumerate([(0.9, 9.0), (0.95, 5.0), (0.85, 1.0), (0.8, 2.0)]):
        models.ended(saved(run, number, value, params=1.0, latency_ms=latency))
    assert kept(run) == ["0000", "0001", "0002"]


def test_a_search_that_goes_on_knows_the_models_of_the_one_before(run):
    before = [saved(run, 0, None, INTERRUPTED), saved(run, 1, 0.5), saved(run, 2, 0.9)]
    models = KeptModels(run, 1, Objective(), before)
    assert models.least == 0.9
    models.ended(saved(run, 3, 0.7))
    # That of a trial that was killed while it saved its model goes too: it was run again.
    assert kept(run) == ["0001", "0002"]


def test_what_a_failed_trial_saved_goes_and_what_is_no_ended_trial_s_is_left_alone(run):
    for name in ("0009", "notes"):
        (run.trials / name).mkdir(parents=True)
    models = KeptModels(run, 1, Objective(), [])
    models.ended(saved(run, 0, 0.5))
    models.ended(saved(run, 1, None, FAILED))
    models.ended(saved(run, 2, 0.6))
    assert kept(run) == ["0000", "0002", "0009", "notes"]
