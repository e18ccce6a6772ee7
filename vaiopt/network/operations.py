"""From layer calls to operations: activations split off, separable convolutions split, layers that
do nothing removed.
"""

from __future__ import annotations

from typing import List, NamedTuple, Set, Tuple

from vaiopt.errors import ModelError
from vaiopt.network import activations, attributes
from vaiopt.network.activations import Activation
from vaiopt.network.calls import Call, CallList
from vaiopt.network.graph import LayerGraph, Operation
from vaiopt.network.layers import layer_class, output_shape, parameter_count
from vaiopt.network.sizes import Shape, elements
from vaiopt.network.tensor_calls import function_of, layers_for

DAMAGED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading a configuration raises that is not a Keras 2 layer's."""

Value = Tuple[int, Shape]
"""A tensor while lowering: the operation that makes it, and its shape."""


MOST_VALUES = 1 << 31
"""Values of one tensor for one sample: TensorFlow counts many in 32 bits, and 8 GiB in float32."""

MOST = 1 << 53
"""Of all else that is counted: what a float still holds exactly."""


def _check_sizes(operation: Operation) -> None:
    values = elements(operation.output_shape)
    if values > MOST_VALUES:
        raise ModelError(
            f"layer '{operation.layer}' makes {float(min(values, 10**300)):.3g} values of one"
            " sample, more than any board or computer holds",
            "Use a smaller input or kernel, or fewer filters.",
        )
    o = operation
    numbers = (*o.kernel, *o.strides, *o.dilation, *o.padding, *o.output_padding, o.groups)
    if any(abs(n) > MOST for n in (*numbers, o.multiplier, o.params, o.weights, o.macs)):
        raise ModelError(
            f"layer '{operation.layer}' has sizes that no board or computer holds",
            "Use a smaller input or kernel, or fewer filters.",
        )


class _Builder(NamedTuple):
    """The operations so far, and for each call the tensors that stand for its outputs; guessed are
    the operations that depend on a shape that is assumed.
    """

    operations: List[Operation]
    tensors: List[List[Value]]
    guessed: Set[int]

    def append(self, operation: Operation) -> Value:
        """Add an operation; return its output. Raises ModelError: it is of an absurd size."""
        _check_sizes(operation)
        self.operations.append(operation)
        return (len(self.operations) - 1, operation.output_shape)

    def tensor(self, place: Tuple[int, int]) -> Value:
        """Return the tensor at (call, output); outputs that are not told apart share one."""
        tensors = self.tensors[place[0]]
        return tensors[place[1]] if place[1] < len(tensors) else tensors[0]


def lower(calls: CallList, name: str) -> LayerGraph:
    """Return the operations of a model.

    Raises:
        ModelError: channels-first layers, undefined shapes, shapes that do not fit, a damaged
            configuration.
    """
    builder = _Builder([], [], set())
    for call in calls.calls:
        try:
            builder.tensors.append(_lower_call(call, builder))
        except DAMAGED as error:
            inputs = [builder.tensor(place)[1] for place in call.inputs]
            raise ModelError(
                f"the configuration of layer '{call.config.get('name', '?')}' ({call.class_name})"
                f" does not fit its input {inputs}: {error or type(error).__name__}",
                "Build and save the model again with Keras 2.",
            ) from error
    if not any(operation.kind == "input" for operation in builder.operations):
        raise ModelError(f"model '{name}' has no input", "Put keras.Input(shape) first.")
    outputs = tuple(builder.tensor(place)[0] for place in calls.outputs)
    nested = tuple(dict.fromkeys(calls.nested))
    return LayerGraph(name, tuple(builder.operations), outputs, nested, calls.changes)


def _lower_call(call: Call, builder: _Builder) -> List[Value]:
    """Append the operations of one call; return its outputs."""
    if call.config.get("data_format") == "channels_first":
        raise ModelError(
            f"layer '{call.name}' is channels first, which the quantizer does not read",
            "Build it with data_format='channels_last'.",
        )
    inputs = [builder.tensor(place) for place in call.inputs]
    if layer_class(call.class_name).removed and inputs:
        return inputs[:1]
    shapes = [shape for _, shape in inputs]
    guessed = any(number in builder.guessed for number, _ in inputs)
    outputs, assumed = _output_shapes(call, shapes, guessed)
    params = 0
    if call.first:
        params = call.params or 0
        if call.params is None:
            params = parameter_count(call.class_name, call.config, shapes, outputs[0])
    operation = Operation(
        name=call.name,
        layer=call.name,
        layer_type=call.class_name,
        kind=layer_class(call.class_name).kind,
        inputs=tuple(number for number, _ in inputs),
        input_shapes=tuple(shapes),
        output_shape=outputs[0],
        params=params,
        assumed_shape=assumed,
    )
    value = _append_layer(call, operation, builder)
    if (guessed and not call.shapes) or assumed:
        builder.guessed.add(value[0])
    return [value] + [(value[0], shape) for shape in outputs[1:]]


