"""Augmentation in the trainings of a search."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.search.quick import SETTINGS
from vaiopt.data import load_dataset, make_dataset, split_dataset
from vaiopt.data.batches import DeviceData
from vaiopt.errors import ModelError, SettingsError
from vaiopt.keras import load_keras
from vaiopt.models.loss_weights import loss_axes
from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.search.training.describe import describe_search
from vaiopt.search.training.fit import Plan, train
from vaiopt.search.training.soft_labels import label_problem, soft_labels
from vaiopt.settings import override
from vaiopt.settings.together import check_together
from vaiopt.study.space_file import read_space
from vaiopt.study.trials import load_trials

PLAN = Plan(epochs=2, batch_size=32, seed=0, metric="val_accuracy", maximise=True, patience=0)


@pytest.fixture(scope="module")
def digits() -> Any:
    dataset = load_dataset("digits", limit=200, seed=0)
    return DeviceData(dataset), split_dataset(dataset, (7, 2, 1), seed=0)


def compiled(loss: Any = "sparse_categorical_crossentropy", metrics: Any = ("accuracy",)) -> Any:
    keras = load_keras()
    keras.backend.clear_session()
    layers = [
        keras.layers.Flatten(input_shape=(8, 8, 1)),
        keras.layers.Dense(10, activation="softmax", kernel_initializer="zeros"),
    ]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(0.01), loss, list(metrics))
    return model


def trained(digits: Any, augment: Any, **compile_options: Any) -> Any:
    model = compiled(**compile_options)
    return train(model, *digits, replace(PLAN, augment=augment)), model


def test_a_training_is_the_same_for_the_same_seed_and_another_without(digits: Any) -> None:
    augment = {"shift": 0.2, "noise": 0.2, "cutmix": 1.0}
    (first, one), (_, other) = trained(digits, augment), trained(digits, augment)
    assert all(map(np.array_equal, one.get_weights(), other.get_weights()))
    plain, model = trained(digits, {})
    assert not np.array_equal(model.get_weights()[0], one.get_weights()[0])
    assert first.entry["loss"] > plain.entry["loss"]


def test_only_what_is_trained_on_is_changed(digits: Any) -> None:
    """A model that learns nothing sees its validation data, and the statistics of its batch
    normalisation, as they are.
    """
    keras = load_keras()

    def frozen(augment: Any) -> Any:
        normal = keras.layers.BatchNormalization(input_shape=(8, 8, 1))
        last = keras.layers.Dense(10, "softmax", kernel_initializer="ones")
        model = keras.Sequential([normal, keras.layers.Flatten(), last])
        model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy", ["accuracy"])
        return train(model, *digits, replace(PLAN, augment=augment)), normal.moving_variance.numpy()

    plain, variance = frozen({})
    changed, other = frozen({"cutout": 0.8, "noise": 0.5})
    assert np.array_equal(variance, other)
    assert changed.entry["val_loss"] == plain.entry["val_loss"]


def test_mixed_labels_are_learned_by_the_same_loss_which_is_put_back(digits: Any) -> None:
    keras = load_keras()
    outcome, model = trained(digits, {"mixup": 0.4})
    assert model.loss == "sparse_categorical_crossentropy"
    known, _ = trained(digits, {"mixup": 0.4}, loss="categorical_crossentropy")
    assert outcome.entry["val_loss"] == pytest.approx(known.entry["val_loss"], rel=1e-5)
    assert {"accuracy", "loss", "val_accuracy"} <= set(outcome.entry)
    logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = compiled(logits)
    with soft_labels(model):
        assert type(model.loss) is keras.losses.CategoricalCrossentropy
        assert model.loss.get_config()["from_logits"]
    assert model.loss is logits


def test_a_model_learns_from_mixed_labels_if_its_loss_and_metrics_take_them() -> None:
    keras = load_keras()
    assert label_problem(compiled(), "sparse") == ""
    assert label_problem(compiled("categorical_crossentropy"), "one_hot") == ""

    def sparse_own(y: Any, predicted: Any) -> Any:
        return keras.losses.sparse_categorical_crossentropy(y, predicted)

    assert "own loss takes class numbers" in label_problem(compiled(sparse_own), "sparse")
    own = compiled(metrics=[keras.metrics.SparseCategoricalAccuracy()])
    assert "metrics that take class numbers" in label_problem(own, "sparse")


def test_searched_amounts_are_hyperparameters_and_what_is_off_is_none(tmp_path: Path) -> None:
    settings = override(
        SETTINGS,
        [
            *("model.family=mlp", "search.trials=2", "search.sampler=random"),
            *("augment.shift={float=[0.05, 0.2]}", "augment.crop={choice=[0, 1]}"),
            *("augment.noise=0.1", "augment.flip=false", "search.keep_models=1"),
        ],
    )
    search_run(settings, tmp_path / "run")
    run = Run(tmp_path / "run")
    first, second = load_trials(run)
    assert (first.status, second.status) == ("complete", "complete"), (first, second)
    points = [
        {k: v for k, v in trial.hyperparameters.items() if k.startswith("augment_")}
        for trial in (first, second)
    ]
    assert points[0] == {"augment_shift": 0.05, "augment_crop": 0, "augment_noise": 0.1}
    assert 0.05 < points[1]["augment_shift"] <= 0.2
    searched = [d.name for d in read_space(run).space if d.name.startswith("augment_")]
    assert searched == ["augment_shift", "augment_crop", "augment_noise"]
    assert search_run(settings, tmp_path / "run")  # goes on: nothing changed, nothing to do
    assert len(load_trials(run)) == 2


def dice(y: Any, predicted: Any) -> Any:
    """A loss of whole masks."""
    import tensorflow as tf

    y = tf.reshape(tf.cast(y, tf.float32), [-1, 64])
    said = tf.reshape(predicted[..., 1], [-1, 64])
    return 1 - 2 * tf.reduce_sum(y * said, -1) / (tf.reduce_sum(y + said, -1) + 1e-6)


dice.__name__ = "sparse_dice"


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", dice])
def test_masks_are_learned_by_a_loss_of_pixels_and_by_one_of_whole_masks(loss: Any) -> None:
    keras = load_keras()
    x = np.random.RandomState(0).randint(0, 255, (60, 8, 8, 1)).astype(np.uint8)
    masks = (x[..., 0] > 127).astype(np.uint8)
    dataset = make_dataset("masks", x, masks, weights=np.ones(60), task="segmentation")
    splits = split_dataset(dataset, (7, 2, 1), seed=0)
    layer = keras.layers.Conv2D(2, 1, activation="softmax", input_shape=(8, 8, 1))
    model = keras.Sequential([layer])
    model.compile(keras.optimizers.Adam(0.01), loss)
    assert loss_axes(model, splits.train.y) == (1 if loss is dice else 3)
    plan = replace(PLAN, metric="val_mean_iou", augment={"crop": 2, "cutout": 0.2})
    assert 0 < train(model, DeviceData(dataset), splits, plan).entry["loss"] < 1


OWN = """
from tensorflow import keras

