"""The residual network for small images, of two convolutions a block (K. He and others, 2015).

At a depth of 3 blocks a stage and three stages it is their ResNet-20; larger images get a fourth
stage.
"""

from __future__ import annotations

from typing import Any

from vaiopt.keras import load_keras
from vaiopt.models.blocks import Naming, check_images, conv_norm, halvings, pooled_head, relu
from vaiopt.study.hyperparameters import HyperParameters

NAMING = Naming("_bn", "_relu")
MOST_STAGES = 4
LARGE = 96
"""Pixels of the shorter side from which the first convolution has a stride and pooling behind it,
as in the network for images of 224 pixels.
"""


def build_model(hp: HyperParameters) -> Any:
    """Build the network for images of ``hp.input_shape`` (height, width, channels)."""
    check_images(hp)
    layers = load_keras().layers
    width = hp.Int("width", 16, 64, step=16, default=16)
    depth = hp.Int("depth", 1, 5, default=2)
    side = min(hp.smallest_shape[:2])
    inputs = x = layers.Input(hp.input_shape, name="image")
    large = side >= LARGE
    x = conv_norm(x, width, "conv1", NAMING, kernel=3, stride=1 + large, activation=relu)
    if large:
        x = layers.MaxPooling2D(3, 2, padding="same", name="pool1")(x)
    stages = 1 + min(MOST_STAGES - 1, halvings(hp) - 2 * large)
    for stage in range(stages):
        for block in range(depth):
            stride = 2 if stage and not block else 1
            x = _block(x, width << stage, stride, f"conv{stage + 2}_block{block + 1}")
    return pooled_head(inputs, x, hp, "resnet")


def _block(x: Any, filters: int, stride: int, name: str) -> Any:
    """Return two convolutions and what they were given, added."""
    across = x
    x = conv_norm(x, filters, f"{name}_1", NAMING, kernel=3, stride=stride, activation=relu)
    x = conv_norm(x, filters, f"{name}_2", NAMING, kernel=3, activation=None)
    if stride > 1 or across.shape[-1] != filters:
        across = conv_norm(across, filters, f"{name}_0", NAMING, stride=stride, activation=None)
    x = load_keras().layers.Add(name=f"{name}_add")([across, x])
    return relu(x, f"{name}_out")
