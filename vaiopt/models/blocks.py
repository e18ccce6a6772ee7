"""Pieces of the backbones: convolutions with batch normalisation, by name, and how often an image
may be halved.

Layers have the names and the epsilon of those in ``keras.applications``, so that weights of its
files fit (:mod:`vaiopt.models.pretrained`). The momentum of their batch normalisation is another:
theirs, 0.999, takes thousands of steps until its statistics are those of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Optional, Sequence, Tuple, TypeVar

from vaiopt.errors import ModelError
from vaiopt.keras import load_keras
from vaiopt.models.common import finish
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.tasks import task_of

EPSILON = 1e-3
"""Of the batch normalisation of MobileNet and EfficientNet."""

MOMENTUM = 0.9
"""Share of the old statistics of batch normalisation that a training step keeps."""

LEAST_SIDE = 4
"""Pixels of the shorter side below which a family does not halve an image."""

MOST_HALVINGS = 5
"""As often as the networks for images of 224x224 pixels halve them."""

Row = TypeVar("Row")
Function = Callable[[Any, str], Any]
"""Adds an activation behind a tensor, by the name of its layer."""


@dataclass(frozen=True)
class Naming:
    """What layers behind a convolution are called: its own name and one of these endings."""

    norm: str
    relu: str


def check_images(hp: HyperParameters) -> None:
    """Check that the samples are images, and the task one of values in a row.

    Raises:
        ModelError: they are not.
    """
    if len(hp.input_shape) != 3:
        raise ModelError(
            f"this family is for images; samples are {hp.input_shape}",
            "Use another model.family, such as mlp_tabular.",
        )
    if task_of(hp.task).like_samples:
        raise ModelError(
            f"this family gives values in a row, and the task is {hp.task}",
            "Use model.family unet or autoencoder.",
        )


def halvings(hp: HyperParameters, most: int = MOST_HALVINGS, least: int = LEAST_SIDE) -> int:
    """Return how often the smallest of the images that are searched are halved, at most ``most``
    times and not below ``least`` pixels: larger ones give larger maps of the same network.
    """
    side, found = min(hp.smallest_shape[:2]), 0
    while found < most and -(-side // 2) >= least:
        side, found = -(-side // 2), found + 1
    return found


def strides(hp: HyperParameters, wanted: Sequence[int]) -> Tuple[int, ...]:
    """Return the strides of a network's stages: of those that are 2 the last ones stay, as many as
    the images allow; the others become 1, so that small images keep their detail.
    """
    allowed = halvings(hp, sum(stride == 2 for stride in wanted))
    found = []
    for stride in reversed(wanted):
        kept = stride == 2 and allowed > 0
        allowed -= kept
        found.append(2 if kept else 1)
    return tuple(reversed(found))


def divisible(channels: float, by: int = 8) -> int:
    """Return channels rounded to a multiple of ``by``, and never down by more than a tenth, as the
    published networks do.
    """
    found = max(by, int(channels + by / 2) // by * by)
    return found + by if found < 0.9 * channels else found


def some_of(rows: Sequence[Row], share: float) -> Sequence[Row]:
    """Return the first of a stage's blocks, at least one: ``share`` of them, rounded up."""
    return rows[: max(1, -int(-len(rows) * share // 1))]


def relu6(x: Any, name: str) -> Any:
    """Add ReLU6."""
    return load_keras().layers.ReLU(6.0, name=name)(x)


def relu(x: Any, name: str) -> Any:
    """Add ReLU."""
    return load_keras().layers.ReLU(name=name)(x)


def hard_sigmoid(x: Any, name: str) -> Any:
    """Add relu6(x + 3) / 6, which is the DPU's own sigmoid (``network/verdicts.csv``)."""
    return load_keras().layers.ReLU(6.0, name=name)(x + 3.0) * (1.0 / 6.0)


def hard_swish(x: Any, name: str) -> Any:
    """Add x * relu6(x + 3) / 6."""
    layers = load_keras().layers
    return layers.Multiply(name=name)([x, hard_sigmoid(x, f"{name}/relu6")])


def conv_norm(
    x: Any,
    filters: int,
    name: str,
    naming: Naming,
    *,
    kernel: int = 1,
    stride: int = 1,
    activation: Optional[Function] = relu6,
    norm: str = "",
) -> Any:
    """Return a convolution without bias, batch normalisation and an activation behind ``x``.

    Args:
        x: batch, height, width, channels.
        filters: its output channels.
        name: of the convolution.
        naming: of the layers behind it.
        kernel, stride: in both directions.
        activation: None for none.
        norm: name of the batch normalisation, where it does not follow from that.
    """
    layers = load_keras().layers
    options = {"strides": stride, "padding": "same", "use_bias": False}
    x = layers.Conv2D(filters, kernel, kernel_initializer="he_normal", name=name, **options)(x)
    return _behind(x, name, naming, activation, norm)


def depthwise_norm(
    x: Any,
    name: str,
    naming: Naming,
    *,
    kernel: int = 3,
    stride: int = 1,
    activation: Optional[Function] = relu6,
    norm: str = "",
) -> Any:
    """Return the same of a depthwise convolution."""
    layers = load_keras().layers
    options = {"strides": stride, "padding": "same", "use_bias": False}
    x = layers.DepthwiseConv2D(kernel, depthwise_initializer="he_normal", name=name, **options)(x)
    return _behind(x, name, naming, activation, norm)


def _behind(x: Any, name: str, naming: Naming, activation: Optional[Function], norm: str) -> Any:
    layers = load_keras().layers
    norm = norm or f"{name}{naming.norm}"
    x = layers.BatchNormalization(epsilon=EPSILON, momentum=MOMENTUM, name=norm)(x)
    return x if activation is None else activation(x, f"{name}{naming.relu}")


def pooled_head(inputs: Any, x: Any, hp: HyperParameters, name: str) -> Any:
    """Return the compiled model: global average pooling, dropout and the task's last layer behind
    the maps ``x``.
    """
    layers = load_keras().layers
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    rate = hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.2)
    if rate > 0:
        x = layers.Dropout(rate, name="dropout")(x)
    return finish(inputs, x, hp, name, learning_rates=(1e-4, 1e-2))
