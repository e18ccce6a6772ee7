"""What the tests of model files share."""

import pytest

from vaiopt.keras import load_keras, save_model


@pytest.fixture(scope="session")
def good(tmp_path_factory):
    """A file of a convolution and a dense layer."""
    keras = load_keras()
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    x = keras.layers.Flatten(name="flat")(x)
    model = keras.Model(image, keras.layers.Dense(3, activation="softmax", name="dense")(x))
    path = tmp_path_factory.mktemp("good") / "good.h5"
    save_model(model, path)
    return path
