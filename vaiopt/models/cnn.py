"""The lab's CNN: two 5x5 convolutions, then one to five dense layers of 5 to 512 nodes, ReLU or
sigmoid throughout.

The published experiment (Bayesian search on MNIST in the Vitis-AI docker) searched exactly these
four: the learning rate, the number of dense layers, their nodes, and the activation.
"""

from __future__ import annotations

from typing import Any

from vaiopt.keras import load_keras
from vaiopt.models.common import finish
from vaiopt.study.hyperparameters import HyperParameters


def build_model(hp: HyperParameters) -> Any:
    """Build the CNN for images of ``hp.input_shape`` (height, width, channels) from 4x4 pixels."""
    layers = load_keras().layers
    activation = hp.Choice("activation", ["relu", "sigmoid"])
    inputs = x = layers.Input(hp.input_shape, name="image")
    for index, filters in enumerate((16, 36), start=1):
        x = layers.Conv2D(filters, 5, padding="same", activation=activation, name=f"conv{index}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{index}")(x)
    x = layers.Flatten(name="flatten")(x)
    nodes = hp.Int("dense_nodes", 5, 512, default=128)
    for index in range(hp.Int("dense_layers", 1, 5)):
        x = layers.Dense(nodes, activation=activation, name=f"dense{index + 1}")(x)
    return finish(inputs, x, hp, "cnn", learning_rates=(1e-6, 1e-2))
