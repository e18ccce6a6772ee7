"""A CNN over time for signals: searched blocks of convolution, batch normalisation or not, and
pooling. It is quantized as one over images of one column, all of which a DPU runs.
"""

from __future__ import annotations

from typing import Any

from vaiopt.errors import ModelError
from vaiopt.keras import load_keras
from vaiopt.models.common import finish
from vaiopt.study.hyperparameters import HyperParameters

FILTERS = (16, 96, 16)
"""Lowest, highest, step: multiples of the channel parallelism of the largest DPU (B4096: 16)."""

SHORTEST, LONG = 4, 256
"""Steps of the shortest signal; of more than this, four steps become one in each block, not two."""

MOST_BLOCKS = 4


def build_model(hp: HyperParameters) -> Any:
    """Build the CNN for signals of ``hp.input_shape`` (time, channels) from 4 steps.

    Raises:
        ModelError: the samples are no signals, or shorter.
    """
    if len(hp.input_shape) != 2 or hp.input_shape[0] < SHORTEST:
        raise ModelError(
            f"this family is for signals (time, channels) of {SHORTEST} steps or more; samples are"
            f" {hp.input_shape}",
            "Use another model.family; or say that samples are signals: --set data.kind=signal",
        )
    layers = load_keras().layers
    inputs = x = layers.Input(hp.input_shape, name="signal")
    steps = hp.input_shape[0]
    pool = 2 if steps <= LONG else 4
    # The last block leaves two steps or more.
    most = max(n for n in range(1, MOST_BLOCKS + 1) if n == 1 or steps // pool**n >= 2)
    blocks = hp.Int("blocks", 1, most, default=min(3, most))
    kernel = hp.Choice("kernel", [3, 5, 7], default=5)
    normalise = hp.Boolean("batch_norm")
    lowest, highest, step = FILTERS
    for index in range(1, blocks + 1):
        with hp.conditional_scope("blocks", list(range(index, most + 1))):
            filters = hp.Int(f"filters{index}", lowest, highest, step=step, default=32)
        options = {"padding": "same", "activation": None if normalise else "relu"}
        x = layers.Conv1D(filters, kernel, name=f"conv{index}", **options)(x)
        if normalise:
            x = layers.BatchNormalization(name=f"norm{index}")(x)
            x = layers.ReLU(name=f"relu{index}")(x)
        x = layers.MaxPooling1D(pool, name=f"pool{index}")(x)
    x = layers.Flatten(name="flatten")(x)
    nodes = hp.Int("dense_nodes", 32, 256, step=32, default=64)
    x = layers.Dense(nodes, activation="relu", name="dense")(x)
    rate = hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.2)
    if rate > 0:
        x = layers.Dropout(rate, name="dropout")(x)
    return finish(inputs, x, hp, "cnn_1d", learning_rates=(1e-4, 1e-2))
