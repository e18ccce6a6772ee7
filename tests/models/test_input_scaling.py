"""Scaling at a model's input is done by the preprocessing instead, to the same outputs."""

import numpy as np
import pytest

from vaiopt.data.preprocessing import Scaling
from vaiopt.keras import load_keras
from vaiopt.models.input_scaling import without_scaling
from vaiopt.search.training.describe import scaling_notes
from vaiopt.settings import load_settings

RAW = np.random.RandomState(0).randint(0, 256, (5, 4, 4, 3)).astype(np.float32)


def layers():
    found = load_keras().layers
    old = getattr(getattr(found, "experimental", None), "preprocessing", found)
    return found, getattr(found, "Rescaling", None) or old.Rescaling


def adapted():
    normalization = layers()[0].Normalization()
    normalization.adapt(RAW)
    return normalization


def moving():
    found = layers()[0]
    old = getattr(getattr(found, "experimental", None), "preprocessing", found)
    mirrored = getattr(found, "RandomFlip", None) or old.RandomFlip
    turned = getattr(found, "RandomRotation", None) or old.RandomRotation
    return [mirrored("horizontal"), turned(0.1)]


HEADS = {
    "a factor": lambda x: layers()[1](1 / 255)(x),
    "factor and offset": lambda x: layers()[1](1 / 127.5, offset=-1)(x),
    "numbers for channels": lambda x: layers()[1]([0.1, 0.2, 0.3], offset=[1, 2, 3])(x),
    "two, one after the other": lambda x: layers()[1](2.0, 1.0)(layers()[1](1 / 255)(x)),
    "a normalization": lambda x: adapted()(x),
    "after a reshape": lambda x: layers()[1](1 / 255)(layers()[0].Reshape((16, 3))(x)),
    "behind what moves pixels": lambda x: layers()[1](1 / 255)(moving()[0](x)),
    "behind a block of that": lambda x: layers()[1](1 / 255)(load_keras().Sequential(moving())(x)),
    "operators": lambda x: x / 127.5 - 1.0,
}
LEFT = {
    "a negative factor": lambda x: layers()[1](-1 / 255, offset=1)(x),
    "numbers for channels after a reshape": lambda x: layers()[1]([1.0] * 12)(
        layers()[0].Reshape((4, 12))(x)
    ),
    "a normalization that saw no data": lambda x: layers()[0].Normalization(axis=None)(x),
    "after noise": lambda x: layers()[1](1 / 255)(layers()[0].GaussianNoise(9.0)(x)),
    "after a convolution": lambda x: layers()[1](1 / 255)(layers()[0].Conv2D(2, 1)(x)),
    "a second user of the raw input": lambda x: layers()[0].Concatenate()(
        [layers()[1](1 / 255)(x), x]
    ),
}


def model_of(head):
    keras = load_keras()
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.Flatten()(head(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    model.compile(keras.optimizers.SGD(0.25), "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize("name", HEADS)
def test_it_is_taken_out_and_the_outputs_are_the_same(name):
    model = model_of(HEADS[name])
    found = without_scaling(model)
    scaling = found.scaling
    scaled = (RAW - np.float32(scaling.offset)) / np.float32(scaling.scale)
    assert found.left == ()
    assert found.model.predict(scaled, verbose=0) == pytest.approx(
        model.predict(RAW, verbose=0), abs=1e-5
    )
    assert found.model.loss == "sparse_categorical_crossentropy"
    assert float(found.model.optimizer.learning_rate) == 0.25
    kinds = {type(layer).__name__ for layer in found.model.layers}
    assert not kinds & {"Rescaling", "Normalization", "TFOpLambda"}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_not_one_positive_scaling_stays_and_is_named(name):
    model = model_of(LEFT[name])
    found = without_scaling(model)
    assert found.model is model
    assert found.scaling is None
    assert len(found.left) == 1


def test_a_sequential_model_and_one_without_scaling():
    keras = load_keras()
    flat = [keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((4, 4, 3)), layers()[1](1 / 255), *flat])
    found = without_scaling(model)
    assert found.scaling.scale == pytest.approx((255.0,))
    assert found.model.predict(RAW / 255, verbose=0) == pytest.approx(
        model.predict(RAW, verbose=0), abs=1e-5
    )
    plain = keras.Sequential([keras.Input((4, 4, 3)), *flat])
    assert without_scaling(plain) == (plain, None, ())


def test_a_scaling_comes_after_that_of_the_settings():
    scaling = Scaling((1.0, 2.0), (4.0, 8.0))
    x = np.array([[3.0, 5.0]])
    first = (x - 0.5) / 2.0
    offset, scale = scaling.after(0.5, 2.0)
    assert (x - offset) / scale == pytest.approx((first - scaling.offset) / scaling.scale)
    assert scaling.after(None, None) == (scaling.offset, scaling.scale)
    assert Scaling.from_json(scaling.to_json()) == scaling
    assert str(Scaling((0.0,), (255.0,))) == "x / 255"


def test_what_becomes_of_it_is_told():
    data = load_settings(None, []).data
    assert scaling_notes(data, None, ()) == ()
    (taken,) = scaling_notes(data, Scaling((-0.0,), (255.0,)), ())
    assert taken == "the scaling at the model's input, x / 255, is part of the preprocessing"
    (told,) = scaling_notes(data, None, ("rescaling_3",))
    assert "'rescaling_3'" in told and "data.offset=0" in told
    raw = load_settings(None, ["data.offset=0", "data.scale=1"]).data
    assert scaling_notes(raw, None, ("rescaling_3",)) == ()
