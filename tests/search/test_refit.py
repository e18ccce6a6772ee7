"""A point of a search trained once more is a candidate of its own."""

from typing import Any

import pytest

from tests.search.quick import SETTINGS
from vaiopt.choosing import choose
from vaiopt.data import load_splits
from vaiopt.errors import ModelError, RunError, SettingsError
from vaiopt.evaluate import evaluate_candidate
from vaiopt.flow import refit
from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.search.training import trial as training
from vaiopt.settings import override
from vaiopt.study.record import COMPLETE, INTERRUPTED, REFIT
from vaiopt.study.trials import load_trials

QUICK = override(SETTINGS, ["search.trials=2", "train.epochs=2", "search.keep_models=1"])


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("refit") / "run")
    search_run(QUICK, run.folder)
    return run


def test_on_the_training_part_it_trains_longer_and_the_best_epoch_counts(searched: Run) -> None:
    first = load_trials(searched)[searched.chosen.number]
    record = refit(searched)
    assert (record.status, record.refit_of, record.value) == (REFIT, first.number, None)
    assert len(record.curve) == 3 * len(first.curve)
    best = max(entry["val_accuracy"] or 0.0 for entry in record.curve)
    assert record.metrics["val_accuracy"] == best
    same = {k: v for k, v in record.hyperparameters.items() if k != "epochs"}
    assert same == {k: v for k, v in first.hyperparameters.items() if k != "epochs"}


def test_on_more_it_learns_from_the_validation_part_which_validates_nothing(
    searched: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    train = training.fit.train

    def spy(model: Any, device: Any, splits: Any, plan: Any, listeners: Any) -> Any:
        seen.append((splits.sizes(), plan.keep_best, plan.epochs))
        return train(model, device, splits, plan, listeners)

    monkeypatch.setattr(training.fit, "train", spy)
    record = refit(searched, trial=searched.chosen.number, on="train+validation", epochs=1)
    sizes = load_splits(searched.chosen).sizes()
    ((parts, keeps_best, epochs),) = seen
    assert parts["train"] == sizes["train"] + sizes["validation"]
    assert (keeps_best, epochs) == (False, 1)
    assert not [name for name in {**record.metrics, **record.curve[0]} if name.startswith("val_")]


def test_it_can_be_chosen_and_evaluated_and_a_later_search_leaves_it(searched: Run) -> None:
    record = refit(searched, epochs=1)
    choose(searched, trial=record.number)
    assert evaluate_candidate(searched.chosen).float_test.trial == record.number
    again = refit(searched, epochs=1)  # of the point that the chosen one is a refit of
    assert again.refit_of == record.refit_of
    before = [t for t in load_trials(searched) if t.status != REFIT]
    result = search_run(override(QUICK, ["search.trials=3"]), searched.folder)
    after = load_trials(searched)
    assert len([t for t in after if t.status != REFIT]) == len(before) + 1
    assert result.chosen.status == COMPLETE
    for trial in after:
        if trial.status == REFIT:
            assert searched.trial(trial.number).model.is_file()


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"on": "test"}, SettingsError, "no part to train on"),
        ({"epochs": 0}, SettingsError, "the epochs are 0"),
        ({"trial": 99}, RunError, "there is no trial 99"),
    ],
)
def test_what_cannot_be_trained_is_refused_and_leaves_nothing(
    searched: Run, arguments: Any, error: Any, message: str
) -> None:
    before = len(load_trials(searched))
    with pytest.raises(error, match=message) as caught:
        refit(searched, **arguments)
    assert caught.value.hint
    assert len(load_trials(searched)) == before


def test_a_training_that_fails_or_is_stopped_is_no_candidate(
    searched: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for raised, error in ((ValueError("no"), ModelError), (KeyboardInterrupt(), KeyboardInterrupt)):

        def stop(*arguments: Any, raised: BaseException = raised) -> None:
            raise raised

        monkeypatch.setattr(training.fit, "train", stop)
        with pytest.raises(error):
            refit(searched)
        last = load_trials(searched)[-1]
        assert last.status == INTERRUPTED
        assert not searched.trial(last.number).folder.exists()
