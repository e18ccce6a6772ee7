"""From Keras layers to operations: activations split off, separable convolutions split, layers that
do nothing removed.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from vaiopt.errors import ModelError
from vaiopt.network.calls import Call, CallList, Shape
from vaiopt.network.graph import Kernel, LayerGraph, Operation
from vaiopt.network.layers import MERGES, REMOVED, elements, output_shape, pair
from vaiopt.network.parameters import parameters

KINDS = {
    "InputLayer": "input",
    "Conv2D": "conv",
    "DepthwiseConv2D": "depthwise",
    "Conv2DTranspose": "transposed",
    "Dense": "dense",
    "MaxPooling2D": "max_pool",
    "AveragePooling2D": "average_pool",
    "VitisAveragePooling2D": "average_pool",
    "GlobalAveragePooling2D": "global_average_pool",
    "VitisGlobalAveragePooling2D": "global_average_pool",
    "BatchNormalization": "batch_norm",
    "SyncBatchNormalization": "batch_norm",
    "Add": "add",
    "Multiply": "multiply",
    "Concatenate": "concat",
    "ZeroPadding2D": "pad",
    "Reshape": "reshape",
    "Flatten": "flatten",
    "UpSampling2D": "upsample",
    "Softmax": "softmax",
}
"""Keras class to kind of operation; classes that are not here and are no activations become
``other``.
"""

ACTIVATIONS = {
    "silu": "swish",
    "relu_6": "relu6",
    "hard_silu": "hard_swish",
    "leakyrelu": "leaky_relu",
}
"""Other names of activations, to the ones used here."""

Value = Tuple[int, Shape]
"""A tensor while lowering: the operation that makes it (negative for a removed layer's missing
source) and its shape.
"""


class _Builder(NamedTuple):
    """The operations so far, and for each call the tensors that stand for its outputs."""

    operations: List[Operation]
    tensors: List[List[Value]]

    def append(self, **fields: Any) -> Value:
        """Add an operation; return its output."""
        operation = Operation(**fields)
        self.operations.append(operation)
        return (len(self.operations) - 1, operation.output_shape)


def lower(calls: CallList, name: str) -> LayerGraph:
    """Return the operations of a model.

    Raises:
        ModelError: channels-first layers, undefined shapes, shapes that do not fit.
    """
    builder = _Builder([], [])
    for call in calls.calls:
        _lower_call(call, builder)
    if not any(operation.kind == "input" for operation in builder.operations):
        raise ModelError(f"model '{name}' has no input", "Put keras.Input(shape) first.")
    outputs = [_tensor(builder, place)[0] for place in calls.outputs]
    return _recognise_hard_sigmoids(
        LayerGraph(
            name, tuple(builder.operations), tuple(outputs), tuple(dict.fromkeys(calls.nested))
        )
    )


def _tensor(builder: _Builder, place: Tuple[int, int]) -> Value:
    """Return the tensor at (call, output); outputs that are not told apart share one."""
    tensors = builder.tensors[place[0]]
    return tensors[place[1]] if place[1] < len(tensors) else tensors[0]


def _lower_call(call: Call, builder: _Builder) -> None:
    config = call.config
    if config.get("data_format") == "channels_first":
        raise ModelError(
            f"layer '{call.name}' is channels first, which the quantizer does not read",
            "Build it with data_format='channels_last'.",
        )
    inputs = [_tensor(builder, place) for place in call.inputs]
    shapes = [shape for _, shape in inputs]
    if call.class_name in REMOVED and inputs:
        builder.tensors.append([inputs[0]])
        return
    known = call.shapes
    computed = None if known else output_shape(call.class_name, config, shapes, call.arguments)
    assumed = known is None and computed is None
    if assumed and not shapes:
        raise ModelError(
            f"layer '{call.name}' ({call.class_name}) has no input",
            "Use a functional or sequential model.",
        )
    outputs = known or [computed if computed is not None else shapes[0]]
    if any(not shape and call.class_name == "InputLayer" for shape in outputs):
        raise ModelError(
            f"input '{call.name}' has an undefined shape",
            "Give every dimension but the batch a number.",
        )
    params = 0
    if call.first:
        counted = (
            call.params
            if call.params is not None
            else parameters(call.class_name, config, shapes, outputs[0])
        )
        params = counted or 0
    value = _operations(call, inputs, outputs[0], params, assumed, builder)
    builder.tensors.append([value] + [(value[0], shape) for shape in outputs[1:]])


def _operations(
    call: Call, inputs: List[Value], output: Shape, params: int, assumed: bool, builder: _Builder
) -> Value:
    """Append the operations of one layer; return the last one's output."""
    class_name, config = call.class_name, call.config
    fields: Dict[str, Any] = {
        "layer": call.name,
        "layer_type": class_name,
        "inputs": tuple(number for number, _ in inputs),
        "input_shapes": tuple(shape for _, shape in inputs),
        "output_shape": output,
        "params": params,
        "assumed_shape": assumed,
    }
    if class_name == "SeparableConv2D":
        value = _separable(call, fields, builder)
    elif _activation(class_name, config) is not None:
        return _activate(_activation(class_name, config), fields, builder, call.name)
    else:
        kind = KINDS.get(class_name, "other")
        if class_name in MERGES and kind == "other":
            fields["function"] = class_name.lower()
        if class_name in ("TFOpLambda", "SlicingOpLambda"):
            fields["function"] = str(config.get("function", ""))
            fields["value"] = _constant(call.arguments)
        if class_name == "Rescaling":
            fields["scaling"] = _scaling(config)
        value = builder.append(
            name=call.name, kind=kind, **dict(fields, **_attributes(kind, config, fields))
        )
    function = (
        _named_activation(config.get("activation"))
        if class_name not in ("LSTM", "GRU", "SimpleRNN", "Bidirectional")
        else "linear"
    )
    if function == "linear":
        return value
    after = dict(
        fields,
        inputs=(value[0],),
        input_shapes=(value[1],),
        params=0,
        assumed_shape=False,
        function="",
        value=None,
    )
    return _activate((function, None), after, builder, f"{call.name}/{function}")


