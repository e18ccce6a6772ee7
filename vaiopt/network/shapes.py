"""Output shapes of Keras 2 layers, from their configuration alone (channels last, no batch
dimension): one function per row of :data:`vaiopt.network.layers.LAYERS` that needs one.

The formulas are those of Keras 2; ``tests/network/test_layers.py`` compares every one with Keras
itself.
"""

from __future__ import annotations

import re
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple

from vaiopt.errors import ModelError
from vaiopt.network.sizes import Shape, elements, pair, pairs

Config = Mapping[str, Any]
ShapeFunction = Callable[[Config, Sequence[Shape], Config], Optional[Shape]]
"""Of a layer's configuration, its input shapes and the keyword arguments of the call; None where
the shape cannot be told.
"""

_CHANGES_SHAPE = re.compile(
    r"getitem|arg(min|max)|top_k|in_top|matmul|xw_plus_b|pool|conv|moments|embedding|lookup|erosion"
    r"|dilation|segment|bincount|histogram|confusion|count_nonzero|zero_fraction|loss"
    r"|cross_entropy|space_to_batch|batch_to_space|normalize_moments|l2_loss"
)
"""In the names of TensorFlow's functions ``math``, ``nn`` and ``keras``: those whose output has not
the shape of the inputs, and is not told here.
"""


