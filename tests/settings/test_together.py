"""Settings beside each other: refused where they cannot work, and said where one has no effect."""

import dataclasses
from typing import Any, Dict

import pytest

from vaiopt.errors import SettingsError
from vaiopt.settings import load_settings
from vaiopt.settings.together import SIZES, UNUSED, beyond, check_together, unused


@pytest.mark.parametrize(
    "overrides, message",
    [
        (["train.epochs=3", "model.hyperparameters.epochs=4"], "sets epochs, as train.epochs does"),
        (["train.freeze=3", "model.hyperparameters.freeze='4'"], "sets freeze, as train.freeze"),
        (["train.freeze=backbone"], "no weights are taken from a file"),
        (["model.hyperparameters.split='7:2:1'"], "sets split, as data.split does"),
    ],
)
def test_what_cannot_work_together_is_refused(overrides: Any, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_together(load_settings(None, overrides))
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["train.epochs=4", "train.patience=3"],
        ["train.epochs={int=[1, 4]}", "train.patience=3"],
        ["model.hyperparameters.epochs=4", "train.patience=9"],  # known when the space is
    ],
)
def test_what_can_work_together_is_taken(overrides: Any) -> None:
    check_together(load_settings(None, overrides))


SAID: Dict[str, Any] = {
    "search.trials": ["search.trials=3", "search.sampler=grid"],
    "search.acquisition": ["search.acquisition=PI", "search.sampler=tpe"],
    "search.initial_points": ["search.initial_points=3", "search.sampler=random"],
    "search.grid_fraction": ["search.grid_fraction=0.5"],
    "search.grid_points": ["search.grid_points=3"],
    "search.grid_limit": ["search.grid_limit=10"],
    "quantize.qat_epochs": ["quantize.qat_epochs=5"],
    "search.trial_timeout": ["search.trial_timeout=60", "search.workers=0"],
    "search.trial_memory_mb": ["search.trial_memory_mb=900", "search.workers=0"],
    "search.recycle_after": ["search.recycle_after=3", "search.workers=0"],
    "search.resources": ["search.resources={GPU=1}"],
    "search.study": ["search.study=mine"],
    "objective.measure_best": ["objective.measure_best=3"],
    "objective.rank_int8": ["objective.rank_int8=1"],
    "search.keep_models": ["search.keep_models=1", "objective.rank_int8=3"],
    "search.max_hours": ["search.max_hours=40", "search.trials=30"],
    "search.stop_after": ["search.stop_after=9", "search.trials=10"],
    "train.patience": ["train.patience=3", "train.epochs=3"],
    "train.unfreeze_epoch": ["train.unfreeze_epoch=2"],
    "train.fine_tune_rate": ["train.fine_tune_rate=0.5"],
    "train.folds": ["train.folds=1"],
    "search.start_from": ["search.start_from=runs/old", "search.sampler=tpe"],
    "search.points": ["search.points=[{a=1}, {a=2}]", "search.trials=2"],
    "quantize.calib_batch_size": ["quantize.calib_batch_size=60", "quantize.calibration_size=20"],
    "data.resize": ["data.resize=crop"],
    "data.split": ["data.split='6:2:2'", "data.pool=false"],
    "objective.references": ["objective.references.params=3"],
}


def test_objects_that_are_made_in_python_are_checked_too() -> None:
    settings = load_settings()
    objective = dataclasses.replace(settings.objective, references={"params": 0.0})
    with pytest.raises(SettingsError, match="objective.references.params is 0"):
        check_together(dataclasses.replace(settings, objective=objective))
    with pytest.raises(SettingsError, match="seed is -1"):
        check_together(dataclasses.replace(settings, seed=-1))


def test_every_row_is_provoked() -> None:
    assert set(SAID) == {key for row in UNUSED for key in row.keys}


@pytest.mark.parametrize("key", SAID)
def test_a_setting_without_effect_is_said_and_the_defaults_are_silent(key: str) -> None:
    lines = unused(load_settings(None, SAID[key]))
    assert [line for line in lines if line.startswith(f"{key} ")], lines
    assert unused(load_settings(None, SAID[key][1:]), key.partition(".")[0]) == []
    assert unused(load_settings()) == []


@pytest.mark.parametrize("epochs", ["{int=[1, 4]}", "{choice=[2, 4]}"])
def test_of_searched_epochs_the_most_count(epochs: str) -> None:
    (line,) = unused(load_settings(None, [f"train.epochs={epochs}", "train.patience=4"]))
    assert line == "train.patience has no effect: a trial has no more than 4 epoch(s)"
    assert unused(load_settings(None, [f"train.epochs={epochs}", "train.patience=3"])) == []


def test_more_initial_points_than_trials_are_said() -> None:
    (line,) = unused(load_settings(None, ["search.initial_points=9", "search.trials=4"]))
    assert line.startswith("search.initial_points is more than is tried")


@pytest.mark.parametrize("key", [row[0] for row in SIZES])
def test_more_samples_than_there_are_are_said(key: str) -> None:
    sizes = {"train": 70, "validation": 20, "test": 10}
    (line,) = beyond(load_settings(None, [f"{key}=1000"]), sizes)
    assert line.startswith(f"{key} is 1000, and there are ")
    assert beyond(load_settings(None, [f"{key}=5"]), sizes) == []
    assert beyond(load_settings(), sizes) == []


def test_of_a_searched_batch_size_the_largest_counts() -> None:
    settings = load_settings(None, ["train.batch_size={choice=[16, 512]}"])
    assert beyond(settings, {"train": 70, "test": 10})