def build_model(hp):
    model = keras.Sequential([
        keras.layers.Flatten(input_shape=hp.input_shape),
        keras.layers.Dense(hp.Int("augment_shift", 8, 16), activation="relu"),
        keras.layers.Dense(hp.classes, activation="softmax"),
    ])
    metrics = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    model.compile("adam", "sparse_categorical_crossentropy", metrics)
    return model

class Own:
    def build(self, hp):
        return build_model(hp)

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, **kwargs)
"""


def refused(*overrides: str) -> Any:
    with pytest.raises((SettingsError, ModelError)) as caught:
        describe_search(override(SETTINGS, list(overrides)))
    assert caught.value.hint
    return caught.value.message


def test_what_cannot_work_is_refused_before_the_first_trial(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    mine = [f"model.family={json.dumps(f'{path}:{name}')}" for name in ("build_model", "Own")]
    table = "data.source=breast_cancer"
    assert "augment.flip does not suit the data: it is for images" in refused(
        table, "augment.flip={choice=[false, true]}"
    )
    assert "augment.saturation" in refused("augment.saturation=0.1")
    assert "images have 8 pixels" in refused("augment.crop={int=[0, 8]}")
    assert "augment.mixup mixes labels, and the model has metrics" in refused(
        mine[0], "augment.mixup=0.2"
    )
    assert "trained by a fit of its own" in refused(mine[1], "augment.noise=0.1")
    assert "asks for 'augment_shift'" in refused(mine[0], "augment.shift=0.1")
    with pytest.raises(SettingsError, match="sets shift, as augment.shift does"):
        check_together(override(SETTINGS, ["model.hyperparameters.augment_shift=0.1"]))


@pytest.mark.parametrize("value", ["auto", "many", True, -0.1, 0.95, {"float": [0, 2.0]}])
def test_an_amount_is_a_number_within_its_limits(value: Any) -> None:
    with pytest.raises(SettingsError, match="augment.shift"):
        override(SETTINGS, {"augment.shift": value})


def test_true_and_false_are_chances_of_a_flip() -> None:
    settings = override(SETTINGS, {"augment.flip": True, "augment.shift": False})
    assert (settings.augment.flip, settings.augment.shift) == (0.5, 0)
    searched = override(SETTINGS, {"augment.flip": {"choice": [False, True]}})
    assert searched.augment.flip == {"choice": [0, 0.5]}
    assert SimpleNamespace(**searched.to_dict()["augment"]).flip == {"choice": [0, 0.5]}
