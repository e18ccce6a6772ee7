"""How many parameters a Keras 2 layer has, from its configuration and shapes alone; checked against
Keras in the tests.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Sequence

from vaiopt.network.calls import Shape
from vaiopt.network.layers import REMOVED, elements, knows, pair


def parameters(
    class_name: str, config: Mapping[str, Any], inputs: Sequence[Shape], output: Shape
) -> Optional[int]:
    """Return how many parameters a layer has (trainable or not, as ``count_params``), or None when
    this layer is not known.
    """
    if class_name in REMOVED or class_name in (
        "InputLayer",
        "TFOpLambda",
        "SlicingOpLambda",
        "Lambda",
    ):
        return 0
    function = _PARAMETERS.get(class_name)
    if function is not None:
        return function(config, inputs, output)
    return 0 if knows(class_name) else None


def _bias(config: Mapping[str, Any], count: int) -> int:
    return count if config.get("use_bias", True) else 0


def _conv_parameters(config: Mapping[str, Any], inputs: Sequence[Shape], output: Shape) -> int:
    kernel = config["kernel_size"]
    area = elements(kernel if isinstance(kernel, (list, tuple)) else (kernel,))
    return area * inputs[0][-1] // int(config.get("groups", 1)) * output[-1] + _bias(
        config, output[-1]
    )


def _depthwise_parameters(config: Mapping[str, Any], inputs: Sequence[Shape], output: Shape) -> int:
    return elements(pair(config["kernel_size"])) * output[-1] + _bias(config, output[-1])


def _separable_parameters(config: Mapping[str, Any], inputs: Sequence[Shape], output: Shape) -> int:
    middle = inputs[0][-1] * int(config.get("depth_multiplier", 1))
    kernel = config["kernel_size"]
    return (
        elements(kernel if isinstance(kernel, (list, tuple)) else (kernel,)) * middle
        + middle * output[-1]
        + _bias(config, output[-1])
    )


def _norm_parameters(config: Mapping[str, Any], inputs: Sequence[Shape], _: Shape) -> int:
    axis = config.get("axis", -1)
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    rank = len(inputs[0]) + 1
    count = elements([inputs[0][int(a) % rank - 1] for a in axes])
    return count * (2 + bool(config.get("scale", True)) + bool(config.get("center", True)))


def _layer_norm_parameters(
    config: Mapping[str, Any], inputs: Sequence[Shape], output: Shape
) -> int:
    return _norm_parameters(config, inputs, output) - _norm_parameters(
        dict(config, scale=False, center=False), inputs, output
    )


def _normalization_parameters(
    config: Mapping[str, Any], inputs: Sequence[Shape], output: Shape
) -> int:
    if config.get("mean") is not None:
        return 0
    return (
        _norm_parameters(
            {"axis": config.get("axis", -1), "scale": False, "center": False}, inputs, output
        )
        + 1
    )


def _prelu_parameters(config: Mapping[str, Any], inputs: Sequence[Shape], _: Shape) -> int:
    shared = {int(axis) for axis in config.get("shared_axes") or []}
    return elements([1 if i + 1 in shared else length for i, length in enumerate(inputs[0])])


def _dense_parameters(config: Mapping[str, Any], inputs: Sequence[Shape], output: Shape) -> int:
    return inputs[0][-1] * output[-1] + _bias(config, output[-1])


def _gates(
    gates: int, reset_after: bool
) -> Callable[[Mapping[str, Any], Sequence[Shape], Shape], int]:
    def count(config: Mapping[str, Any], inputs: Sequence[Shape], _: Shape) -> int:
        units = int(config["units"])
        rows = 2 if reset_after and config.get("reset_after", True) else 1
        return gates * (units * (inputs[0][-1] + units) + _bias(config, units * rows))

    return count


def _bidirectional_parameters(
    config: Mapping[str, Any], inputs: Sequence[Shape], output: Shape
) -> int:
    inner = config["layer"]
    return 2 * (
        parameters(str(inner["class_name"]).split(">")[-1], inner["config"], inputs, output) or 0
    )


_PARAMETERS: Dict[str, Callable[[Mapping[str, Any], Sequence[Shape], Shape], int]] = {
    "Conv1D": _conv_parameters,
    "Conv2D": _conv_parameters,
    "Conv2DTranspose": _conv_parameters,
    "DepthwiseConv2D": _depthwise_parameters,
    "SeparableConv1D": _separable_parameters,
    "SeparableConv2D": _separable_parameters,
    "BatchNormalization": _norm_parameters,
    "SyncBatchNormalization": _norm_parameters,
    "LayerNormalization": _layer_norm_parameters,
    "Normalization": _normalization_parameters,
    "PReLU": _prelu_parameters,
    "Dense": _dense_parameters,
    "LSTM": _gates(4, False),
    "GRU": _gates(3, True),
    "SimpleRNN": _gates(1, False),
    "Bidirectional": _bidirectional_parameters,
    "Embedding": (
        lambda config, inputs, output: int(config["input_dim"]) * int(config["output_dim"])
    ),
}
