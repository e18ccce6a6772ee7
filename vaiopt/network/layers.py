"""Output shapes of Keras 2 layers, from their configuration alone (channels last, no batch
dimension).

So an ``.h5`` file or an architecture JSON can be read without TensorFlow and without running
anything that is in it. The formulas are those of Keras 2; ``tests/hardware/test_shapes.py``
compares every one with Keras itself.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from vaiopt.errors import ModelError
from vaiopt.network.calls import Shape

SAME_SHAPE = frozenset(
    "Activation ReLU LeakyReLU PReLU ELU ThresholdedReLU Softmax BatchNormalization"
    " SyncBatchNormalization LayerNormalization GroupNormalization UnitNormalization Normalization"
    " Rescaling Masking Add Subtract Multiply Average Maximum Minimum".split()
)
"""Layers whose output has the shape of their input (of all inputs together, for those that merge).
"""

REMOVED = frozenset(
    "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D AlphaDropout GaussianDropout"
    " GaussianNoise ActivityRegularization RandomFlip RandomRotation RandomZoom RandomTranslation"
    " RandomContrast RandomBrightness RandomHeight RandomWidth VitisQuantize QuantizeLayer".split()
)
"""Layers that do nothing at inference and disappear."""

MERGES = frozenset("Add Subtract Multiply Average Maximum Minimum".split())


def pair(value: Any) -> Tuple[int, int]:
    """Return Keras's "integer or two integers" as two integers."""
    if isinstance(value, (list, tuple)):
        numbers = [int(v) for v in value]
        return (numbers[0], numbers[1] if len(numbers) > 1 else numbers[0])
    return (int(value), int(value))


