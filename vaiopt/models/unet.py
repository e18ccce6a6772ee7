"""A U-Net for masks: down by some steps, up again, with connections across (O. Ronneberger and
others, 2015).
"""

from __future__ import annotations

from typing import Any, List

from vaiopt.keras import load_keras
from vaiopt.models.common import conv_relu, finish, steps_down
from vaiopt.study.hyperparameters import HyperParameters


def build_model(hp: HyperParameters) -> Any:
    """Build the U-Net for images of ``hp.input_shape`` (height, width, channels), whose sides can
    be halved at least once.
    """
    layers = load_keras().layers
    width = hp.Int("width", 8, 32, step=8, default=16)
    depth = hp.Int("depth", 1, steps_down(hp), default=min(3, steps_down(hp)))
    upsampling = hp.Choice("upsampling", ["nearest", "transposed"])
    normalise = hp.Boolean("batch_norm", default=True)
    inputs = x = layers.Input(hp.input_shape, name="image")
    across: List[Any] = []
    for index in range(depth):
        for part in "ab":
            x = conv_relu(x, width << index, f"down{index + 1}{part}", normalise)
        across.append(x)
        x = layers.MaxPooling2D(2, name=f"pool{index + 1}")(x)
    for part in "ab":
        x = conv_relu(x, width << depth, f"middle_{part}", normalise)
    for index in reversed(range(depth)):
        name = f"up{index + 1}"
        if upsampling == "nearest":
            x = layers.UpSampling2D(2, name=name)(x)
        else:
            x = layers.Conv2DTranspose(width << index, 2, strides=2, name=name)(x)
        x = layers.Concatenate(name=f"{name}_both")([across[index], x])
        for part in "ab":
            x = conv_relu(x, width << index, f"{name}{part}", normalise)
    return finish(inputs, x, hp, "unet", learning_rates=(1e-4, 1e-2))
