"""Models whose input is not written for the data: KerasTuner's own examples leave it to ``fit``, or
flatten images beforehand.
"""

import numpy as np
import pytest

from vaiopt.errors import ModelError
from vaiopt.keras import load_keras
from vaiopt.models import BuildFailed, build
from vaiopt.models.inputs import fit_input
from vaiopt.study.hyperparameters import HyperParameters

IMAGE = (8, 8, 1)


def hp():
    return HyperParameters(input_shape=IMAGE, classes=10, samples=100)


def test_a_sequential_model_of_unknown_input_is_built_for_the_data_and_stays_compiled():
    keras = load_keras()

    def build_model(hp):
        model = keras.Sequential(
            [keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
        )
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
        return model

    model = build(build_model, hp())
    assert model.input_shape == (None, *IMAGE) and model.output_shape == (None, 10)
    assert type(model.optimizer).__name__ == "SGD" and model.loss == "categorical_crossentropy"


@pytest.mark.parametrize("shape", [(8, 8), (64,)])
@pytest.mark.parametrize("functional", [False, True])
def test_an_input_of_another_shape_with_as_many_values_gets_a_reshape_and_keeps_its_function(
    shape, functional
):
    keras = load_keras()
    model = keras.Sequential(
        [keras.layers.Flatten(input_shape=shape), keras.layers.Dense(10, name="out")]
    )
    if functional:
        model = keras.Model(
            model.inputs, [keras.layers.Add(name="sum")([model.output, model.output])]
        )
    model.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    fitted = fit_input(model, IMAGE)
    x = np.random.RandomState(0).rand(3, *IMAGE).astype(np.float32)
    assert fitted.input_shape == (None, *IMAGE)
    assert np.allclose(
        fitted.predict(x, verbose=0), model.predict(x.reshape(3, *shape), verbose=0), atol=1e-6
    )
    assert fitted.optimizer is not None and fitted.loss is model.loss
    assert [type(layer).__name__ for layer in fitted.layers].count("Reshape") == 1


def test_a_model_that_fits_is_left_alone_and_one_that_cannot_fit_is_refused():
    keras = load_keras()
    right = keras.Sequential([keras.layers.Flatten(input_shape=IMAGE), keras.layers.Dense(10)])
    assert fit_input(right, IMAGE) is right
    wrong = keras.Sequential([keras.layers.Flatten(input_shape=(9, 9)), keras.layers.Dense(10)])
    with pytest.raises(BuildFailed, match=r"\(9, 9\)"):
        build(lambda hp: wrong, hp())
    with pytest.raises(ModelError, match="raised"):
        build(
            lambda hp: keras.Sequential(
                [keras.layers.Conv1D(3, 3), keras.layers.LSTM(4), keras.layers.LSTM(4)]
            ),
            hp(),
        )
