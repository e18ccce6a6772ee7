"""MobileNet v1, v2 and v3 (A. Howard, M. Sandler and others, 2017 to 2019) with the layers, names
and widths of ``keras.applications``, whose files of weights fit.

The smaller the images, the fewer strides: the weights have the same shapes. v3 is the minimal form
(ReLU, 3x3, no squeeze-and-excite) unless ``form`` is ``full``: its hard-swish is the DPU's own
sigmoid and a product, which not every DPU multiplies.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

from vaiopt.keras import load_keras
from vaiopt.models.blocks import (
    Function,
    Naming,
    check_images,
    conv_norm,
    depthwise_norm,
    divisible,
    hard_sigmoid,
    hard_swish,
    pooled_head,
    relu,
    some_of,
    strides,
)
from vaiopt.study.hyperparameters import HyperParameters


def build_model(hp: HyperParameters) -> Any:
    """Build the network for images of ``hp.input_shape`` (height, width, channels)."""
    check_images(hp)
    version = hp.Choice("version", list(VERSIONS), default="v2")
    width = hp.Float("width", 0.25, 1.0, step=0.25, default=0.5)
    depth = hp.Float("depth", 0.5, 1.0, step=0.25, default=0.5)
    with hp.conditional_scope("version", ["v3_small", "v3_large"]):
        form = hp.Choice("form", ["minimal", "full"])
    inputs = load_keras().layers.Input(hp.input_shape, name="image")
    x = VERSIONS[version](inputs, hp, Wanted(width, depth, form == "full"))
    return pooled_head(inputs, x, hp, f"mobilenet_{version}")


class Wanted(NamedTuple):
    """Which of a version's networks: times its channels, share of its repeated blocks, of v3
    whether with hard-swish and squeeze-and-excite.
    """

    width: float
    depth: float
    full: bool


# ---------------------------------------------------------------- v1

V1_NAMES = Naming("_bn", "_relu")
V1_STAGES: Tuple[Tuple[int, int, int], ...] = (
    # filters, stride, blocks
    (64, 1, 1),
    (128, 2, 2),
    (256, 2, 2),
    (512, 2, 6),
    (1024, 2, 2),
)


def _v1(x: Any, hp: HyperParameters, wanted: Wanted) -> Any:
    steps = strides(hp, [2, *(stride for _, stride, _ in V1_STAGES)])
    filters = int(32 * wanted.width)
    x = conv_norm(x, filters, "conv1", V1_NAMES, kernel=3, stride=steps[0])
    number = 1
    for (channels, _, blocks), step in zip(V1_STAGES, steps[1:]):
        for index in some_of(range(blocks), wanted.depth):
            stride = step if index == 0 else 1
            x = depthwise_norm(x, f"conv_dw_{number + index}", V1_NAMES, stride=stride)
            filters = int(channels * wanted.width)
            x = conv_norm(x, filters, f"conv_pw_{number + index}", V1_NAMES)
        number += blocks
    return x


# ---------------------------------------------------------------- v2

V2_NAMES = Naming("_BN", "_relu")
V2_STAGES: Tuple[Tuple[int, int, int, int], ...] = (
    # expansion, filters, blocks, stride
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
V2_LAST = 1280


def _v2(x: Any, hp: HyperParameters, wanted: Wanted) -> Any:
    steps = strides(hp, [2, *(stride for *_, stride in V2_STAGES)])
    first = divisible(32 * wanted.width)
    x = conv_norm(x, first, "Conv1", V2_NAMES, kernel=3, stride=steps[0], norm="bn_Conv1")
    number = 0
    for (expansion, channels, blocks, _), step in zip(V2_STAGES, steps[1:]):
        for index in some_of(range(blocks), wanted.depth):
            name = f"block_{number + index}" if number + index else "expanded_conv"
            stride = step if index == 0 else 1
            x = _v2_block(x, name, expansion, divisible(channels * wanted.width), stride, index)
        number += blocks
    last = divisible(V2_LAST * wanted.width) if wanted.width > 1 else V2_LAST
    return conv_norm(x, last, "Conv_1", V2_NAMES, norm="Conv_1_bn")


def _v2_block(x: Any, name: str, expansion: int, filters: int, stride: int, index: int) -> Any:
    across, channels = x, int(x.shape[-1])
    if expansion > 1:
        x = conv_norm(x, channels * expansion, f"{name}_expand", V2_NAMES)
    x = depthwise_norm(x, f"{name}_depthwise", V2_NAMES, stride=stride)
    x = conv_norm(x, filters, f"{name}_project", V2_NAMES, activation=None)
    return load_keras().layers.Add(name=f"{name}_add")([across, x]) if index else x


# ---------------------------------------------------------------- v3

V3_NAMES = Naming("/BatchNorm", "/act")
SQUEEZE = 0.25
"""Channels in the middle of squeeze-and-excite, times those around it."""


class V3(NamedTuple):
    """A block of v3: expansion, filters, stride; of the full form its kernel, whether it has
    squeeze-and-excite, and whether hard-swish or ReLU.
    """

    expansion: float
    filters: int
    stride: int
    kernel: int
    squeezed: bool
    swish: bool


V3_SMALL: Tuple[V3, ...] = (
    V3(1, 16, 2, 3, True, False),
    V3(72 / 16, 24, 2, 3, False, False),
    V3(88 / 24, 24, 1, 3, False, False),
    V3(4, 40, 2, 5, True, True),
    V3(6, 40, 1, 5, True, True),
    V3(6, 40, 1, 5, True, True),
    V3(3, 48, 1, 5, True, True),
    V3(3, 48, 1, 5, True, True),
    V3(6, 96, 2, 5, True, True),
    V3(6, 96, 1, 5, True, True),
    V3(6, 96, 1, 5, True, True),
)
V3_LARGE: Tuple[V3, ...] = (
    V3(1, 16, 1, 3, False, False),
    V3(4, 24, 2, 3, False, False),
    V3(3, 24, 1, 3, False, False),
    V3(3, 40, 2, 5, True, False),
    V3(3, 40, 1, 5, True, False),
    V3(3, 40, 1, 5, True, False),
    V3(6, 80, 2, 3, False, True),
    V3(2.5, 80, 1, 3, False, True),
    V3(2.3, 80, 1, 3, False, True),
    V3(2.3, 80, 1, 3, False, True),
    V3(6, 112, 1, 3, True, True),
    V3(6, 112, 1, 3, True, True),
    V3(6, 160, 2, 5, True, True),
    V3(6, 160, 1, 5, True, True),
    V3(6, 160, 1, 5, True, True),
)
"""Source of both: keras.applications.mobilenet_v3."""


def _v3(x: Any, hp: HyperParameters, wanted: Wanted, blocks: Sequence[V3]) -> Any:
    steps = strides(hp, [2, *(block.stride for block in blocks)])
    last: Function = hard_swish if wanted.full else relu
    x = conv_norm(x, 16, "Conv", V3_NAMES, kernel=3, stride=steps[0], activation=last)
    for number in _kept(blocks, wanted.depth):
        x = _v3_block(x, blocks[number], number, steps[number + 1], wanted)
    filters = divisible(int(x.shape[-1]) * 6)
    return conv_norm(x, filters, "Conv_1", V3_NAMES, activation=last)


def _kept(blocks: Sequence[V3], depth: float) -> List[int]:
    """Return the numbers of the blocks that stay: the first of each width and size, and a share of
    those that repeat it.
    """
    stages: List[List[int]] = []
    for number, block in enumerate(blocks):
        if not stages or block.stride > 1 or block.filters != blocks[number - 1].filters:
            stages.append([])
        stages[-1].append(number)
    return [number for stage in stages for number in some_of(stage, depth)]


def _v3_block(x: Any, block: V3, number: int, stride: int, wanted: Wanted) -> Any:
    name = f"expanded_conv_{number}" if number else "expanded_conv"
    activation: Function = hard_swish if wanted.full and block.swish else relu
    across, channels = x, int(x.shape[-1])
    filters = divisible(block.filters * wanted.width)
    if number:
        wide = divisible(channels * block.expansion)
        x = conv_norm(x, wide, f"{name}/expand", V3_NAMES, activation=activation)
    x = depthwise_norm(
        x,
        f"{name}/depthwise",
        V3_NAMES,
        kernel=block.kernel if wanted.full else 3,
        stride=stride,
        activation=activation,
    )
    if wanted.full and block.squeezed:
        x = _squeeze_excite(x, f"{name}/squeeze_excite")
    x = conv_norm(x, filters, f"{name}/project", V3_NAMES, activation=None)
    if block.stride == 1 and channels == filters:
        x = load_keras().layers.Add(name=f"{name}/Add")([across, x])
    return x


def _squeeze_excite(x: Any, name: str) -> Any:
    layers = load_keras().layers
    channels = int(x.shape[-1])
    gate = layers.GlobalAveragePooling2D(name=f"{name}/AvgPool")(x)
    gate = layers.Reshape((1, 1, channels), name=f"{name}/Reshape")(gate)
    gate = layers.Conv2D(divisible(channels * SQUEEZE), 1, name=f"{name}/Conv")(gate)
    gate = layers.Conv2D(channels, 1, name=f"{name}/Conv_1")(relu(gate, f"{name}/Relu"))
    return layers.Multiply(name=f"{name}/Mul")([x, hard_sigmoid(gate, f"{name}/relu6")])


def _v3_small(x: Any, hp: HyperParameters, wanted: Wanted) -> Any:
    return _v3(x, hp, wanted, V3_SMALL)


def _v3_large(x: Any, hp: HyperParameters, wanted: Wanted) -> Any:
    return _v3(x, hp, wanted, V3_LARGE)


VERSIONS: Dict[str, Callable[[Any, HyperParameters, Wanted], Any]] = {
    "v1": _v1,
    "v2": _v2,
    "v3_small": _v3_small,
    "v3_large": _v3_large,
}
"""What adds the layers of a version, by its name."""
