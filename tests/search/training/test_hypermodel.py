"""Model functions and classes as they are written for KerasTuner, unchanged."""

import json

import pytest

from vaiopt.errors import ModelError
from vaiopt.runs.layout import Run
from vaiopt.search import search_run
from vaiopt.settings import load_settings, override
from vaiopt.study.record import COMPLETE
from vaiopt.study.trials import load_trials

SETTINGS = load_settings(
    None,
    [
        "search.workers=0",
        "search.trials=3",
        "train.epochs=2",
        "data.limit=300",
        "search.initial_points=2",
        "search.pruner=none",
    ],
)

HEAD = """
import keras_tuner
import tensorflow as tf
from tensorflow import keras

"""

CLASS = (
    HEAD
    + """
class MyHyperModel(keras_tuner.HyperModel):
    def build(self, hp):
        model = keras.Sequential()
        model.add(keras.layers.Flatten(input_shape=(8, 8, 1)))
        units = hp.Int("units", min_value=32, max_value=512, step=32)
        model.add(keras.layers.Dense(units=units, activation="relu"))
        model.add(keras.layers.Dense(10, activation="softmax"))
        model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch_size", [16, 32]), **kwargs)
"""
)

LOOP = (
    HEAD
    + """
class MyHyperModel(keras_tuner.HyperModel):
    def build(self, hp):
        inputs = keras.Input(shape=(8, 8, 1))
        x = keras.layers.Flatten()(inputs)
        x = keras.layers.Dense(hp.Choice("units", [32, 64, 128]), activation="relu")(x)
        return keras.Model(inputs=inputs, outputs=keras.layers.Dense(10, activation="softmax")(x))

    def fit(self, hp, model, x, y, validation_data, callbacks=None, **kwargs):
        batch_size = hp.Int("batch_size", 32, 128, step=32, default=64)
        train_ds = tf.data.Dataset.from_tensor_slices((x, y)).batch(batch_size)
        rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3)
        optimizer = keras.optimizers.Adam(rate)
        loss_fn = keras.losses.SparseCategoricalCrossentropy()
        epoch_loss_metric = keras.metrics.Mean()

        @tf.function
        def run_train_step(images, labels):
            with tf.GradientTape() as tape:
                loss = loss_fn(labels, model(images))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables))

        for callback in callbacks:
            callback.model = model
        best_epoch_loss = float("inf")
        for epoch in range(2):
            for images, labels in train_ds:
                run_train_step(images, labels)
            for images, labels in tf.data.Dataset.from_tensor_slices(validation_data).batch(100):
                epoch_loss_metric.update_state(loss_fn(labels, model(images)))
            epoch_loss = float(epoch_loss_metric.result().numpy())
            for callback in callbacks:
                callback.on_epoch_end(epoch, logs={"my_metric": epoch_loss})
            old = hasattr(epoch_loss_metric, "reset_states")
            epoch_loss_metric.reset_states() if old else epoch_loss_metric.reset_state()
            best_epoch_loss = min(best_epoch_loss, epoch_loss)
        return best_epoch_loss
"""
)

F1 = """
from tensorflow import keras
from tensorflow.keras import backend as K


def f1_score(y_true, y_pred):
    y_pred = K.one_hot(K.argmax(y_pred), 10)
    hits = K.sum(y_true * y_pred)
    return 2 * hits / (K.sum(y_true) + K.sum(y_pred) + K.epsilon())


def build_model(hp):
    model = keras.Sequential()
    model.add(keras.layers.Flatten(input_shape=(8, 8, 1)))
    for i in range(hp.Int("num_layers", 1, 3)):
        units = hp.Int("units_" + str(i), 32, 128, 32)
        activation = hp.Choice("act_" + str(i), ["relu", "tanh"])
        model.add(keras.layers.Dense(units=units, activation=activation))
    if hp.Boolean("dropout"):
        model.add(keras.layers.Dropout(rate=0.25))
    model.add(keras.layers.Dense(10, activation="softmax"))
    learning_rate = hp.Float("lr", min_value=1e-4, max_value=1e-2, sampling="log")
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy", f1_score],
    )
    return model
"""

CNN = """
from tensorflow import keras
from tensorflow.keras import layers


def build_model(hp):
    inputs = keras.Input(shape=(8, 8, 1))
    x = inputs
    for i in range(hp.Int("cnn_layers", 1, 2, default=1)):
        filters = hp.Int(f"{i}_filters", 8, 16, step=8)
        x = layers.Conv2D(filters, (3, 3), activation="relu", padding="same")(x)
        x = layers.MaxPooling2D()(x)
    average = hp.Choice("pooling", ["avg", "flat"]) == "avg"
    x = layers.GlobalAveragePooling2D()(x) if average else layers.Flatten()(x)
    outputs = layers.Dense(10, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    optimizer = hp.Choice("optimizer", ["adam", "sgd"])
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model
"""


def search(tmp_path, text, name, *overrides):
    (tmp_path / "mine.py").write_text(text)
    family = "model.family={}".format(json.dumps("{}:{}".format(tmp_path / "mine.py", name)))
    search_run(override(SETTINGS, [family, *overrides]), tmp_path / "run")
    return load_trials(Run(tmp_path / "run"))


def test_a_hypermodels_own_fit_trains_and_its_hyperparameters_are_searched(tmp_path):
    trials = search(tmp_path, CLASS, "MyHyperModel")
    assert [t.status for t in trials] == [COMPLETE] * 3
    assert {t.hyperparameters["batch_size"] for t in trials} == {16, 32}
    assert all(len(t.curve) == 2 and t.metrics["val_accuracy"] > 0.1 for t in trials)


