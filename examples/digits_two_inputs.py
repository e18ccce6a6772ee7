"""Two inputs of one network: a picture of a digit, and how much ink is in each of its rows."""

import numpy as np
from tensorflow import keras


def load():
    from sklearn.datasets import load_digits

    digits = load_digits()
    picture = digits.images.astype(np.uint8)
    rows = digits.images.sum(axis=2).astype(np.float32)
    return {
        "x": {"picture": picture, "rows": rows},
        "y": digits.target,
        "value_range": (0.0, 16.0),
    }


def build_model(hp):
    inputs = {name: keras.Input(one.shape, name=name) for name, one in hp.inputs.items()}
    x = inputs["picture"]
    for number in range(2):
        filters = hp.Int(f"filters_{number}", 8, 32, step=8, default=16)
        x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D()(x))
    units = hp.Int("units", 8, 32, step=8, default=16)
    rows = keras.layers.Dense(units, activation="relu")(inputs["rows"])
    both = keras.layers.Concatenate()([x, rows])
    outputs = keras.layers.Dense(hp.classes, activation="softmax")(both)
    model = keras.Model(list(inputs.values()), outputs)
    rate = hp.Float("learning_rate", 1e-3, 1e-2, sampling="log", default=3e-3)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", ["accuracy"])
    return model
