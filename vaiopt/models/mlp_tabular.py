"""An MLP for tables of numbers: one to three layers, the first the widest, with dropout."""

from __future__ import annotations

from typing import Any

from vaiopt.keras import load_keras
from vaiopt.models.common import finish
from vaiopt.study.hyperparameters import HyperParameters


def build_model(hp: HyperParameters) -> Any:
    """Build the MLP for samples of ``hp.input_shape`` (features,)."""
    layers = load_keras().layers
    inputs = x = layers.Input(hp.input_shape, name="features")
    if len(hp.input_shape) > 1:
        x = layers.Flatten(name="flatten")(x)
    depth = hp.Int("layers", 1, 3, default=2)
    nodes = hp.Int("nodes", 16, 128, step=16, default=64)
    shape = hp.Choice("shape", ["brick", "funnel"])
    rate = hp.Float("dropout", 0.0, 0.5, step=0.1)
    for index in range(depth):
        width = nodes if shape == "brick" else max(8, nodes >> index)
        x = layers.Dense(width, activation="relu", name=f"dense{index + 1}")(x)
        if rate > 0:
            x = layers.Dropout(rate, name=f"dropout{index + 1}")(x)
    return finish(inputs, x, hp, "mlp_tabular", learning_rates=(1e-4, 3e-2))
