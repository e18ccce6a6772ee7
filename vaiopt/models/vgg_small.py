"""A small VGG: stages of 3x3 convolutions at one size, each stage twice as wide as the one before
it (K. Simonyan and A. Zisserman, 2014, with batch normalisation).
"""

from __future__ import annotations

from typing import Any

from vaiopt.keras import load_keras
from vaiopt.models.blocks import check_images, halvings, pooled_head
from vaiopt.models.common import conv_relu
from vaiopt.study.hyperparameters import HyperParameters

MOST_STAGES, LEAST_SIDE = 4, 2
"""Stages, and pixels that the last of them leaves at least."""


def build_model(hp: HyperParameters) -> Any:
    """Build the network for images of ``hp.input_shape`` (height, width, channels)."""
    check_images(hp)
    layers = load_keras().layers
    width = hp.Int("width", 16, 64, step=16, default=32)
    most = max(1, halvings(hp, MOST_STAGES, LEAST_SIDE))
    stages = hp.Int("stages", 1, most, default=min(3, most))
    depth = hp.Int("depth", 1, 3, default=2)
    inputs = x = layers.Input(hp.input_shape, name="image")
    for stage in range(stages):
        for index in range(depth):
            x = conv_relu(x, width << stage, f"conv{stage + 1}_{index + 1}", normalise=True)
        if min(hp.smallest_shape[:2]) >> stage > 1:
            x = layers.MaxPooling2D(2, name=f"pool{stage + 1}")(x)
    return pooled_head(inputs, x, hp, "vgg_small")
