"""What each layer of a series (time, channels) is on the image (time, 1, channels): a row a class.

A row says how the configuration is written, and never looks at weights. The axis of columns that is
put in has the length 1, so kernels, windows and paddings along it do nothing.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from vaiopt.network.calls import Call
from vaiopt.network.sizes import Shape, pair

Config = Dict[str, Any]


class Part(NamedTuple):
    """One layer that a layer of a series becomes.

    Attributes:
        class_name, config: of it, but for its name.
        ending: put behind the name of the layer; empty for the part that does what it did.
        selected: which row of its window a made depthwise convolution passes on.
    """

    class_name: str
    config: Config
    ending: str = ""
    selected: Tuple[int, ...] = ()

    @property
    def made(self) -> bool:
        """True for a part that does not have the weights of the layer."""
        return bool(self.ending or self.selected)


Row = Callable[[Call, Sequence[Shape], Shape], Optional[List[Part]]]
"""Of a call, its input shapes and its output shape as they were; None where it has no equal."""


def with_columns(shape: Shape) -> Shape:
    """Return the shape of an image of one column for that of a series; others as they are."""
    return (shape[0], 1, shape[1]) if len(shape) == 2 else shape


def _column(value: Any) -> Tuple[int, int]:
    return (pair(value)[0], 1)


def _axis(axis: Any) -> Any:
    """Return an axis, or a list of them, counted in the image."""
    if isinstance(axis, (list, tuple)):
        return [_axis(one) for one in axis]
    return {2: 3, -2: -3, -3: -4}.get(axis, axis)


def _same(call: Call, inputs: Sequence[Shape], output: Shape) -> List[Part]:
    return [Part(call.class_name, dict(call.config))]


def _along_axis(call: Call, inputs: Sequence[Shape], output: Shape) -> List[Part]:
    axis = _axis(call.config.get("axis", -1))
    return [Part(call.class_name, {**call.config, "axis": axis})]


def _normalization(call: Call, inputs: Sequence[Shape], output: Shape) -> Optional[List[Part]]:
    known = all(not isinstance(call.config.get(key), (list, tuple)) for key in ("mean", "variance"))
    return _along_axis(call, inputs, output) if known else None


def _prelu(call: Call, inputs: Sequence[Shape], output: Shape) -> List[Part]:
    shared = [{2: 3}.get(axis, axis) for axis in call.config.get("shared_axes") or ()]
    shared = sorted({*shared, 2}) if shared else [2]
    return [Part("PReLU", {**call.config, "shared_axes": shared})]


def _reshape(call: Call, inputs: Sequence[Shape], output: Shape) -> List[Part]:
    return [Part("Reshape", {**call.config, "target_shape": with_columns(output)})]


def _window(config: Mapping[str, Any], depthwise: bool = False) -> Config:
    """Return kernel, strides and dilation over an image. The strides of a depthwise convolution
    must be equal in both directions; a stride does nothing along one column.
    """
    strides = _column(config.get("strides", 1))
    return {
        **config,
        "kernel_size": _column(config["kernel_size"]),
        "strides": pair(strides[0]) if depthwise else strides,
        "dilation_rate": _column(config.get("dilation_rate", 1)),
    }


def _convolution(class_name: str, depthwise: bool = False) -> Row:
    def parts(call: Call, inputs: Sequence[Shape], output: Shape) -> List[Part]:
        config = _window(call.config, depthwise or call.config.get("groups", 1) != 1)
        if config.get("padding") != "causal":
            return [Part(class_name, config)]
        before = (config["kernel_size"][0] - 1) * config["dilation_rate"][0]
        end = Part(class_name, {**config, "padding": "valid"})
        return [_padding(before, 0, "/pad"), end] if before else [end]

    return parts


def _padding(before: int, behind: int, ending: str = "") -> Part:
    config = {"padding": ((before, behind), (0, 0)), "data_format": "channels_last"}
    return Part("ZeroPadding2D", config, ending)


def _padded(call: Call, inputs: Sequence[Shape], output: Shape) -> List[Part]:
    return [_padding(*pair(call.config.get("padding", 1)))]


def _cropped(call: Call, inputs: Sequence[Shape], output: Shape) -> List[Part]:
    """A depthwise convolution that passes one row of its window on: no quantizer crops."""
    before, behind = pair(call.config.get("cropping", 1))
    config = {
        "kernel_size": (before + behind + 1, 1),
        "strides": (1, 1),
        "padding": "valid",
        "depth_multiplier": 1,
        "dilation_rate": (1, 1),
        "data_format": "channels_last",
        "use_bias": False,
        "activation": "linear",
    }
    return [Part("DepthwiseConv2D", config, selected=(before,))]


def _transposed(call: Call, inputs: Sequence[Shape], output: Shape) -> List[Part]:
    config, more = _window(call.config), call.config.get("output_padding")
    config["output_padding"] = None if more is None else (pair(more)[0], 0)
    return [Part("Conv2DTranspose", config)]


def _dense(call: Call, inputs: Sequence[Shape], output: Shape) -> List[Part]:
    kept = {key: value for key, value in call.config.items() if key != "units"}
    sizes = {"filters": int(call.config["units"]), "kernel_size": (1, 1), "strides": (1, 1)}
    return [Part("Conv2D", {**kept, **sizes, "padding": "valid", "dilation_rate": (1, 1)})]


def _pooling(class_name: str) -> Row:
    def parts(call: Call, inputs: Sequence[Shape], output: Shape) -> List[Part]:
        size = pair(call.config.get("pool_size", 2))[0]
        steps = pair(call.config.get("strides") or size)[0]
        return [Part(class_name, {**call.config, "pool_size": (size, 1), "strides": (steps, 1)})]

    return parts


def _global_average(call: Call, inputs: Sequence[Shape], output: Shape) -> List[Part]:
    return [Part("GlobalAveragePooling2D", dict(call.config))]


def _global_max(call: Call, inputs: Sequence[Shape], output: Shape) -> List[Part]:
    """A largest value of all steps: no quantizer takes the layer over a whole image."""
    window, kept = (inputs[0][0], 1), ("name", "trainable", "dtype", "data_format")
    config = {key: call.config[key] for key in kept if key in call.config}
    pool = Part("MaxPooling2D", {**config, "pool_size": window, "strides": window})
    pool.config["padding"] = "valid"
    return [pool] if call.config.get("keepdims") else [pool, Part("Flatten", {}, "/flat")]


def _upsampling(call: Call, inputs: Sequence[Shape], output: Shape) -> List[Part]:
    size = (int(call.config.get("size", 2)), 1)
    return [Part("UpSampling2D", {**call.config, "size": size, "interpolation": "nearest"})]


OF_SERIES: Dict[str, Row] = {
    "Conv1D": _convolution("Conv2D"),
    "SeparableConv1D": _convolution("SeparableConv2D", depthwise=True),
    "DepthwiseConv1D": _convolution("DepthwiseConv2D", depthwise=True),
    "Conv1DTranspose": _transposed,
    "MaxPooling1D": _pooling("MaxPooling2D"),
    "AveragePooling1D": _pooling("AveragePooling2D"),
    "GlobalMaxPooling1D": _global_max,
    "GlobalAveragePooling1D": _global_average,
    "ZeroPadding1D": _padded,
    "Cropping1D": _cropped,
    "UpSampling1D": _upsampling,
    "Dense": _dense,
    "BatchNormalization": _along_axis,
    "SyncBatchNormalization": _along_axis,
}
"""Classes for which a model is changed at all: they are none of the quantizers' on a series."""

ON_SERIES: Dict[str, Row] = {
    **OF_SERIES,
    **dict.fromkeys(
        "Activation ReLU LeakyReLU ELU ThresholdedReLU HardSigmoid Dropout Rescaling Add Multiply"
        " Subtract Average Maximum Minimum Flatten".split(),
        _same,
    ),
    **dict.fromkeys("Softmax Concatenate LayerNormalization".split(), _along_axis),
    "Normalization": _normalization,
    "PReLU": _prelu,
    "Reshape": _reshape,
}
"""All that a series can go through as an image of one column; any other class gets the series."""
