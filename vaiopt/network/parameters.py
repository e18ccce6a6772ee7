"""How many parameters a Keras 2 layer has (trainable or not, as ``count_params``), from its
configuration and shapes alone: one function per row of :data:`vaiopt.network.layers.LAYERS` that
needs one. ``tests/network/test_layers.py`` compares every one with Keras itself.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from vaiopt.network.sizes import Shape, elements, pair

Config = Mapping[str, Any]
ParameterFunction = Callable[[Config, Sequence[Shape], Shape], int]
"""Of a layer's configuration, its input shapes and its output shape."""


def none(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    """Layers without parameters."""
    return 0


def _bias(config: Config, count: int) -> int:
    return count if config.get("use_bias", True) else 0


def _area(config: Config) -> int:
    kernel = config["kernel_size"]
    return elements(kernel if isinstance(kernel, (list, tuple)) else (kernel,))


def conv(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    """Convolutions, transposed ones too."""
    channels = inputs[0][-1] // int(config.get("groups", 1))
    return _area(config) * channels * output[-1] + _bias(config, output[-1])


def depthwise(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    """Depthwise convolution."""
    return elements(pair(config["kernel_size"])) * output[-1] + _bias(config, output[-1])


def depthwise1d(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    """Depthwise convolution over a series."""
    return _area(config) * output[-1] + _bias(config, output[-1])


def separable(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    """Depthwise convolution and 1x1 convolution."""
    middle = inputs[0][-1] * int(config.get("depth_multiplier", 1))
    return _area(config) * middle + middle * output[-1] + _bias(config, output[-1])


def _of_axes(config: Config, shape: Shape) -> int:
    """Return how many values the normalized axes have."""
    axis = config.get("axis", -1)
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    return elements([shape[int(a) % (len(shape) + 1) - 1] for a in axes])


def layer_norm(config: Config, inputs: Sequence[Shape], _: Shape) -> int:
    """Scale and offset of each value."""
    kinds = bool(config.get("scale", True)) + bool(config.get("center", True))
    return _of_axes(config, inputs[0]) * kinds


def batch_norm(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    """Mean and variance, scale and offset of each value."""
    return 2 * _of_axes(config, inputs[0]) + layer_norm(config, inputs, output)


def normalization(config: Config, inputs: Sequence[Shape], _: Shape) -> int:
    """Mean and variance of each value and a count, unless they are constants."""
    return 0 if config.get("mean") is not None else 2 * _of_axes(config, inputs[0]) + 1


def prelu(config: Config, inputs: Sequence[Shape], _: Shape) -> int:
    """A slope for each value, or for each along the axes that are not shared."""
    shared = {int(axis) for axis in config.get("shared_axes") or []}
    return elements([1 if i + 1 in shared else length for i, length in enumerate(inputs[0])])


def dense(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    """Dense layer."""
    return inputs[0][-1] * output[-1] + _bias(config, output[-1])


def embedding(config: Config, inputs: Sequence[Shape], output: Shape) -> int:
    """A vector for each integer."""
    return int(config["input_dim"]) * int(config["output_dim"])


def recurrent(gates: int, reset_after: bool = False) -> ParameterFunction:
    """Return the function of a recurrent layer with so many gates."""

    def count(config: Config, inputs: Sequence[Shape], _: Shape) -> int:
        units = int(config["units"])
        rows = 2 if reset_after and config.get("reset_after", True) else 1
        return gates * (units * (inputs[0][-1] + units) + _bias(config, units * rows))

    return count
