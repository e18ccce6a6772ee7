"""EfficientNet-Lite (R. Liu, 2020): EfficientNet with ReLU6 and without squeeze-and-excite, so that
every layer is one of the DPU's.

Width and depth of 1.0 are Lite0, 1.0 and 1.1 Lite1, 1.1 and 1.2 Lite2 (settings may fix them). Its
layers have the names of ``keras.applications``, as the files of weights for it have.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Tuple

from vaiopt.keras import load_keras
from vaiopt.models.blocks import (
    Naming,
    check_images,
    conv_norm,
    depthwise_norm,
    divisible,
    pooled_head,
    strides,
)
from vaiopt.study.hyperparameters import HyperParameters

NAMING = Naming("_bn", "_relu")


class Stage(NamedTuple):
    """Blocks of one size of maps: how many, and of what."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    filters: int


STAGES: Tuple[Stage, ...] = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
"""Source: efficientnet_lite_builder.py of tensorflow/tpu; as B0."""

STEM, HEAD = 32, 1280
"""Filters of the first and the last convolution, which Lite does not scale."""


def build_model(hp: HyperParameters) -> Any:
    """Build the network for images of ``hp.input_shape`` (height, width, channels)."""
    check_images(hp)
    width = hp.Float("width", 0.25, 1.25, step=0.25, default=0.5)
    depth = hp.Float("depth", 0.5, 1.25, step=0.25, default=0.5)
    steps = strides(hp, [2, *(stage.stride for stage in STAGES)])
    inputs = x = load_keras().layers.Input(hp.input_shape, name="image")
    x = conv_norm(x, STEM, "stem_conv", NAMING, kernel=3, stride=steps[0], norm="stem_bn")
    for number, stage in enumerate(STAGES, start=1):
        ends = number in (1, len(STAGES))  # the first and the last stage keep their depth
        repeats = stage.repeats if ends else math.ceil(stage.repeats * depth)
        for index in range(repeats):
            stride = steps[number] if index == 0 else 1
            x = _block(x, stage, divisible(stage.filters * width), stride, number, index)
    x = conv_norm(x, HEAD, "top_conv", NAMING, norm="top_bn")
    return pooled_head(inputs, x, hp, "efficientnet_lite")


def _block(x: Any, stage: Stage, filters: int, stride: int, number: int, index: int) -> Any:
    name = f"block{number}{chr(ord('a') + index)}_"
    across, channels = x, int(x.shape[-1])
    if stage.expansion > 1:
        wide = channels * stage.expansion
        x = conv_norm(x, wide, f"{name}expand_conv", NAMING, norm=f"{name}expand_bn")
    x = depthwise_norm(
        x, f"{name}dwconv", NAMING, kernel=stage.kernel, stride=stride, norm=f"{name}bn"
    )
    norm = f"{name}project_bn"
    x = conv_norm(x, filters, f"{name}project_conv", NAMING, activation=None, norm=norm)
    if index and channels == filters:
        x = load_keras().layers.Add(name=f"{name}add")([across, x])
    return x