def test_a_training_loop_of_its_own_gives_the_metric_that_it_reports(tmp_path):
    trials = search(
        tmp_path,
        LOOP,
        "MyHyperModel",
        "objective.metric=my_metric",
        "objective.direction=minimize",
        "search.trials=2",
    )
    assert [t.status for t in trials] == [COMPLETE] * 2
    assert "batch_size" in trials[0].hyperparameters
    assert trials[0].value == pytest.approx(min(entry["my_metric"] for entry in trials[0].curve))


def test_an_f1_objective_over_an_mlp_with_hyperband(tmp_path):
    trials = search(
        tmp_path,
        F1,
        "build_model",
        "objective.metric=val_f1_score",
        "search.pruner=hyperband",
        "search.sampler=random",
    )
    assert trials[0].status == COMPLETE
    assert 0 < trials[0].value == trials[0].metrics["val_f1_score"] <= 1
    assert "units_0" in trials[0].hyperparameters


def test_a_cnn_whose_depth_is_searched(tmp_path):
    trials = search(tmp_path, CNN, "build_model")
    assert [t.status for t in trials] == [COMPLETE] * 3
    assert {t.hyperparameters["cnn_layers"] for t in trials} <= {1, 2}


def test_a_fit_that_raises_is_named_before_any_training(tmp_path):
    broken = CLASS.replace(
        "return model.fit(", "raise KeyError('never')\n        return model.fit("
    )
    with pytest.raises(ModelError, match="fit.*never.*mine.py"):
        search(tmp_path, broken, "MyHyperModel")
    assert not (tmp_path / "run").exists()


def test_a_fit_that_trains_another_model_is_named_before_any_training(tmp_path, monkeypatch):
    text = """
    def fit(self, hp, model, *args, **kwargs):
        return self.build(hp).fit(*args, **kwargs)
"""
    with pytest.raises(ModelError, match="trains another model than the one it is given"):
        searched(tmp_path, monkeypatch, text)
    assert not (tmp_path / "run").exists()


def test_a_fit_may_train_a_model_around_the_one_that_it_is_given(tmp_path, monkeypatch):
    text = """
    def fit(self, hp, model, *args, **kwargs):
        around = keras.Sequential([keras.layers.GaussianNoise(0.01, input_shape=(8, 8, 1)), model])
        around.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        return around.fit(*args, **kwargs)
"""
    assert {t.status for t in searched(tmp_path, monkeypatch, text)} == {COMPLETE}


def searched(tmp_path, monkeypatch, text, *more):
    """Search a HyperModel whose ``fit`` is this text; return its trials."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(CLASS[: CLASS.index("    def fit")] + text)
    settings = override(SETTINGS, ["model.family=mine.py:MyHyperModel", *more])
    search_run(settings, "run")
    return load_trials(Run("run"))


def test_a_fit_may_give_keras_what_it_is_given_itself(tmp_path, monkeypatch):
    text = """
    def fit(self, hp, model, *args, **kwargs):
        epochs = hp.Int("epochs", 1, 3)
        return model.fit(*args, epochs=epochs, verbose=0, batch_size=64, **kwargs)
"""
    for trial in searched(tmp_path, monkeypatch, text):
        assert trial.status == COMPLETE, trial.reason
        assert len(trial.curve) == trial.hyperparameters["epochs"]


def test_a_fit_may_take_only_what_it_names(tmp_path, monkeypatch):
    text = """
    def fit(self, hp, model, x, y, validation_data, callbacks=None):
        return model.fit(x, y, validation_data=validation_data, callbacks=callbacks, epochs=2)
"""
    assert {t.status for t in searched(tmp_path, monkeypatch, text)} == {COMPLETE}


def test_a_share_held_out_by_a_fit_is_the_validation_part_of_the_search(tmp_path, monkeypatch):
    text = """
    def fit(self, hp, model, x, y, **kwargs):
        history = model.fit(x, y, validation_split=0.5, epochs=1, verbose=0)
        open("seen.txt", "a").write(f"{history.params['steps']} ")
        return history
"""
    for trial in searched(tmp_path, monkeypatch, text):
        right = trial.metrics["val_accuracy"] * 60  # of 300 samples, 210 are trained on
        assert right == pytest.approx(round(right), abs=1e-3)
    assert set((tmp_path / "seen.txt").read_text().split()[-3:]) == {"7"}


def test_the_batch_size_on_record_is_the_one_that_a_fit_is_given(tmp_path, monkeypatch):
    text = """
    def fit(self, hp, model, *args, **kwargs):
        open("seen.txt", "a").write(f"{kwargs['batch_size']} ")
        return model.fit(*args, **kwargs)
"""
    trials = searched(tmp_path, monkeypatch, text, "train.batch_size={choice=[24, 48]}")
    seen = (tmp_path / "seen.txt").read_text().split()[-len(trials) :]
    assert seen == [str(trial.hyperparameters["batch_size"]) for trial in trials]


def test_the_best_epoch_of_a_fit_counts_and_its_weights_are_kept(tmp_path, monkeypatch):
    text = """
    def fit(self, hp, model, *args, **kwargs):
        keras.backend.set_value(model.optimizer.learning_rate, 0.05)
        return model.fit(*args, **kwargs)
"""
    for trial in searched(tmp_path, monkeypatch, text, "train.epochs=5"):
        found = [entry["val_accuracy"] for entry in trial.curve]
        assert trial.value == max(found)
        assert trial.epoch == found.index(max(found)) + 1
