"""A CNN with searched blocks (convolution, batch normalisation or not, pooling) and filters."""

from __future__ import annotations

from typing import Any

from vaiopt.keras import load_keras
from vaiopt.models.common import finish
from vaiopt.study.hyperparameters import HyperParameters

FILTERS = (16, 96, 16)
"""Lowest, highest, step: multiples of the channel parallelism of the largest DPU (B4096: 16)."""


def build_model(hp: HyperParameters) -> Any:
    """Build the CNN for images of ``hp.input_shape`` (height, width, channels) from 4x4 pixels."""
    layers = load_keras().layers
    inputs = x = layers.Input(hp.input_shape, name="image")
    # The last block sees 2x2 pixels or more, in the smallest images, too.
    most = max(1, min(4, min(hp.smallest_shape[:2]).bit_length() - 2))
    blocks = hp.Int("blocks", 1, most, default=min(2, most))
    normalise = hp.Boolean("batch_norm")
    lowest, highest, step = FILTERS
    for index in range(1, blocks + 1):
        with hp.conditional_scope("blocks", list(range(index, most + 1))):
            filters = hp.Int(f"filters{index}", lowest, highest, step=step, default=32)
        activation = None if normalise else "relu"
        x = layers.Conv2D(filters, 3, padding="same", activation=activation, name=f"conv{index}")(x)
        if normalise:
            x = layers.BatchNormalization(name=f"norm{index}")(x)
            x = layers.ReLU(name=f"relu{index}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{index}")(x)
    x = layers.Flatten(name="flatten")(x)
    nodes = hp.Int("dense_nodes", 32, 256, step=32, default=64)
    x = layers.Dense(nodes, activation="relu", name="dense")(x)
    rate = hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.2)
    if rate > 0:
        x = layers.Dropout(rate, name="dropout")(x)
    return finish(inputs, x, hp, "cnn_blocks", learning_rates=(1e-4, 1e-2))
