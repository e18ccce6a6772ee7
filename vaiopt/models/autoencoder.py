"""An autoencoder for images of images: down by some steps, through a narrow middle, up again."""

from __future__ import annotations

from typing import Any

from vaiopt.keras import load_keras
from vaiopt.models.common import conv_relu, finish, steps_down
from vaiopt.study.hyperparameters import HyperParameters


def build_model(hp: HyperParameters) -> Any:
    """Build the autoencoder for images of ``hp.input_shape`` (height, width, channels), whose sides
    can be halved at least once; its images are of the size of its samples.
    """
    layers = load_keras().layers
    width = hp.Int("width", 8, 48, step=8, default=24)
    depth = hp.Int("depth", 1, steps_down(hp), default=min(2, steps_down(hp)))
    middle = hp.Int("middle", 8, 64, step=8, default=32)
    upsampling = hp.Choice("upsampling", ["nearest", "transposed"])
    inputs = x = layers.Input(hp.input_shape, name="image")
    for index in range(depth):
        x = conv_relu(x, width, f"down{index + 1}")
        x = layers.MaxPooling2D(2, name=f"pool{index + 1}")(x)
    x = conv_relu(x, middle, "middle")
    for index in reversed(range(depth)):
        name = f"up{index + 1}"
        if upsampling == "nearest":
            x = layers.UpSampling2D(2, name=name)(x)
        else:
            x = layers.Conv2DTranspose(width, 2, strides=2, name=name)(x)
        x = conv_relu(x, width, f"{name}_conv")
    return finish(inputs, x, hp, "autoencoder", learning_rates=(1e-4, 1e-2))
