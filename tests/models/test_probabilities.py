import functools

import numpy as np
import pytest

from vaiopt.keras import load_keras, load_model, load_tensorflow, save_model
from vaiopt.models.probabilities import (
    activation_of_file,
    doubt_of_loss,
    file_attributes,
    missing_activation,
    probabilities,
    with_activation,
)

K = load_keras()
LOSSES = K.losses


def model_of(units, activation=None, loss=None):
    model = K.Sequential([K.layers.Dense(units, activation=activation, input_shape=(3,))])
    if loss is not None:
        model.compile("adam", loss)
    return model


@pytest.mark.parametrize(
    "units, loss, activation",
    [
        (1, LOSSES.BinaryCrossentropy(from_logits=True), "sigmoid"),
        (1, [LOSSES.BinaryCrossentropy(from_logits=True)], "sigmoid"),
        (4, LOSSES.SparseCategoricalCrossentropy(from_logits=True), "softmax"),
        (4, LOSSES.CategoricalCrossentropy(from_logits=True), "softmax"),
    ],
)
def test_the_function_that_a_loss_stands_for_is_known_from_the_model_and_from_its_file(
    units, loss, activation, tmp_path
):
    model = model_of(units, loss=loss)
    assert missing_activation(model) == activation
    save_model(model, tmp_path / "ours.h5", file_attributes(model))
    model.save(str(tmp_path / "keras.h5"))
    for name in ("ours.h5", "keras.h5"):
        loaded = load_model(tmp_path / name)
        assert activation_of_file(loaded, tmp_path / name) == activation
    found = with_activation(model, activation)
    x = np.random.RandomState(0).normal(0, 3, (20, 3)).astype(np.float32)
    logits = model.predict(x, verbose=0)
    wanted = np.asarray(K.activations.get(activation)(K.backend.constant(logits)))
    assert found.predict(x, verbose=0) == pytest.approx(wanted, abs=1e-6)
    assert probabilities(logits, activation) == pytest.approx(wanted, abs=1e-6)
    assert found.layers[-1].name == "probabilities"


@pytest.mark.parametrize(
    "units, activation, loss",
    [
        (1, "sigmoid", "binary_crossentropy"),
        (1, "sigmoid", LOSSES.BinaryCrossentropy()),
        (4, "softmax", "sparse_categorical_crossentropy"),
        (1, None, "mse"),
        (1, None, None),
        (4, None, lambda y, p: p),
    ],
)
def test_any_other_model_stays_as_it_is(units, activation, loss, tmp_path):
    model = model_of(units, activation, loss)
    assert missing_activation(model) == ""
    save_model(model, tmp_path / "model.h5", file_attributes(model))
    assert activation_of_file(model, tmp_path / "model.h5") == ""
    assert with_activation(model, "") is model


def own_of_logits(true, said):
    tf = load_tensorflow()
    return tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(true, tf.float32), said)


def own_of_probabilities(true, said):
    return K.losses.binary_crossentropy(true, said)


def own_margin(true, said):
    return K.backend.mean(K.backend.maximum(1 - (2 * true - 1) * said, 0), axis=-1)


def own_poisson(true, said):
    return said - true * K.backend.log(said)


def own_distance(true, said):
    return K.backend.mean(K.backend.abs(true - said), axis=-1)


@pytest.mark.parametrize(
    "loss", [own_of_logits, own_margin, load_tensorflow().nn.weighted_cross_entropy_with_logits]
)
def test_a_loss_of_ones_own_that_goes_on_beyond_0_and_1_is_of_logits(loss, tmp_path):
    if loss not in (own_of_logits, own_margin):
        loss = functools.partial(loss, pos_weight=2.0)
    model = model_of(1, loss=loss)
    assert missing_activation(model) == "sigmoid"
    save_model(model, tmp_path / "model.h5", file_attributes(model))
    assert activation_of_file(model, tmp_path / "model.h5") == "sigmoid"


@pytest.mark.parametrize("loss", [own_of_probabilities, own_poisson, own_distance])
def test_a_loss_of_ones_own_of_probabilities_or_quantities_is_not(loss):
    assert missing_activation(model_of(1, loss=loss)) == ""
    assert missing_activation(model_of(1, "sigmoid", own_of_logits)) == ""


@pytest.mark.parametrize(
    "units, activation, loss",
    [
        (1, "sigmoid", LOSSES.BinaryCrossentropy(from_logits=True)),
        (4, "softmax", LOSSES.SparseCategoricalCrossentropy(from_logits=True)),
    ],
)
def test_an_activation_that_is_there_is_not_put_on_twice(units, activation, loss, tmp_path):
    model = model_of(units, activation, loss)
    assert missing_activation(model) == ""
    model.save(str(tmp_path / "keras.h5"))
    assert activation_of_file(model, tmp_path / "keras.h5") == ""


@pytest.mark.parametrize(
    "units, activation, loss, told",
    [
        (1, "sigmoid", LOSSES.BinaryCrossentropy(from_logits=True), "ends in a sigmoid"),
        (4, "softmax", LOSSES.CategoricalCrossentropy(from_logits=True), "ends in a softmax"),
        (1, None, "binary_crossentropy", "ends without an activation"),
        (4, None, LOSSES.SparseCategoricalCrossentropy(), "ends without an activation"),
        (4, None, LOSSES.sparse_categorical_crossentropy, "ends without an activation"),
        (4, None, LOSSES.SparseCategoricalCrossentropy(from_logits=True), ""),
        (4, "softmax", "categorical_crossentropy", ""),
        (4, "sigmoid", "binary_crossentropy", ""),
        (4, None, "mse", ""),
        (4, None, own_of_logits, ""),
    ],
)
def test_an_activation_that_contradicts_the_loss_is_told(units, activation, loss, told):
    found = doubt_of_loss(model_of(units, activation, loss))
    assert told in found and bool(told) == bool(found)


def test_large_logits_overflow_nothing():
    with np.errstate(all="raise", under="ignore"):
        for activation in ("sigmoid", "softmax"):
            found = probabilities(np.array([[-1e4, 1e4], [1e4, -1e4]], np.float32), activation)
            assert found.tolist() == [[0.0, 1.0], [1.0, 0.0]]
