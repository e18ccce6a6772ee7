"""The two-layer MLP of the published studies of MNIST and Fashion-MNIST."""

from __future__ import annotations

from typing import Any

from vaiopt.keras import load_keras
from vaiopt.models.common import finish
from vaiopt.study.hyperparameters import HyperParameters


def build_model(hp: HyperParameters) -> Any:
    """Build the MLP for samples of any shape; images are flattened."""
    keras = load_keras()
    layers = keras.layers
    regulariser = hp.Choice("regularizer", ["none", "l1", "l2"])
    with hp.conditional_scope("regularizer", ["l1", "l2"]):
        strength = hp.Float("regularization", 1e-5, 1e-1, sampling="log", default=1e-4)
    penalty = None if regulariser == "none" else getattr(keras.regularizers, regulariser)(strength)
    kind = hp.Choice("initializer", ["glorot_uniform", "he_normal", "random_normal"])
    activation = hp.Choice("activation", ["relu", "sigmoid"])
    normalise = hp.Boolean("batch_norm")
    rate = hp.Float("dropout", 0.0, 0.6, step=0.1)
    inputs = x = layers.Input(hp.input_shape, name="input")
    if len(hp.input_shape) > 1:
        x = layers.Flatten(name="flatten")(x)
    widths = [
        hp.Int(f"nodes{index}", 32, 512, step=32, default=default)
        for index, default in ((1, 128), (2, 256))
    ]
    for index, nodes in enumerate(widths, start=1):
        x = layers.Dense(
            nodes,
            kernel_initializer=kind,
            kernel_regularizer=penalty,
            activation=None if normalise else activation,
            name=f"dense{index}",
        )(x)
        if normalise:
            x = layers.BatchNormalization(name=f"norm{index}")(x)
            x = layers.Activation(activation, name=f"activation{index}")(x)
        if rate > 0:
            x = layers.Dropout(rate, name=f"dropout{index}")(x)
    return finish(
        inputs, x, hp, "mlp", optimizers=("adam", "rmsprop", "sgd"), learning_rates=(1e-4, 1e-1)
    )
