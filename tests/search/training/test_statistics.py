from dataclasses import replace

import numpy as np
import pytest

from vaiopt.data import load_dataset, split_dataset
from vaiopt.data.batches import DeviceData
from vaiopt.keras import load_keras
from vaiopt.search.training.fit import Plan, train
from vaiopt.search.training.statistics import SAMPLES, BatchStatistics

DATASET = load_dataset("digits", limit=300, seed=0)
SPLITS = split_dataset(DATASET, (7, 2, 1), seed=0)
PLAN = Plan(epochs=2, batch_size=32, seed=0, metric="val_accuracy", maximise=True, patience=0)


@pytest.fixture(scope="module")
def device():
    return DeviceData(DATASET)


def model_of(*norms):
    """A compiled network with these layers."""
    keras = load_keras()
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    for norm in norms:
        x = norm(x)
    outputs = keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten()(x))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def features(model, layer, x):
    """What goes into a layer in training, as float64 (samples, features)."""
    keras = load_keras()
    found = keras.Model(model.inputs, layer.input)(x, training=True).numpy()
    return found.reshape(-1, found.shape[-1]).astype(np.float64)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.99, 0.999])
def test_the_averages_are_those_of_the_weights_whatever_the_momentum(device, momentum):
    norm = load_keras().layers.BatchNormalization(momentum=momentum)
    model = model_of(norm)
    BatchStatistics(model, device, SPLITS, 32).refresh()
    seen = features(model, norm, SPLITS.train.x[:SAMPLES])
    assert norm.moving_mean.numpy() == pytest.approx(seen.mean(axis=0), rel=1e-3, abs=1e-4)
    assert norm.moving_variance.numpy() == pytest.approx(seen.var(axis=0), rel=1e-2)


def test_many_batches_and_a_layer_that_is_called_twice_give_the_mean_over_both(device, monkeypatch):
    monkeypatch.setattr("vaiopt.search.training.statistics.LARGEST_TENSOR", 1)
    norm = load_keras().layers.BatchNormalization(center=False, scale=False, epsilon=1e-9)
    model = model_of(norm, norm)
    BatchStatistics(model, device, SPLITS, 50).refresh()
    alone = load_keras().layers.BatchNormalization()
    once = features(model_of(alone), alone, SPLITS.train.x[:200])
    # The second time it sees mean 0 and variance 1.
    assert norm.moving_mean.numpy() == pytest.approx(once.mean(axis=0) / 2, rel=0.05, abs=1e-3)
    assert norm.moving_variance.numpy() == pytest.approx((once.var(axis=0) + 1) / 2, rel=0.05)


def test_frozen_layers_and_such_that_never_train_keep_what_they_had(device):
    layers = load_keras().layers
    frozen, never, trained = (layers.BatchNormalization() for _ in range(3))
    model = model_of(frozen, lambda x: never(x, training=False), trained)
    frozen.trainable = False
    for norm in (frozen, never, trained):
        norm.moving_mean.assign(np.full(4, 3.0))
        norm.moving_variance.assign(np.full(4, 7.0))
    BatchStatistics(model, device, SPLITS, 32).refresh()
    for norm in (frozen, never):
        assert list(norm.moving_mean.numpy()) == [3.0] * 4
        assert list(norm.moving_variance.numpy()) == [7.0] * 4
    assert list(trained.moving_mean.numpy()) != [3.0] * 4


def test_nothing_else_of_a_model_changes_and_it_is_called_as_before(device):
    layers = load_keras().layers
    norm = layers.BatchNormalization()
    model = model_of(layers.Dropout(0.5), norm)
    own = {id(norm.moving_mean), id(norm.moving_variance)}
    others = [v for v in model.variables if id(v) not in own]
    before = [v.numpy() for v in others]
    BatchStatistics(model, device, SPLITS, 32).refresh()
    assert all(np.array_equal(v.numpy(), b) for v, b in zip(others, before))
    assert "call" not in vars(norm)


def test_they_are_taken_once_for_the_same_weights(device, monkeypatch):
    model = model_of(load_keras().layers.BatchNormalization())
    statistics = BatchStatistics(model, device, SPLITS, 32)
    taken = []
    monkeypatch.setattr(device, "samples", lambda *args: taken.append(0) or SPLITS.train.x[:50])
    statistics.refresh()
    first = len(taken)
    statistics.refresh()
    assert first and len(taken) == first
    model(SPLITS.train.x[:9], training=True)  # as a loop of one's own trains
    statistics.refresh()
    assert len(taken) == 2 * first


def test_a_short_training_is_validated_as_its_weights_deserve(device):
    """With the averages of Keras's own the same weights are right on half as many."""
    model = model_of(load_keras().layers.BatchNormalization(momentum=0.999))
    outcome = train(model, device, SPLITS, PLAN)
    assert outcome.entry["val_accuracy"] > outcome.entry["accuracy"] - 0.1
    x, y = SPLITS.validation.x, SPLITS.validation.y
    saved = (model.predict(x, verbose=0).argmax(axis=1) == y).mean()
    assert saved == pytest.approx(outcome.entry["val_accuracy"])


def test_the_training_itself_is_the_same_as_without(device, monkeypatch):
    def weights():
        keras = load_keras()
        model = model_of(keras.layers.BatchNormalization(), keras.layers.Dropout(0.5))
        train(model, device, SPLITS, replace(PLAN, keep_best=False))
        return [v.numpy() for v in model.trainable_variables]

    ours = weights()
    monkeypatch.setattr(BatchStatistics, "refresh", lambda self: None)
    assert all(np.array_equal(a, b) for a, b in zip(ours, weights()))