def _output_shapes(call: Call, inputs: List[Shape], guessed: bool) -> Tuple[List[Shape], bool]:
    """Return the shapes of a call's outputs, and whether they are assumed to be the input's; so are
    those that do not fit inputs which are guessed, of which the operation before them is told.
    """
    if call.shapes:
        if call.class_name == "InputLayer" and not all(call.shapes):
            raise ModelError(
                f"input '{call.name}' has an undefined shape",
                "Give every dimension but the batch a number.",
            )
        return call.shapes, False
    try:
        computed = output_shape(call.class_name, call.config, inputs, call.arguments)
    except (ModelError, *DAMAGED):
        if not guessed:
            raise
        return inputs[:1], True
    found = [computed] if computed is not None else _shapes_of_layers(call, inputs)
    if found:
        return found, False
    if not inputs:
        raise ModelError(
            f"layer '{call.name}' ({call.class_name}) has no input",
            "Use a functional or sequential model.",
        )
    return inputs[:1], True


def _shapes_of_layers(call: Call, inputs: List[Shape]) -> List[Shape]:
    """Return the shapes of the layers that compute what an operation does; none if no layer does.

    What follows may be written for them: a sum, a reshape to so many values.
    """
    if layer_class(call.class_name).kind != "tensorflow":
        return []
    function, arguments = function_of(call.class_name, call.config, call.arguments)
    steps = layers_for(function, arguments, inputs) or []
    found = [output_shape(step.class_name, step.config, inputs, {}) for step in steps]
    return [shape for shape in found if shape is not None]


def _append_layer(call: Call, operation: Operation, builder: _Builder) -> Value:
    """Append the operations of one layer; return the last one's output."""
    row = layer_class(call.class_name)
    if row.activation is not None:
        return _append_activation(row.activation(call.config), operation, builder)
    if row.separable:
        value = _append_separable(call, operation, builder)
    else:
        value = builder.append(row.attributes(operation, call.config, call.arguments))
    activation = Activation("linear") if row.keeps_activation else activations.named(call.config)
    if activation.function == "linear":
        return value
    after = operation._replace(
        name=f"{call.name}/{activation.function}",
        inputs=(value[0],),
        input_shapes=(value[1],),
        params=0,
        assumed_shape=False,
    )
    return _append_activation(activation, after, builder)


def _append_separable(call: Call, operation: Operation, builder: _Builder) -> Value:
    """Append the depthwise and the 1x1 convolution of a SeparableConv2D."""
    channels = operation.input_shapes[0][-1] * int(call.config.get("depth_multiplier", 1))
    middle = operation.output_shape[:2] + (channels,)
    first = operation._replace(
        name=call.name + "/depthwise", kind="depthwise", output_shape=middle, params=0
    )
    value = builder.append(attributes.depthwise(first, call.config, call.arguments))
    second = operation._replace(inputs=(value[0],), input_shapes=(middle,))
    plain = dict(call.config, kernel_size=1, strides=1, dilation_rate=1, padding="valid")
    return builder.append(attributes.conv(second, plain, call.arguments))


def _append_activation(activation: Activation, operation: Operation, builder: _Builder) -> Value:
    """Append an activation: none for linear, hard sigmoid and multiplication for swish, one
    operation else.
    """
    function, name = activation.function, operation.name
    source = (operation.inputs[0], operation.input_shapes[0])
    if function == "linear":
        return source
    operation = operation._replace(kind="activation", function=function)
    if function in ("swish", "hard_swish"):
        gate = builder.append(operation._replace(name=name + "/sigmoid", function="sigmoid"))
        product = operation._replace(
            kind="multiply",
            function="swish",
            inputs=(source[0], gate[0]),
            input_shapes=(source[1], gate[1]),
            params=0,
        )
        return builder.append(product)
    if function == "softmax":
        return builder.append(operation._replace(kind="softmax"))
    return builder.append(operation._replace(alpha=activation.alpha, limit=activation.limit))