def output_length(length: int, kernel: int, stride: int, padding: str, dilation: int = 1) -> int:
    """Return how many windows of ``kernel`` (dilated) fit into ``length`` at ``stride``: Keras's
    padding "same", "valid" or "causal".
    """
    reach = (kernel - 1) * dilation + 1
    if padding in ("same", "causal"):
        return -(-length // stride)
    return max(0, (length - reach) // stride + 1)


def broadcast(shapes: Sequence[Shape], name: str) -> Shape:
    """Return the shape that elementwise merging gives (shorter shapes are extended on the left
    after the batch, as Keras does).

    Raises:
        ModelError: the shapes do not fit; ``name`` is the layer's.
    """
    rank = max(len(shape) for shape in shapes)
    result: List[int] = []
    for lengths in zip(*[(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]):
        larger = {length for length in lengths if length != 1}
        if len(larger) > 1:
            named = " and ".join(str(tuple(shape)) for shape in shapes)
            raise ModelError(
                f"layer '{name}' merges shapes that do not fit: {named}",
                "Give all its inputs the same shape.",
            )
        result.append(larger.pop() if larger else 1)
    return tuple(result)


def concatenated(inputs: Sequence[Shape], axis: int, name: str) -> Shape:
    """Return the shape of a concatenation; ``axis`` counts the batch as 0, or from the end when
    negative.

    Raises:
        ModelError: the shapes do not fit; ``name`` is the layer's.
    """
    rank = len(inputs[0])
    place = axis if axis < 0 else axis - 1 - rank
    for shape in inputs[1:]:
        if len(shape) != rank or any(
            a != b for i, (a, b) in enumerate(zip(shape, inputs[0])) if i != rank + place
        ):
            named = " and ".join(str(tuple(shape)) for shape in inputs)
            raise ModelError(
                f"layer '{name}' concatenates shapes that do not fit: {named}",
                "All dimensions but the concatenated one must be equal.",
            )
    result = list(inputs[0])
    result[place] = sum(shape[place] for shape in inputs)
    return tuple(result)


def filled(target: Sequence[int], count: int) -> Shape:
    """Return the target shape with its -1 replaced so that it holds ``count`` values; ValueError if
    it cannot.
    """
    known = elements([length for length in target if length != -1])
    shape = tuple(count // known if length == -1 else int(length) for length in target)
    if elements(shape) != count:
        raise ValueError(f"{count} values cannot take the shape {tuple(target)}")
    return shape


def input_layer(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """The shape that is written in an input's configuration."""
    name = config.get("name", "?")
    shape = config.get("batch_input_shape") or config.get("batch_shape")
    if shape is None:
        raise ModelError(f"input '{name}' has no shape", "Give keras.Input a shape.")
    lengths = list(shape)[1:]
    if not lengths or any(length is None for length in lengths):
        raise ModelError(
            f"input '{name}' has the undefined shape {tuple(shape)}",
            "Give every dimension but the batch a number: keras.Input((height, width, channels)). A"
            " DPU has no variable sizes.",
        )
    return tuple(int(length) for length in lengths)


def unchanged(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """The shape of the first input."""
    return inputs[0]


def merged(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """The shape of the input, or of all inputs together."""
    return inputs[0] if len(inputs) == 1 else broadcast(inputs, str(config.get("name", "?")))


def _filters(config: Config, channels: int) -> int:
    return int(config.get("filters") or channels)


def conv2d(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """Convolution over an image."""
    height, width, channels = inputs[0]
    kernel, stride, dilation = pairs(config, "kernel_size", "strides", "dilation_rate")
    padding = str(config.get("padding", "valid"))
    rows = output_length(height, kernel[0], stride[0], padding, dilation[0])
    columns = output_length(width, kernel[1], stride[1], padding, dilation[1])
    return (rows, columns, _filters(config, channels))


def depthwise2d(config: Config, inputs: Sequence[Shape], arguments: Config) -> Shape:
    """Depthwise convolution over an image."""
    size = conv2d(config, inputs, arguments)[:2]
    return size + (inputs[0][2] * int(config.get("depth_multiplier", 1)),)


def transposed2d(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """Transposed convolution over an image."""
    windows = pairs(config, "kernel_size", "strides", "dilation_rate")
    extra = config.get("output_padding")
    extras = (None, None) if extra is None else pair(extra)
    size = []
    for length, kernel, stride, dilation, more in zip(inputs[0][:2], *windows, extras):
        reach = (kernel - 1) * dilation + 1
        same = config.get("padding", "valid") == "same"
        if more is not None:
            size.append((length - 1) * stride + reach - (2 * (reach // 2) if same else 0) + more)
        else:
            size.append(length * stride + (0 if same else max(reach - stride, 0)))
    return (size[0], size[1], _filters(config, inputs[0][2]))


def pool2d(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """Pooling of an image."""
    height, width, channels = inputs[0]
    kernel = pair(config.get("pool_size", 2))
    stride = pair(config.get("strides") or kernel)
    padding = str(config.get("padding", "valid"))
    rows = output_length(height, kernel[0], stride[0], padding)
    return (rows, output_length(width, kernel[1], stride[1], padding), channels)


def global_pool(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """Pooling of a whole image or series."""
    channels = inputs[0][-1:]
    return (1,) * (len(inputs[0]) - 1) + channels if config.get("keepdims") else channels


def conv1d(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """Convolution over a series."""
    length, channels = inputs[0]
    kernel, stride, dilation = pairs(config, "kernel_size", "strides", "dilation_rate")
    padding = str(config.get("padding", "valid"))
    steps = output_length(length, kernel[0], stride[0], padding, dilation[0])
    return (steps, _filters(config, channels))


def depthwise1d(config: Config, inputs: Sequence[Shape], arguments: Config) -> Shape:
    """Depthwise convolution over a series."""
    steps = conv1d(config, inputs, arguments)[0]
    return (steps, inputs[0][1] * int(config.get("depth_multiplier", 1)))


def transposed1d(config: Config, inputs: Sequence[Shape], arguments: Config) -> Shape:
    """Transposed convolution over a series: of an image of one column."""
    extra = config.get("output_padding")
    sizes = {
        "kernel_size": (pair(config["kernel_size"])[0], 1),
        "strides": (pair(config.get("strides", 1))[0], 1),
        "dilation_rate": (pair(config.get("dilation_rate", 1))[0], 1),
        "output_padding": None if extra is None else (pair(extra)[0], 0),
    }
    length, channels = inputs[0]
    image = transposed2d({**config, **sizes}, [(length, 1, channels)], arguments)
    return (image[0], image[2])


def pool1d(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """Pooling of a series."""
    kernel = pair(config.get("pool_size", 2))[0]
    stride = pair(config.get("strides") or kernel)[0]
    padding = str(config.get("padding", "valid"))
    return (output_length(inputs[0][0], kernel, stride, padding), inputs[0][1])


def dense(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """Dense layer, over the last dimension."""
    return inputs[0][:-1] + (int(config["units"]),)


def flatten(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """All values in one dimension."""
    return (elements(inputs[0]),)


def reshape(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """The target shape, its -1 filled in."""
    return filled(config["target_shape"], elements(inputs[0]))


def permute(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """The dimensions in another order."""
    return tuple(inputs[0][int(axis) - 1] for axis in config["dims"])


def _borders(value: Any) -> Tuple[int, int]:
    """Return (rows, columns) of a padding or cropping, both sides together."""
    if isinstance(value, (list, tuple)) and isinstance(value[0], (list, tuple)):
        return sum(pair(value[0])), sum(pair(value[1]))
    height, width = pair(value)
    return 2 * height, 2 * width


def pad2d(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """Zeros around an image."""
    rows, columns = _borders(config.get("padding", 1))
    return (inputs[0][0] + rows, inputs[0][1] + columns, inputs[0][2])


def crop2d(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """An image without its borders."""
    rows, columns = _borders(config.get("cropping", 0))
    return (inputs[0][0] - rows, inputs[0][1] - columns, inputs[0][2])


def pad1d(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """Zeros around a series."""
    return (inputs[0][0] + sum(pair(config.get("padding", 1))), inputs[0][1])


def crop1d(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """A series without its ends."""
    return (inputs[0][0] - sum(pair(config.get("cropping", 1))), inputs[0][1])


def upsample2d(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """A larger image."""
    rows, columns = pair(config.get("size", 2))
    return (inputs[0][0] * rows, inputs[0][1] * columns, inputs[0][2])


def upsample1d(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """A longer series."""
    return (inputs[0][0] * int(config.get("size", 2)), inputs[0][1])


def resize(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """An image of a given size."""
    return (int(config["height"]), int(config["width"]), inputs[0][2])


def repeat(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """A vector, n times."""
    return (int(config["n"]), inputs[0][0])


def concatenate(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """The inputs one behind the other along an axis."""
    return concatenated(inputs, int(config.get("axis", -1)), str(config.get("name", "?")))


def recurrent(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """The last state, or that of each step."""
    units = int(config["units"])
    return (inputs[0][0], units) if config.get("return_sequences") else (units,)


def embedding(config: Config, inputs: Sequence[Shape], _: Config) -> Shape:
    """A vector for each integer."""
    return tuple(inputs[0]) + (int(config["output_dim"]),)


def tensorflow(config: Config, inputs: Sequence[Shape], arguments: Config) -> Optional[Shape]:
    """The TensorFlow operations that turn up in functional models; None for the others."""
    function = str(config.get("function", "")).replace("compat.v1.", "")

    def listed(name: str) -> bool:
        return isinstance(arguments.get(name), (list, tuple))

    if function == "reshape" and listed("shape"):
        target = list(arguments["shape"])[1:]
        known = all(isinstance(length, int) for length in target)
        return filled(target, elements(inputs[0])) if known else None
    if function == "concat" and isinstance(arguments.get("axis"), int):
        return concatenated(inputs, arguments["axis"], str(config.get("name")))
    if function == "transpose" and listed("perm"):
        return tuple(inputs[0][int(axis) - 1] for axis in arguments["perm"][1:])
    if function.startswith("math.reduce_"):
        return _reduced(inputs[0], arguments)
    if function in ("nn.depth_to_space", "nn.space_to_depth"):
        return _rearranged(inputs[0], function, arguments)
    if function == "image.resize" and listed("size"):
        return (int(arguments["size"][0]), int(arguments["size"][1]), inputs[0][2])
    if _CHANGES_SHAPE.search(function):
        return None
    elementwise = function.split(".")[0] in ("math", "nn", "__operators__", "keras")
    return broadcast(inputs, str(config.get("name"))) if elementwise else None


def _rearranged(shape: Shape, function: str, arguments: Config) -> Optional[Shape]:
    """Move blocks of pixels into channels, or back."""
    size = arguments.get("block_size")
    in_order = arguments.get("data_format", "NHWC") == "NHWC"
    if not (isinstance(size, int) and size > 0 and len(shape) == 3 and in_order):
        return None
    if function == "nn.depth_to_space":
        return (shape[0] * size, shape[1] * size, shape[2] // size**2)
    return (shape[0] // size, shape[1] // size, shape[2] * size**2)


def _reduced(shape: Shape, arguments: Config) -> Optional[Shape]:
    axis = arguments.get("axis")
    if axis is None:
        return None
    rank = len(shape) + 1
    axes = {int(a) % rank for a in (axis if isinstance(axis, (list, tuple)) else [axis])}
    if arguments.get("keepdims"):
        return tuple(1 if i + 1 in axes else length for i, length in enumerate(shape))
    return tuple(length for i, length in enumerate(shape) if i + 1 not in axes)
