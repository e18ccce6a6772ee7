"""Settings that cannot work with the data, the model function or the target are refused before the
first trial.
"""

import json
from pathlib import Path
from typing import Any, List

import pytest

from tests.search.quick import SETTINGS
from vaiopt import flow
from vaiopt.errors import (
    DataError,
    MissingToolError,
    ModelError,
    SettingsError,
    VaioptError,
)
from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.search.training import feasible
from vaiopt.search.training.describe import describe_search
from vaiopt.search.training.shared import forget_shared
from vaiopt.settings import override

MINE = """
from tensorflow import keras

def build_model(hp):
    inputs = keras.Input(hp.input_shape)
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.Dense(hp.Int("units", 8, 64), hp.Choice("activation", ["relu", "tanh"]))(x)
    outputs = keras.layers.Dense(hp.classes, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    rate = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    metrics = ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2")]
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics)
    return model

class Own:
    def build(self, hp):
        model = build_model(hp)
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, **kwargs)

class Deaf(Own):
    def fit(self, hp, model, x, y, validation_data):
        return model.fit(x, y, epochs=2)

class Loop(Own):
    def fit(self, hp, model, x, y, **kwargs):
        return 0.5
"""


@pytest.fixture(autouse=True)
def fresh() -> Any:
    yield
    forget_shared()


@pytest.fixture
def mine(tmp_path: Any) -> str:
    (tmp_path / "mine.py").write_text(MINE)
    return f"model.family={json.dumps(str(tmp_path / 'mine.py'))}"