def output_length(length: int, kernel: int, stride: int, padding: str, dilation: int = 1) -> int:
    """Return how many windows of ``kernel`` (dilated) fit into ``length`` at ``stride``: Keras's
    padding "same", "valid" or "causal".
    """
    reach = (kernel - 1) * dilation + 1
    if padding in ("same", "causal"):
        return -(-length // stride)
    return max(0, (length - reach) // stride + 1)


def output_shape(
    class_name: str,
    config: Mapping[str, Any],
    inputs: Sequence[Shape],
    arguments: Mapping[str, Any],
) -> Optional[Shape]:
    """Return the (first) output shape of a layer, or None when this layer is not known.

    Args:
        class_name: Keras class name without package, such as ``Conv2D``.
        config: the layer's configuration.
        inputs: shapes of the input tensors.
        arguments: keyword arguments of the call (TensorFlow operations have theirs there).

    Raises:
        ModelError: the shapes do not fit the layer.
    """
    if class_name == "InputLayer":
        return _input_shape(config)
    if not inputs:
        return None
    if class_name in REMOVED:
        return inputs[0]
    if class_name in SAME_SHAPE:
        return (
            inputs[0]
            if len(inputs) == 1
            else broadcast(inputs, str(config.get("name", class_name)))
        )
    function = _SHAPES.get(class_name)
    if function is None:
        return None
    try:
        result = function(config, inputs, arguments)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ModelError(
            "the configuration of layer '{}' ({}) does not fit its input {}: {}".format(
                config.get("name", "?"), class_name, list(inputs), error or type(error).__name__
            ),
            "Build and save the model again with Keras 2.",
        ) from error
    if result is not None and any(length < 1 for length in result):
        raise ModelError(
            "layer '{}' ({}) gives the empty shape {} for an input of {}".format(
                config.get("name", "?"), class_name, result, inputs[0]
            ),
            "Use a smaller kernel or stride, padding='same', or a larger input.",
        )
    return result


def broadcast(shapes: Sequence[Shape], name: str) -> Shape:
    """Return the shape that elementwise merging gives (shorter shapes are extended on the left
    after the batch, as Keras does).
    """
    rank = max(len(shape) for shape in shapes)
    result: List[int] = []
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    for lengths in zip(*padded):
        larger = {length for length in lengths if length != 1}
        if len(larger) > 1:
            raise ModelError(
                "layer '{}' merges shapes that do not fit: {}".format(
                    name, " and ".join(str(tuple(s)) for s in shapes)
                ),
                "Give all its inputs the same shape.",
            )
        result.append(larger.pop() if larger else 1)
    return tuple(result)


def _input_shape(config: Mapping[str, Any]) -> Shape:
    shape = config.get("batch_input_shape") or config.get("batch_shape")
    if shape is None:
        raise ModelError(
            "input '{}' has no shape".format(config.get("name", "?")), "Give keras.Input a shape."
        )
    lengths = list(shape)[1:]
    if not lengths or any(length is None for length in lengths):
        raise ModelError(
            "input '{}' has the undefined shape {}".format(config.get("name", "?"), tuple(shape)),
            "Give every dimension but the batch a number: keras.Input((height, width, channels)). A"
            " DPU has no variable sizes.",
        )
    return tuple(int(length) for length in lengths)


def _filters(config: Mapping[str, Any], channels: int) -> int:
    return int(config.get("filters") or channels)


def _conv2d(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    height, width, channels = inputs[0]
    kernel, stride, dilation = (
        pair(config["kernel_size"]),
        pair(config.get("strides", 1)),
        pair(config.get("dilation_rate", 1)),
    )
    padding = str(config.get("padding", "valid"))
    size = [
        output_length(n, k, s, padding, d)
        for n, k, s, d in zip((height, width), kernel, stride, dilation)
    ]
    return (size[0], size[1], _filters(config, channels))


def _depthwise(
    config: Mapping[str, Any], inputs: Sequence[Shape], arguments: Mapping[str, Any]
) -> Shape:
    height, width, _ = _conv2d(dict(config, filters=None), inputs, arguments)
    return (height, width, inputs[0][2] * int(config.get("depth_multiplier", 1)))


def _transposed(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    kernel, stride, dilation = (
        pair(config["kernel_size"]),
        pair(config.get("strides", 1)),
        pair(config.get("dilation_rate", 1)),
    )
    extra = config.get("output_padding")
    extras = (None, None) if extra is None else pair(extra)
    size = []
    for length, k, s, d, more in zip(inputs[0][:2], kernel, stride, dilation, extras):
        reach = (k - 1) * d + 1
        if more is not None:
            pad = reach // 2 if config.get("padding") == "same" else 0
            size.append((length - 1) * s + reach - 2 * pad + more)
        elif config.get("padding", "valid") == "same":
            size.append(length * s)
        else:
            size.append(length * s + max(reach - s, 0))
    return (size[0], size[1], _filters(config, inputs[0][2]))


def _pool2d(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    height, width, channels = inputs[0]
    kernel = pair(config.get("pool_size", 2))
    stride = pair(config.get("strides") or kernel)
    padding = str(config.get("padding", "valid"))
    return (
        output_length(height, kernel[0], stride[0], padding),
        output_length(width, kernel[1], stride[1], padding),
        channels,
    )


def _global2d(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    channels = inputs[0][-1]
    rank = len(inputs[0]) - 1
    return (1,) * rank + (channels,) if config.get("keepdims") else (channels,)


def _conv1d(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    length, channels = inputs[0]
    kernel, stride, dilation = (
        pair(config.get(key, 1))[0] for key in ("kernel_size", "strides", "dilation_rate")
    )
    return (
        output_length(length, kernel, stride, str(config.get("padding", "valid")), dilation),
        _filters(config, channels),
    )


def _pool1d(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    kernel = pair(config.get("pool_size", 2))[0]
    stride = pair(config.get("strides") or kernel)[0]
    return (
        output_length(inputs[0][0], kernel, stride, str(config.get("padding", "valid"))),
        inputs[0][1],
    )


def _dense(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    return inputs[0][:-1] + (int(config["units"]),)


def _flatten(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    return (elements(inputs[0]),)


def elements(shape: Sequence[int]) -> int:
    """Return how many values a tensor of this shape holds."""
    count = 1
    for length in shape:
        count *= int(length)
    return count


def _reshape(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    return filled(config["target_shape"], elements(inputs[0]))


def filled(target: Sequence[int], count: int) -> Shape:
    """Return the target shape with its -1 replaced so that it holds ``count`` values; ValueError if
    it cannot.
    """
    known = elements([length for length in target if length != -1])
    shape = tuple(count // known if length == -1 else int(length) for length in target)
    if elements(shape) != count:
        raise ValueError(f"{count} values cannot take the shape {tuple(target)}")
    return shape


def _permute(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    return tuple(inputs[0][int(axis) - 1] for axis in config["dims"])


def _borders(value: Any) -> Tuple[Tuple[int, int], Tuple[int, int]]:
    """Return ((top, bottom), (left, right)) of a padding or cropping."""
    if isinstance(value, (list, tuple)) and isinstance(value[0], (list, tuple)):
        return pair(value[0]), pair(value[1])
    height, width = pair(value)
    return (height, height), (width, width)


def _pad2d(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    rows, columns = _borders(config.get("padding", 1))
    return (inputs[0][0] + sum(rows), inputs[0][1] + sum(columns), inputs[0][2])


def _crop2d(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    rows, columns = _borders(config.get("cropping", 0))
    return (inputs[0][0] - sum(rows), inputs[0][1] - sum(columns), inputs[0][2])


def _pad1d(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    return (inputs[0][0] + sum(pair(config.get("padding", 1))), inputs[0][1])


def _crop1d(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    return (inputs[0][0] - sum(pair(config.get("cropping", 1))), inputs[0][1])


def _upsample2d(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    rows, columns = pair(config.get("size", 2))
    return (inputs[0][0] * rows, inputs[0][1] * columns, inputs[0][2])


def _upsample1d(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    return (inputs[0][0] * int(config.get("size", 2)), inputs[0][1])


def _resize(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    return (int(config["height"]), int(config["width"]), inputs[0][2])


def _repeat(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    return (int(config["n"]), inputs[0][0])


def concatenated(inputs: Sequence[Shape], axis: int, name: str) -> Shape:
    """Return the shape of a concatenation; ``axis`` counts the batch as 0, or from the end when
    negative.
    """
    rank = len(inputs[0])
    place = axis if axis < 0 else axis - 1 - rank
    for shape in inputs[1:]:
        if len(shape) != rank or any(
            a != b for i, (a, b) in enumerate(zip(shape, inputs[0])) if i != rank + place
        ):
            raise ModelError(
                "layer '{}' concatenates shapes that do not fit: {}".format(
                    name, " and ".join(str(tuple(s)) for s in inputs)
                ),
                "All dimensions but the concatenated one must be equal.",
            )
    result = list(inputs[0])
    result[place] = sum(shape[place] for shape in inputs)
    return tuple(result)


def _concatenate(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    return concatenated(inputs, int(config.get("axis", -1)), str(config.get("name", "?")))


def _recurrent(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    units = int(config["units"])
    return (inputs[0][0], units) if config.get("return_sequences") else (units,)


def _bidirectional(
    config: Mapping[str, Any], inputs: Sequence[Shape], arguments: Mapping[str, Any]
) -> Optional[Shape]:
    inner = config["layer"]
    one = output_shape(str(inner["class_name"]).split(">")[-1], inner["config"], inputs, arguments)
    factor = 2 if config.get("merge_mode", "concat") == "concat" else 1
    return None if one is None else one[:-1] + (one[-1] * factor,)


def _embedding(config: Mapping[str, Any], inputs: Sequence[Shape], _: Mapping[str, Any]) -> Shape:
    return tuple(inputs[0]) + (int(config["output_dim"]),)


def _tensorflow_operation(
    config: Mapping[str, Any], inputs: Sequence[Shape], arguments: Mapping[str, Any]
) -> Optional[Shape]:
    """Shapes of the TensorFlow operations that turn up in functional models; None for the
    others.
    """
    function = str(config.get("function", "")).replace("compat.v1.", "")
    if function in ("reshape",) and isinstance(arguments.get("shape"), (list, tuple)):
        target = list(arguments["shape"])[1:]
        return (
            filled(target, elements(inputs[0]))
            if all(isinstance(length, int) for length in target)
            else None
        )
    if function in ("concat",) and isinstance(arguments.get("axis"), int):
        return concatenated(inputs, arguments["axis"], str(config.get("name")))
    if function in ("transpose",) and isinstance(arguments.get("perm"), (list, tuple)):
        return tuple(inputs[0][int(axis) - 1] for axis in arguments["perm"][1:])
    if function in ("math.reduce_mean", "math.reduce_max", "math.reduce_sum"):
        return _reduced(inputs[0], arguments)
    if function in ("image.resize",) and isinstance(arguments.get("size"), (list, tuple)):
        return (int(arguments["size"][0]), int(arguments["size"][1]), inputs[0][2])
    if function.split(".")[0] in ("math", "nn", "__operators__", "keras") and function not in (
        "__operators__.getitem",
        "math.argmax",
    ):
        return broadcast(inputs, str(config.get("name")))
    return None


def _reduced(shape: Shape, arguments: Mapping[str, Any]) -> Optional[Shape]:
    axis = arguments.get("axis")
    if axis is None:
        return None
    rank = len(shape) + 1
    axes = {int(a) % rank for a in (axis if isinstance(axis, (list, tuple)) else [axis])}
    if arguments.get("keepdims"):
        return tuple(1 if i + 1 in axes else length for i, length in enumerate(shape))
    return tuple(length for i, length in enumerate(shape) if i + 1 not in axes)


_SHAPES: Dict[
    str, Callable[[Mapping[str, Any], Sequence[Shape], Mapping[str, Any]], Optional[Shape]]
] = {
    "Conv2D": _conv2d,
    "SeparableConv2D": _conv2d,
    "DepthwiseConv2D": _depthwise,
    "Conv2DTranspose": _transposed,
    "MaxPooling2D": _pool2d,
    "AveragePooling2D": _pool2d,
    "VitisAveragePooling2D": _pool2d,
    "GlobalAveragePooling2D": _global2d,
    "VitisGlobalAveragePooling2D": _global2d,
    "GlobalMaxPooling2D": _global2d,
    "GlobalAveragePooling1D": _global2d,
    "GlobalMaxPooling1D": _global2d,
    "Conv1D": _conv1d,
    "SeparableConv1D": _conv1d,
    "MaxPooling1D": _pool1d,
    "AveragePooling1D": _pool1d,
    "Dense": _dense,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    "ZeroPadding2D": _pad2d,
    "Cropping2D": _crop2d,
    "ZeroPadding1D": _pad1d,
    "Cropping1D": _crop1d,
    "UpSampling2D": _upsample2d,
    "UpSampling1D": _upsample1d,
    "Resizing": _resize,
    "CenterCrop": _resize,
    "RepeatVector": _repeat,
    "Concatenate": _concatenate,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "SimpleRNN": _recurrent,
    "Bidirectional": _bidirectional,
    "Embedding": _embedding,
    "TFOpLambda": _tensorflow_operation,
    "VitisSigmoid": lambda config, inputs, arguments: inputs[0],
}


def knows(class_name: str) -> bool:
    """Tell whether the output shape of a layer of this class is known here."""
    return class_name in SAME_SHAPE or class_name in REMOVED or class_name in _SHAPES
