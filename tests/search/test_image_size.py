"""Sizes of images as a hyperparameter."""

from pathlib import Path

import pytest

from tests.search.quick import SETTINGS
from vaiopt.data import load_splits
from vaiopt.errors import DataError, SettingsError
from vaiopt.flow import evaluate_trials, open_run
from vaiopt.keras import load_model
from vaiopt.search import search_run
from vaiopt.search.training.describe import describe_search
from vaiopt.search.training.shared import Shared, forget_shared
from vaiopt.settings import override
from vaiopt.study.record import COMPLETE
from vaiopt.study.trials import load_trials

SIZES = override(
    SETTINGS,
    ["data.image_size={choice=[8, 12]}", "search.sampler=grid", "train.epochs=1"]
    + ["model.family=cnn", "search.pruner=none", "search.keep_models=9"]
    + [f"model.hyperparameters.{name}" for name in ("activation='relu'", "dense_layers=1")]
    + ["model.hyperparameters.dense_nodes=8", "model.hyperparameters.learning_rate=0.01"],
)


def test_each_trial_has_its_size_from_the_data_to_the_test(tmp_path: Path) -> None:
    search_run(SIZES, tmp_path / "run")
    run = open_run(tmp_path / "run")
    trials = load_trials(run)
    assert [t.status for t in trials] == [COMPLETE] * 2
    assert sorted(t.hyperparameters["image_size"] for t in trials) == [8, 12]
    for trial in trials:
        side = trial.hyperparameters["image_size"]
        candidate = run.trial(trial.number)
        assert load_model(candidate.model).input_shape == (None, side, side, 1)
        assert load_splits(candidate).input_shape == (side, side, 1)
    assert {e.trial for e in evaluate_trials(run, ())} == {t.number for t in trials}


def test_the_sizes_are_split_alike_and_loaded_when_they_are_asked_for() -> None:
    shared = Shared(SIZES)
    small, large = shared.at({"image_size": 8}), shared.at({"image_size": 12})
    assert small is shared and large is shared.at({"image_size": 12})
    one, two = (data.splits((7.0, 2.0, 1.0)) for data in (small, large))
    assert one.sha256() == two.sha256()
    assert (one.input_shape, two.input_shape) == ((8, 8, 1), (12, 12, 1))


def test_the_blocks_of_the_family_suit_the_smallest_size() -> None:
    forget_shared()
    more = ["model.family=cnn_blocks", "data.image_size={int=[8, 32], step=8}"]
    space = describe_search(override(SETTINGS, more)).space
    blocks = next(d for d in space if d.name == "blocks")
    size = next(d for d in space if d.name == "image_size")
    assert (blocks.high, size.grid()) == (2, [8, 16, 24, 32])
    forget_shared()


@pytest.mark.parametrize(
    "size, error",
    [
        ("{choice=[16, 'x']}", SettingsError),
        ("{float=[8, 16]}", SettingsError),
        ("{int=[0, 16]}", SettingsError),
        ("7", SettingsError),
        ("[8]", SettingsError),
    ],
)
def test_what_is_no_size_is_refused(size: str, error: type) -> None:
    with pytest.raises(error):
        override(SETTINGS, [f"data.image_size={size}"])


def test_tables_have_no_size() -> None:
    settings = override(SETTINGS, ["data.source=breast_cancer", "data.image_size={choice=[8, 9]}"])
    with pytest.raises(DataError, match="is a table"):
        describe_search(settings)
    forget_shared()