@pytest.mark.parametrize(
    "overrides, message",
    [
        (["objective.metric=val_accuracies"], "trials report no metric 'val_accuracies'"),
        (["objective.metric=val_top2"], "trials report no metric 'val_top2'"),
        (["objective.metric=val_accuracy_std"], "trials report no metric"),
        (["objective.weights.dpu_latency_ms=0.1"], "weighs nothing"),
        (["objective.dpu_only=true"], "target 'cpu' has no DPU"),
        (
            ["objective.weights.params=10", "objective.references.params=1e-300"],
            "come to a factor of 0",
        ),
        (["train.optimizer={choice=['adam', 'adamm']}"], "train.optimizer cannot be 'adamm'"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(overrides: List[str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        describe_search(override(SETTINGS, overrides))
    assert message in caught.value.message
    assert caught.value.hint


def test_a_misspelt_name_among_choices_of_a_family_is_refused(mine: str) -> None:
    names = "model.hyperparameters.activation={choice=['relu', 'reluu']}"
    with pytest.raises(SettingsError, match="model.hyperparameters.activation cannot be 'reluu'"):
        describe_search(override(SETTINGS, [mine, names]))


def test_a_split_of_several_that_leaves_a_part_empty_is_refused() -> None:
    with pytest.raises(DataError, match="split"):
        describe_search(override(SETTINGS, ["data.split={choice=['7:2:1', '998:1:1']}"]))


def test_metrics_of_ones_own_and_those_of_training_and_folds_are_taken(mine: str) -> None:
    for more in (["objective.metric=val_top2"], ["objective.metric=top2"]):
        describe_search(override(SETTINGS, [mine, *more]))
    describe_search(override(SETTINGS, [mine, "train.folds=2", "objective.metric=val_top2_std"]))


def test_a_schedule_that_cannot_reach_the_training_is_refused(mine: str) -> None:
    cosine = "train.schedule=cosine"
    with pytest.raises(SettingsError, match="compiled with a schedule of its own"):
        describe_search(override(SETTINGS, [mine, cosine]))
    with pytest.raises(SettingsError, match="train.warmup is set"):
        describe_search(override(SETTINGS, [mine, "train.warmup=1"]))


REACHING = ["train.batch_size=16", "train.schedule=cosine", "train.warmup=1"]


@pytest.mark.parametrize("setting", [*REACHING, "train.callbacks=own.py:callbacks"])
def test_what_a_fit_of_its_own_does_not_pass_on_is_refused(
    setting: str, mine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = "from tensorflow import keras\ndef callbacks(): return [keras.callbacks.History()]"
    (tmp_path / "own.py").write_text(made)
    for name in ("Deaf", "Loop"):
        with pytest.raises(SettingsError, match="own fit does not pass it on") as caught:
            describe_search(override(SETTINGS, [mine[:-1] + f':{name}"', setting]))
        assert caught.value.message.startswith(setting.partition("=")[0])
    describe_search(override(SETTINGS, [mine[:-1] + ':Own"', setting]))


def test_a_fit_of_its_own_needs_to_pass_on_nothing(mine: str) -> None:
    for name in ("Deaf", "Loop", "Own"):
        describe_search(override(SETTINGS, [mine[:-1] + f':{name}"']))


def test_less_memory_than_a_worker_has_taken_is_refused() -> None:
    few = override(SETTINGS, ["search.workers=1", "search.trial_memory_mb=20"])
    with pytest.raises(SettingsError, match="search.trial_memory_mb is 20, and a worker takes"):
        feasible.check_memory(few, 600.0)
    feasible.check_memory(override(few, ["search.trial_memory_mb=601"]), 600.0)
    feasible.check_memory(override(few, ["search.workers=0"]), 600.0)


@pytest.mark.parametrize(
    "overrides",
    [
        ["search.storage=sqlite://"],
        ["model.hyperparameters.split='7:2:1'"],
        ["objective.metric=val_none"],
    ],
)
def test_nothing_is_left_of_a_search_that_is_refused(overrides: List[str], tmp_path: Any) -> None:
    with pytest.raises(VaioptError):
        search_run(override(SETTINGS, overrides), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_has_no_effect_is_told_before_the_trials(tmp_path: Any) -> None:
    lines: List[str] = []
    more = ["search.trials=1", "search.recycle_after=3", "train.batch_size=1000"]
    search_run(override(SETTINGS, more), tmp_path / "run", progress=lines.append)
    notes = [line for line in lines if line.startswith("note: ")]
    assert any("search.recycle_after has no effect: search.workers is 0" in n for n in notes)
    assert any("train.batch_size is 1000, and there are 210 training" in n for n in notes)


@pytest.mark.parametrize(
    "overrides, error",
    [
        (["quantize.backend=vitis"], MissingToolError),
        (["hardware.target=zcu102"], MissingToolError),
    ],
)
def test_what_later_steps_cannot_do_here_is_said_before_the_search(
    overrides: List[str], error: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = override(SETTINGS, overrides)
    with pytest.raises(error):
        flow.run_flow(settings, tmp_path / "run")
    loop = override(settings, ["objective.measure_every=1"])
    with pytest.raises(error):
        flow.search(loop, tmp_path / "run")
    assert not Run(tmp_path / "run").folder.exists()


def test_a_board_without_ssh_is_said_before_the_search(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = override(SETTINGS, ["deploy.host=root@board"])
    with pytest.raises(MissingToolError, match="'ssh' is not installed"):
        flow.run_flow(settings, tmp_path / "run")


SPLIT = """
from tensorflow import keras

def build_model(hp):
    dropout = keras.layers.Dropout(hp.Float("split", 0.1, 0.5))
    layers = [keras.layers.Flatten(input_shape=hp.input_shape), dropout]
    return keras.Sequential([*layers, keras.layers.Dense(hp.classes, activation="softmax")])
"""


def test_a_model_function_that_asks_for_split_is_told_of_the_clash(tmp_path: Any) -> None:
    (tmp_path / "split.py").write_text(SPLIT)
    own = f"model.family={json.dumps(str(tmp_path / 'split.py'))}"
    with pytest.raises(ModelError, match="the model function asks for 'split'"):
        describe_search(override(SETTINGS, [own]))


GOODNESS = """
from tensorflow import keras

def goodness(true, predicted):
    return predicted[:, 0]

def build_model(hp):
    layers = [keras.layers.Flatten(input_shape=hp.input_shape)]
    layers += [keras.layers.Dense(hp.Int("units", 8, 16)), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[goodness])
    return model
"""


def test_a_metric_of_unknown_direction_is_refused_until_it_is_said(tmp_path: Any) -> None:
    (tmp_path / "good.py").write_text(GOODNESS)
    own = f"model.family={json.dumps(str(tmp_path / 'good.py'))}"
    unknown = override(SETTINGS, [own, "objective.metric=val_goodness"])
    with pytest.raises(SettingsError, match="whether more of objective.metric") as caught:
        describe_search(unknown)
    assert "objective.direction" in caught.value.hint
    describe_search(override(unknown, ["objective.direction=maximize"]))
