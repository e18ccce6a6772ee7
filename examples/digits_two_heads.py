"""Two outputs of one network: which digit a picture shows, and how much ink is on it."""

import numpy as np
from tensorflow import keras


def load():
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = digits.images.astype(np.uint8)
    ink = 100.0 * digits.images.mean(axis=(1, 2)) / 16.0  # percent
    y = {"digit": digits.target, "ink": ink}
    return {"x": x, "y": y, "value_range": (0.0, 16.0)}


def build_model(hp):
    inputs = keras.Input(hp.input_shape)
    x = inputs
    for number in range(2):
        filters = hp.Int(f"filters_{number}", 8, 32, step=8, default=16)
        x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D()(x))
    classes = hp.outputs["digit"].classes
    digit = keras.layers.Dense(classes, activation="softmax", name="digit")(x)
    ink = keras.layers.Dense(1, name="ink")(x)
    model = keras.Model(inputs, [digit, ink])
    rate = hp.Float("learning_rate", 1e-3, 1e-2, sampling="log", default=3e-3)
    losses = {"digit": "sparse_categorical_crossentropy", "ink": "mse"}
    model.compile(keras.optimizers.Adam(rate), losses)
    return model