def _constant(arguments: Mapping[str, Any]) -> Optional[float]:
    """Return the number that a TensorFlow operation such as ``x * 0.5`` was given, if it is one."""
    value = arguments.get("y")
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _scaling(config: Mapping[str, Any]) -> Optional[Tuple[float, float]]:
    """Return (scale, offset) of a Rescaling layer, if they are single numbers."""
    scale, offset = config.get("scale"), config.get("offset", 0.0)
    if isinstance(scale, (int, float)) and isinstance(offset, (int, float)):
        return (float(scale), float(offset))
    return None


def _attributes(kind: str, config: Mapping[str, Any], fields: Mapping[str, Any]) -> Dict[str, Any]:
    """Return kernel, strides, weights and multiplications of an operation that has them."""
    inputs, output = fields["input_shapes"], fields["output_shape"]
    if kind in ("conv", "depthwise", "transposed") and len(inputs[0]) == 3:
        kernel, strides, dilation = (
            pair(config.get(key, 1)) for key in ("kernel_size", "strides", "dilation_rate")
        )
        groups = int(config.get("groups", 1))
        area = kernel[0] * kernel[1]
        if kind == "depthwise":
            weights, pixels = area * output[-1], elements(output[:-1])
        else:
            weights = area * inputs[0][-1] // groups * output[-1]
            pixels = elements((inputs[0] if kind == "transposed" else output)[:-1])
        return {
            "kernel": kernel,
            "strides": strides,
            "dilation": dilation,
            "groups": groups,
            "multiplier": int(config.get("depth_multiplier", 1)) if kind == "depthwise" else 1,
            "padding": _same_padding(config, inputs[0], output, kernel, strides, dilation),
            "weights": weights,
            "macs": weights * pixels,
            "value": (
                float(elements(pair(config["output_padding"])))
                if config.get("output_padding")
                else None
            ),
        }
    if kind in ("max_pool", "average_pool") and len(inputs[0]) == 3:
        kernel = pair(config.get("pool_size", 2))
        strides = pair(config.get("strides") or kernel)
        return {
            "kernel": kernel,
            "strides": strides,
            "padding": _same_padding(config, inputs[0], output, kernel, strides, (1, 1)),
        }
    if kind == "global_average_pool" and len(inputs[0]) == 3:
        return {"kernel": inputs[0][:2], "strides": inputs[0][:2]}
    if kind == "dense":
        weights = inputs[0][-1] * output[-1]
        return {"weights": weights, "macs": weights * elements(output[:-1])}
    if kind == "batch_norm":
        return {"weights": inputs[0][-1]}
    if kind == "upsample":
        return {
            "kernel": pair(config.get("size", 2)),
            "function": str(config.get("interpolation", "nearest")),
        }
    if kind == "concat":
        return {"value": float(config.get("axis", -1))}
    if kind == "pad":
        return {"function": "constant"}
    return {}


