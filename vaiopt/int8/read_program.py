"""From the quantized Keras model to the int8 program.

The quantized model (:mod:`vaiopt.int8.model`) computes in float on the DPU's grids, and
says with a ``FixPosition`` layer where a tensor is rounded. Everything between two of them is one
exact operation with one rounding: it is collected here and written down as integers.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Union

import numpy as np

from vaiopt.errors import CompileError
from vaiopt.int8.model import fix_positions
from vaiopt.int8.program import End, Operation, Program, Tensor
from vaiopt.network.calls import Call, CallList
from vaiopt.network.layers import layer_class
from vaiopt.network.read import read_calls
from vaiopt.network.sizes import Shape, pair

LAST_FUNCTIONS: Dict[str, Optional[float]] = {"softmax": None, "sigmoid": 0.0}
"""Functions that the CPU computes after the last int8 tensor and that keep the order of values, and
the value before them above which a single output means class 1: sigmoid(0) is 0.5.
"""

HALF = 0.5
"""The threshold of outputs that are probabilities already."""

LINEAR = {
    "Conv2D": ("conv", "kernel"),
    "DepthwiseConv2D": ("depthwise", "depthwise_kernel"),
    "Conv2DTranspose": ("transposed_conv", "kernel"),
    "Dense": ("dense", "kernel"),
}
"""Kind and name of the weights of each layer class that has weights."""

LONE_ACTIVATIONS = {"relu": "relu", "relu6": "relu", "leaky": "leaky"}
"""Kind of the operation that an activation on a rounded tensor is."""

MERGES = {"Add": "add", "Multiply": "multiply"}


def _again(problem: str) -> CompileError:
    return CompileError(problem, "Quantize the model again.")


def _in_float(problem: str) -> CompileError:
    hint = "Use layers that the DPU runs ('vaiopt inspect' names the others), then quantize again."
    return CompileError(problem, hint)


class Pending(NamedTuple):
    """An exact result that no ``FixPosition`` has rounded yet."""

    kind: str
    name: str
    inputs: List[str]
    shape: Shape
    activation: str = "linear"
    weights: Optional[np.ndarray] = None
    weight_position: int = 0
    bias: Optional[np.ndarray] = None
    bias_position: int = 0
    options: Dict[str, Any] = {}


Value = Union[Tensor, Pending]


def read_program(model: Any) -> Program:
    """Return the int8 program of a quantized Keras model.

    Args:
        model: what :func:`vaiopt.int8.model.load_quantized` returns.

    Raises:
        CompileError: a layer is left in float or has no integer counterpart; it is named.
    """
    return _Reader(model, read_calls(model)).program()


class _Reader:
    """Walks the layer calls once, in order."""

    def __init__(self, model: Any, calls: CallList) -> None:
        self.calls = calls
        self.positions = {(p.layer, p.tensor): p.position for p in fix_positions(model)}
        self.layers = {layer.name: layer for layer in model.layers}
        self.values: List[Value] = []
        self.operations: List[Operation] = []
        self.inputs: Dict[str, Tensor] = {}
        self.left_out: List[str] = []
        self.functions: Dict[int, str] = {}

    def program(self) -> Program:
        for call in self.calls.calls:
            self.values.append(self._value(call))
        first, *more = [self._end(index) for index, _ in self.calls.outputs]
        names = [self.calls.calls[index].name for index, _ in self.calls.inputs]
        if not self.operations or any(name not in self.inputs for name in names):
            raise _again("the quantized model holds no operation")
        source, *sources = [self.inputs[name] for name in names]
        return Program(
            source,
            first.tensor,
            self.operations,
            self.left_out,
            first.threshold,
            first.function,
            more=tuple(more),
            more_inputs=tuple(sources),
        )

    def _end(self, index: int) -> End:
        output = self.values[index]
        if not isinstance(output, Tensor):
            raise _again(f"the output of layer '{output.name}' is not rounded to int8")
        function = self.functions.get(index, "")
        return End(output, LAST_FUNCTIONS[function] if function else HALF, function)

    def _value(self, call: Call) -> Value:
        kind = call.class_name.split(">")[-1]
        handler = _HANDLERS.get(kind)
        if handler is None and layer_class(kind).removed:
            return self._any(call)
        if handler is None:
            raise _in_float(
                f"layer '{call.name}' ({kind}) is left in float, and cannot be compiled to int8"
            )
        return handler(self, call)

    # ------------------------------------------------------------ helpers

    def _any(self, call: Call, index: int = 0) -> Value:
        return self.values[call.inputs[index][0]]

    def _tensor(self, call: Call, index: int = 0) -> Tensor:
        value = self._any(call, index)
        if not isinstance(value, Tensor):
            raise _in_float(
                f"layer '{call.name}' reads layer '{value.name}' before it is rounded to int8"
            )
        return value

    def _shape(self, call: Call) -> Shape:
        if not call.shapes:
            raise _again(f"layer '{call.name}' has no known output shape")
        return tuple(int(n) for n in call.shapes[0])

    def _emit(self, pending: Pending, name: str, position: int) -> Tensor:
        fields = pending._asdict()
        tensor = Tensor(name, fields.pop("shape"), position)
        self.operations.append(Operation(output=tensor, **fields))
        return tensor

    def _integers(self, call: Call, tensor: str, values: np.ndarray) -> Tuple[np.ndarray, int]:
        """Return int8 weights and their position: the recorded one, or (a layer that the table does
        not name) one that fits them.
        """
        values = np.asarray(values, dtype=np.float64)
        known = self.positions.get((call.name.split(":")[0], tensor))
        for position in [known] if known is not None else range(-64, 65):
            scaled = np.ldexp(values, position)
            if (
                np.array_equal(scaled, np.rint(scaled))
                and scaled.min(initial=0) >= -128
                and scaled.max(initial=0) <= 127
            ):
                return scaled.astype(np.int8), position
        raise _again(f"layer '{call.name}': its {tensor} is not int8 at fix position {known}")

    # ------------------------------------------------------------ layers

    def fix_position(self, call: Call) -> Value:
        value, position = self._any(call), int(call.config["position"])
        if isinstance(value, Pending) and value.kind == "input":
            if value.name in self.inputs:
                raise _again(f"the input is rounded twice, at layer '{call.name}'")
            self.inputs[value.name] = Tensor(value.name, value.shape, position)
            return self.inputs[value.name]
        if isinstance(value, Pending):
            return self._emit(value, call.name, position)
        if value.position == position:
            return value
        again = Pending("round", call.name, [value.name], value.shape)
        return self._emit(again, call.name, position)

    def input_layer(self, call: Call) -> Value:
        return Pending("input", call.name, [], self._shape(call))

    def linear(self, call: Call) -> Value:
        source, kind = self._tensor(call), call.class_name.split(">")[-1]
        if call.config.get("activation", "linear") != "linear" or call.config.get("groups", 1) != 1:
            raise _again(f"layer '{call.name}' has an activation or groups inside")
        arrays = [np.asarray(array) for array in self.layers[call.name.split(":")[0]].get_weights()]
        name, kernel = LINEAR[kind]
        weights = self._integers(call, kernel, arrays[0])
        bias = self._integers(call, "bias", arrays[1]) if len(arrays) > 1 else (None, 0)
        options: Dict[str, Any] = {}
        if kind != "Dense":
            options = {
                "strides": pair(call.config.get("strides", 1)),
                "padding": str(call.config.get("padding", "valid")),
                "dilation": pair(call.config.get("dilation_rate", 1)),
            }
        inputs, shape = [source.name], self._shape(call)
        numbers = (weights[0], weights[1], bias[0], bias[1])
        return Pending(name, call.name, inputs, shape, "linear", *numbers, options)

    def relu(self, call: Call) -> Value:
        limit, slope = call.config.get("max_value"), call.config.get("negative_slope")
        if slope or call.config.get("threshold", 0.0) or limit not in (None, 6, 6.0):
            raise _in_float(f"layer '{call.name}' is a ReLU with other limits than 0 and 6")
        return self._activate(call, "relu" if limit is None else "relu6")

    def leaky(self, call: Call) -> Value:
        slope = call.config.get("alpha", call.config.get("negative_slope", 0.3))
        value = self._activate(call, "leaky")
        return value._replace(options=dict(value.options, slope=float(slope)))

    def _activate(self, call: Call, activation: str) -> Pending:
        value = self._any(call)
        if isinstance(value, Tensor):
            kind = LONE_ACTIVATIONS[activation]
            return Pending(kind, call.name, [value.name], value.shape, activation)
        if value.activation != "linear" or value.kind in ("input", "sigmoid", "reshape"):
            raise _in_float(
                f"layer '{call.name}' follows another activation that is not rounded to int8"
            )
        return value._replace(activation=activation)

    def sigmoid(self, call: Call) -> Value:
        source = self._tensor(call)
        return Pending("sigmoid", call.name, [source.name], source.shape)

    def activation(self, call: Call) -> Value:
        otherwise = "softmax" if call.class_name.endswith("Softmax") else ""
        function = str(call.config.get("activation", otherwise))
        if function == "linear":
            return self._any(call)
        if function in ("relu", "relu6"):
            return self._activate(call, function)
        own = len(self.values)
        is_last = any((own, 0) == tuple(place) for place in self.calls.outputs)
        is_last &= not any(own == index for c in self.calls.calls for index, _ in c.inputs)
        if function not in LAST_FUNCTIONS or not is_last:
            raise _in_float(
                f"layer '{call.name}' ({function}) is computed in float, in the middle of the model"
            )
        tensor = self._tensor(call)
        self.left_out.append(f"{function} of layer '{call.name}': it keeps the order of the values")
        self.functions[own] = function
        return tensor

    def max_pool(self, call: Call) -> Value:
        options = {
            "kernel": pair(call.config["pool_size"]),
            "strides": pair(call.config["strides"]),
            "padding": str(call.config["padding"]),
        }
        inputs = [self._tensor(call).name]
        return Pending("max_pool", call.name, inputs, self._shape(call), options=options)

    def average_pool(self, call: Call) -> Value:
        source, shape = self._tensor(call), self._shape(call)
        is_global = "pool_size" not in call.config
        kernel = source.shape[:2] if is_global else pair(call.config["pool_size"])
        strides = kernel if is_global else pair(call.config["strides"])
        padding = "valid" if is_global else str(call.config["padding"])
        if padding == "same" and any(
            (n - 1) * s + k > size for n, s, k, size in zip(shape, strides, kernel, source.shape)
        ):
            raise CompileError(
                f"layer '{call.name}' averages windows that reach over the border",
                "Use padding 'valid', or pad the input to a multiple.",
            )
        shift, factor = call.config.get("shift"), 1.0 / (kernel[0] * kernel[1])
        if shift is not None:
            factor = call.config["numerator"] / 2.0**shift
        options = {"kernel": kernel, "strides": strides, "padding": "valid", "factor": factor}
        return Pending("average_pool", call.name, [source.name], shape, options=options)

    def merge(self, call: Call) -> Value:
        kind = call.class_name.split(">")[-1]
        names = [self._tensor(call, i).name for i in range(len(call.inputs))]
        if kind == "Concatenate":
            options = {"axis": int(call.config.get("axis", -1))}
            return Pending("concat", call.name, names, self._shape(call), options=options)
        if len(names) != 2:
            raise CompileError(
                f"layer '{call.name}' has {len(names)} inputs; two are possible here",
                "Chain layers of two inputs.",
            )
        return Pending(MERGES[kind], call.name, names, self._shape(call))

    def reshape(self, call: Call) -> Value:
        source, shape = self._tensor(call), self._shape(call)
        if source.shape == shape:
            return source
        moved = Pending("reshape", call.name, [source.name], shape)
        return self._emit(moved, call.name, source.position)

    def pad(self, call: Call) -> Value:
        source, amounts = self._tensor(call), call.config["padding"]
        options = {"amounts": [pair(amount) for amount in amounts]}
        padded = Pending("pad", call.name, [source.name], self._shape(call), options=options)
        return self._emit(padded, call.name, source.position)

    def upsample(self, call: Call) -> Value:
        if call.config.get("interpolation", "nearest") != "nearest":
            raise _in_float(
                f"layer '{call.name}' interpolates; only nearest-neighbour up-sampling is exact in"
                " int8"
            )
        return Pending("upsample", call.name, [self._tensor(call).name], self._shape(call))


_HANDLERS: Dict[str, Callable[[_Reader, Call], Value]] = {
    "InputLayer": _Reader.input_layer,
    "FixPosition": _Reader.fix_position,
    "FixedSigmoid": _Reader.sigmoid,
    "FixedAveragePooling2D": _Reader.average_pool,
    "FixedGlobalAveragePooling2D": _Reader.average_pool,
    "Conv2D": _Reader.linear,
    "DepthwiseConv2D": _Reader.linear,
    "Conv2DTranspose": _Reader.linear,
    "Dense": _Reader.linear,
    "ReLU": _Reader.relu,
    "LeakyReLU": _Reader.leaky,
    "Activation": _Reader.activation,
    "Softmax": _Reader.activation,
    "MaxPooling2D": _Reader.max_pool,
    "Add": _Reader.merge,
    "Multiply": _Reader.merge,
    "Concatenate": _Reader.merge,
    "Flatten": _Reader.reshape,
    "Reshape": _Reader.reshape,
    "ZeroPadding2D": _Reader.pad,
    "UpSampling2D": _Reader.upsample,
}
