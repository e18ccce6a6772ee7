"""Small Keras 2 models for the tests of this folder."""

from typing import Any


def plain_cnn(
    keras: Any, size: int = 28, channels: int = 1, filters: int = 16, activation: str = "relu"
) -> Any:
    """Two convolutions with batch normalization and pooling, and a dense softmax."""
    layers = keras.layers
    inputs = keras.Input((size, size, channels), name="image")
    x = inputs
    for number, count in enumerate((filters, 2 * filters)):
        x = layers.Conv2D(count, 3, padding="same", name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"norm{number}")(x)
        x = layers.Activation(activation, name=f"act{number}")(x)
        x = layers.MaxPooling2D(name=f"pool{number}")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(
        inputs, layers.Dense(10, activation="softmax", name="classes")(x), name="plain"
    )


def with_layers(keras: Any, *layers: Any, shape: Any = (8, 8, 16)) -> Any:
    """A model of one convolution, the given layers after each other, and a convolution."""
    inputs = keras.Input(shape)
    x = keras.layers.Conv2D(16, 3, padding="same", name="before")(inputs)
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)