def _same_padding(
    config: Mapping[str, Any],
    source: Shape,
    output: Shape,
    kernel: Kernel,
    strides: Kernel,
    dilation: Kernel,
) -> Tuple[int, int, int, int]:
    """Return (top, bottom, left, right) of Keras's padding "same"."""
    if config.get("padding", "valid") != "same":
        return (0, 0, 0, 0)
    result: List[int] = []
    for axis in (0, 1):
        reach = (kernel[axis] - 1) * dilation[axis] + 1
        total = max((output[axis] - 1) * strides[axis] + reach - source[axis], 0)
        result.extend((total // 2, total - total // 2))
    return (result[0], result[1], result[2], result[3])


def _separable(call: Call, fields: Dict[str, Any], builder: _Builder) -> Value:
    """Append the depthwise and the 1x1 convolution of a SeparableConv2D."""
    config, source = call.config, fields["input_shapes"][0]
    multiplier = int(config.get("depth_multiplier", 1))
    middle = fields["output_shape"][:2] + (source[-1] * multiplier,)
    first = dict(fields, output_shape=middle, params=0)
    value = builder.append(
        name=call.name + "/depthwise",
        kind="depthwise",
        **dict(first, **_attributes("depthwise", config, first)),
    )
    second = dict(fields, inputs=(value[0],), input_shapes=(middle,))
    plain = dict(config, kernel_size=1, strides=1, dilation_rate=1, padding="valid")
    return builder.append(
        name=call.name, kind="conv", **dict(second, **_attributes("conv", plain, second))
    )


# ---------------------------------------------------------------- activations


def _named_activation(activation: Any) -> str:
    """Return the name of the activation in a layer's configuration; a custom one by the name it was
    registered with.
    """
    if activation is None:
        return "linear"
    if isinstance(activation, Mapping):  # an activation layer or a registered function, serialized
        inner = activation.get("config")
        if activation.get("class_name") in ("function", "builtin") or isinstance(inner, str):
            activation = inner
        else:
            activation = activation.get("class_name", "?")
    name = str(activation).split(">")[-1]
    return ACTIVATIONS.get(name.lower(), name.lower())


def _activation(
    class_name: str, config: Mapping[str, Any]
) -> Optional[Tuple[str, Optional[float]]]:
    """Return (function, parameter) if this layer is an activation."""
    if class_name == "Activation":
        return (_named_activation(config.get("activation")), None)
    if class_name == "ReLU":
        return _relu(config)
    if class_name == "LeakyReLU":
        return ("leaky_relu", _number(config.get("alpha", config.get("negative_slope", 0.3))))
    if class_name in ("PReLU", "ELU", "ThresholdedReLU", "Softmax"):
        return (class_name.lower(), None)
    if class_name == "VitisSigmoid":
        return ("hard_sigmoid", None)
    return None


def _number(value: Any) -> Optional[float]:
    """Return a number that Keras may have written as an array."""
    if isinstance(value, Mapping):
        value = value.get("value")
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    return None if value is None else float(value)


def _relu(config: Mapping[str, Any]) -> Tuple[str, Optional[float]]:
    largest, slope, threshold = (
        _number(config.get(key)) for key in ("max_value", "negative_slope", "threshold")
    )
    if threshold:
        return ("thresholdedrelu", threshold)
    if slope:
        return ("leaky_relu", slope)
    if largest is None:
        return ("relu", None)
    return ("relu6", None) if largest == 6.0 else ("clipped_relu", largest)


def _activate(
    activation: Optional[Tuple[str, Optional[float]]],
    fields: Dict[str, Any],
    builder: _Builder,
    name: str,
) -> Value:
    """Append an activation: none for linear, hard sigmoid and multiplication for swish, one
    operation else.
    """
    function, value = activation or ("linear", None)
    source = (fields["inputs"][0], fields["input_shapes"][0])
    if function == "linear":
        return source
    if function in ("swish", "hard_swish"):
        gate = builder.append(
            name=name + "/sigmoid", kind="activation", **dict(fields, function="sigmoid")
        )
        product = dict(
            fields,
            inputs=(source[0], gate[0]),
            input_shapes=(source[1], gate[1]),
            params=0,
            function="swish",
        )
        return builder.append(name=name, kind="multiply", **product)
    kind = "softmax" if function == "softmax" else "activation"
    return builder.append(name=name, kind=kind, **dict(fields, function=function, value=value))


def _recognise_hard_sigmoids(graph: LayerGraph) -> LayerGraph:
    """Replace ``relu6(x + 3) * (1/6)``, written in TensorFlow operations, by the hard sigmoid that
    the quantizer makes of it.
    """
    operations = list(graph.operations)
    users = graph.consumers
    for number, last in enumerate(operations):
        if (
            last.function != "math.multiply"
            or last.value is None
            or abs(last.value - 1 / 6) > 1e-4
            or len(last.inputs) != 1
        ):
            continue
        middle = operations[last.inputs[0]]
        if middle.function not in ("relu6", "nn.relu6") or len(users[last.inputs[0]]) != 1:
            continue
        first = operations[middle.inputs[0]]
        if (
            first.function != "__operators__.add"
            or first.value != 3.0
            or len(users[middle.inputs[0]]) != 1
        ):
            continue
        operations[number] = last._replace(
            kind="activation",
            function="hard_sigmoid",
            inputs=first.inputs,
            input_shapes=first.input_shapes,
            value=None,
        )
    return _without_unused(graph._replace(operations=tuple(operations)))


def _without_unused(graph: LayerGraph) -> LayerGraph:
    """Return the graph without operations that no output needs (inputs stay)."""
    needed = set(graph.outputs)
    for number in range(len(graph.operations) - 1, -1, -1):
        if number in needed:
            needed.update(graph.operations[number].inputs)
    kept = [
        i
        for i, operation in enumerate(graph.operations)
        if i in needed or operation.kind == "input"
    ]
    places = {old: new for new, old in enumerate(kept)}
    operations = [
        graph.operations[i]._replace(inputs=tuple(places[s] for s in graph.operations[i].inputs))
        for i in kept
    ]
    return graph._replace(
        operations=tuple(operations), outputs=tuple(places[o] for o in graph.outputs)
    )
