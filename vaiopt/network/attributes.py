"""What an operation has besides its shapes: kernel, strides, weights, multiplications, and what the
kind needs. One function per row of :data:`vaiopt.network.layers.LAYERS` that needs one; each takes
an operation, the layer's configuration and the call's keyword arguments.
"""

from __future__ import annotations

from typing import Any, Callable, List, Mapping, Tuple

from vaiopt.network.graph import Operation
from vaiopt.network.sizes import elements, pair, pairs

Config = Mapping[str, Any]
AttributeFunction = Callable[[Operation, Config, Config], Operation]


def none(operation: Operation, config: Config, arguments: Config) -> Operation:
    """Operations that have nothing else."""
    return operation


def _window(operation: Operation, config: Config) -> Operation:
    """Set kernel, strides, dilation and padding."""
    kernel, strides, dilation = pairs(config, "kernel_size", "strides", "dilation_rate")
    operation = operation._replace(kernel=kernel, strides=strides, dilation=dilation)
    return operation._replace(padding=_same_padding(operation, config))


def _same_padding(operation: Operation, config: Config) -> Tuple[int, int, int, int]:
    """Return (top, bottom, left, right) of Keras's padding "same"."""
    if config.get("padding", "valid") != "same":
        return (0, 0, 0, 0)
    result: List[int] = []
    source, output = operation.input_shapes[0], operation.output_shape
    for axis in (0, 1):
        reach = (operation.kernel[axis] - 1) * operation.dilation[axis] + 1
        total = max((output[axis] - 1) * operation.strides[axis] + reach - source[axis], 0)
        result.extend((total // 2, total - total // 2))
    return (result[0], result[1], result[2], result[3])


def _is_image(operation: Operation) -> bool:
    return len(operation.input_shapes[0]) == 3


def conv(operation: Operation, config: Config, arguments: Config) -> Operation:
    """Convolution: a weight is used once for each output pixel."""
    if not _is_image(operation):
        return operation
    groups, output = int(config.get("groups", 1)), operation.output_shape
    operation = _window(operation, config)
    channels = operation.input_shapes[0][-1] // groups
    weights = elements(operation.kernel) * channels * output[-1]
    return operation._replace(groups=groups, weights=weights, macs=weights * elements(output[:-1]))


def depthwise(operation: Operation, config: Config, arguments: Config) -> Operation:
    """Depthwise convolution."""
    if not _is_image(operation):
        return operation
    operation, output = _window(operation, config), operation.output_shape
    weights = elements(operation.kernel) * output[-1]
    return operation._replace(
        groups=int(config.get("groups", 1)),
        multiplier=int(config.get("depth_multiplier", 1)),
        weights=weights,
        macs=weights * elements(output[:-1]),
    )


def transposed(operation: Operation, config: Config, arguments: Config) -> Operation:
    """Transposed convolution: a weight is used once for each input pixel."""
    if not _is_image(operation):
        return operation
    operation = conv(operation, config, arguments)
    return operation._replace(
        macs=operation.weights * elements(operation.input_shapes[0][:-1]),
        output_padding=pair(config.get("output_padding") or 0),
    )


def pool(operation: Operation, config: Config, arguments: Config) -> Operation:
    """Pooling."""
    if not _is_image(operation):
        return operation
    kernel = pair(config.get("pool_size", 2))
    strides = pair(config.get("strides") or kernel)
    return _window(operation, dict(config, kernel_size=kernel, strides=strides, dilation_rate=1))


def global_pool(operation: Operation, config: Config, arguments: Config) -> Operation:
    """Pooling of the whole image."""
    size = operation.input_shapes[0]
    return operation._replace(kernel=size[:2], strides=size[:2]) if len(size) == 3 else operation


def dense(operation: Operation, config: Config, arguments: Config) -> Operation:
    """Dense layer: a weight is used once for each vector."""
    weights = operation.input_shapes[0][-1] * operation.output_shape[-1]
    return operation._replace(weights=weights, macs=weights * elements(operation.output_shape[:-1]))


def batch_norm(operation: Operation, config: Config, arguments: Config) -> Operation:
    """Batch normalization: a factor for each channel."""
    return operation._replace(weights=operation.input_shapes[0][-1])


def upsample(operation: Operation, config: Config, arguments: Config) -> Operation:
    """Upsampling by the kernel."""
    function = str(config.get("interpolation", "nearest"))
    return operation._replace(kernel=pair(config.get("size", 2)), function=function)


def concat(operation: Operation, config: Config, arguments: Config) -> Operation:
    """Concatenation."""
    return operation._replace(axis=int(config.get("axis", -1)))


def pad(operation: Operation, config: Config, arguments: Config) -> Operation:
    """Padding with zeros."""
    return operation._replace(function="constant")


def rescaling(operation: Operation, config: Config, arguments: Config) -> Operation:
    """Scale and offset, if they are single numbers."""
    scale, offset = config.get("scale"), config.get("offset", 0.0)
    if isinstance(scale, (int, float)) and isinstance(offset, (int, float)):
        return operation._replace(scaling=(float(scale), float(offset)))
    return operation


def tensorflow(operation: Operation, config: Config, arguments: Config) -> Operation:
    """A TensorFlow operation: its function, and the number it was given."""
    constant = arguments.get("y")
    operation = operation._replace(function=str(config.get("function", "")))
    if isinstance(constant, (int, float)) and not isinstance(constant, bool):
        operation = operation._replace(constant=float(constant))
    return operation
