"""From the int8 program to TFLite's int8 operators, each chosen so that it computes what the DPU
computes.

TFLite computes the same exact sums and rounds once, like the DPU. A **tie**, a fraction of exactly
one half, falls differently: up on the DPU, to the even neighbour in the kernels that interpreters
use on x86 (XNNPACK), away from zero in others. Ties are frequent where few bits are cut off (one
output in four of a 2x2 average pooling), and what they change grows from layer to layer. So they
are taken away:

- where the output cannot be negative, the scale of the weights is the next larger float32: a tie is
  then just above one half;
- where it can, the layer is written twice, with the next larger and the next smaller scale, and the
  maximum is taken: for a positive sum the first rounds a tie up and is the larger one, for a
  negative sum the second;
- pooling and rounding have small constant weights: these are 2 or 4 times as large, and a bias of
  one half of a step is added.

What has no counterpart is written with operators that are exact:

- average pooling, a sum times a dyadic factor on the DPU, is a depthwise convolution with constant
  weights;
- the DPU's sigmoid ``clip(x + 3, 0, 6) * 2731 / 2**14`` is a 1x1 depthwise convolution with weight
  1, bias 3, ReLU and weight scale 2731 / 2**14; the upper limit is that of int8, because the output
  position is at least 7;
- leaky ReLU after a convolution is the maximum of that convolution and of the same one with weights
  26/256 as large: rounding keeps order, so the larger of both rounded values is the rounded larger
  value.

Left to the interpreter are the ties of a product of two tensors.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Callable, Dict, List, Set, Tuple

import numpy as np

from vaiopt.compile.tflite.exact import as_image, as_weight, is_power_of_two, shifted_bias
from vaiopt.compile.tflite.flatbuffer import FlatBuffer
from vaiopt.errors import CompileError
from vaiopt.int8.arithmetic import LEAKY_ALPHA, SIGMOID_MULTIPLIER, SIGMOID_SHIFT
from vaiopt.int8.program import Operation, Program, Tensor

ONLY_DPU_LAYERS = "Use layers that the DPU runs: 'vaiopt inspect' lists them."

INT8_LIMIT = 127
INT32_LIMIT = 2**31 - 1

NUDGED_CUTS = range(1, 14)
"""Bits cut off with which the neighbouring float32 scale changes ties and nothing else: with more,
it is as wide as a step of the sum.
"""

ACTIVATIONS = {"linear": "NONE", "relu": "RELU", "relu6": "RELU6"}
"""Activations that TFLite's operators have in them, and what its schema calls them."""

NOT_NEGATIVE = ("relu", "relu6")

KEEP_SIGN = frozenset(
    ["max_pool", "average_pool", "upsample", "reshape", "pad", "concat", "round", "add", "multiply"]
)
"""Operations whose output is not negative if no input is."""

UP, DOWN, EXACT = 1, -1, 0
"""Which float32 is the scale of weights: the next larger, the next smaller, the right one."""

Write = Callable[[int, float, int, int], None]
"""Writes a convolution or dense operator into a tensor: its number, a factor on the scale of the
weights, which neighbour of the scale to take, and the number of the activation.
"""


def to_tflite(program: Program, description: str) -> bytes:
    """Return the ``.tflite`` file of an int8 program: int8 in and out, batch 1, power-of-two
    scales, zero points 0.

    Raises:
        CompileError: an operation cannot be written exactly; the layer is named.
    """
    return _Lowering(program, description).to_bytes()


class _Lowering:
    """State while one program is written: the file, and every tensor so far by name."""

    def __init__(self, program: Program, description: str) -> None:
        self.file = FlatBuffer(description)
        self.program = program
        self.numbers: Dict[str, int] = {}
        self.tensors: Dict[str, Tensor] = {}
        self.positive: Set[str] = set()
        for tensor in program.inputs:
            self._add(tensor)

    def to_bytes(self) -> bytes:
        for operation in self.program.operations:
            WRITERS[operation.kind](self, operation)
            if (
                operation.activation in NOT_NEGATIVE
                or operation.kind == "sigmoid"
                or operation.kind in KEEP_SIGN
                and all(name in self.positive for name in operation.inputs)
            ):
                self.positive.add(operation.output.name)
        outputs = [self.numbers[end.tensor.name] for end in self.program.outputs]
        inputs = [self.numbers[tensor.name] for tensor in self.program.inputs]
        return self.file.to_bytes(inputs, outputs)

    # ------------------------------------------------------------ tensors

    def _add(self, tensor: Tensor) -> int:
        number = self.file.tensor(tensor.name, (1,) + tensor.shape, np.int8, 2.0**-tensor.position)
        self.numbers[tensor.name], self.tensors[tensor.name] = number, tensor
        return number

    def _inner(self, name: str, shape: Tuple[int, ...], position: int) -> Tensor:
        """Return a new tensor between the operators of one operation."""
        tensor = Tensor(f"{name}#{len(self.numbers)}", shape, position)
        self._add(tensor)
        return tensor

    def _constant(self, name: str, values: Any) -> int:
        """Add an int32 constant, such as a shape, and return its number."""
        array = np.asarray(values, dtype=np.int32)
        return self.file.tensor(name, array.shape, np.int32, data=array)

    def _source(self, operation: Operation, index: int = 0) -> Tensor:
        return self.tensors[operation.inputs[index]]

    def _activation(self, operation: Operation) -> int:
        if operation.activation == "leaky":
            raise CompileError(
                f"layer '{operation.name}' has a leaky ReLU where there is no convolution or dense"
                " layer before it",
                ONLY_DPU_LAYERS,
            )
        return self.file.constant("ActivationFunctionType", ACTIVATIONS[operation.activation])

    def _at_position(self, tensor: Tensor, position: int, name: str) -> Tensor:
        """Return ``tensor`` rounded to another position, or as it is."""
        if tensor.position == position:
            return tensor
        moved = self._inner(name, tensor.shape, position)
        self._write_round(tensor, moved, self.numbers[moved.name], name)
        return moved

    def _write_round(self, source: Tensor, target: Tensor, output: int, name: str) -> None:
        """Write ``source`` at another position: exact to a finer, half up to a coarser one."""
        if target.position >= source.position:
            self.file.operator("QUANTIZE", [self.numbers[source.name]], output)
            return
        inner = Tensor(f"{name}#{len(self.numbers)}", target.shape, target.position)
        rounding = Operation("depthwise", name, [source.name], inner)
        self._scaled(rounding, 1.0, (1, 1, target.shape[-1], 1), {})
        self._write_reshape(inner, target.shape, output)

    def _as_shape(self, tensor: Tensor, shape: Tuple[int, ...], name: str) -> Tensor:
        """Return ``tensor`` with another shape of the same size, or as it is."""
        if tensor.shape == shape:
            return tensor
        moved = self._inner(name, shape, tensor.position)
        self._write_reshape(tensor, shape, self.numbers[moved.name])
        return moved

    def _write_reshape(self, source: Tensor, shape: Tuple[int, ...], output: int) -> None:
        constant = self._constant(source.name + "/shape", (1,) + shape)
        inputs = [self.numbers[source.name], constant]
        self.file.operator("RESHAPE", inputs, output, newShape=[1, *shape])

    # ------------------------------------------------------------ weights

    def _scale(self, operation: Operation, factor: float, nudge: int) -> float:
        """Return the scale of the weights, times ``factor``, as the float32 of ``nudge``."""
        scale = np.float32(
            2.0**-operation.weight_position * operation.options.get("weight_scale", 1.0) * factor
        )
        if nudge == EXACT:
            return float(scale)
        towards = np.float32(np.inf if nudge == UP else 0)
        return float(np.nextafter(scale, towards, dtype=np.float32))

    def _parameters(
        self, operation: Operation, array: np.ndarray, factor: float, nudge: int
    ) -> List[int]:
        """Add int8 weights, in TFLite's order, and int32 bias, and return their numbers."""
        scale = self._scale(operation, factor, nudge)
        given = self._source(operation).position
        total = given + operation.weight_position
        channels = operation.output.shape[-1]
        values = np.zeros(channels, dtype=np.int64)
        if operation.bias is not None:
            values = shifted_bias(
                operation.bias, total - operation.bias_position, total - operation.output.position
            )
        if np.abs(values).max(initial=0) > INT32_LIMIT:
            raise CompileError(
                f"layer '{operation.name}': its bias does not fit the 32 bits of an accumulator",
                "Look at its weights: they are far smaller than its bias. Train with weight decay"
                " or batch normalization.",
            )
        ending = "" if factor == 1.0 and nudge != DOWN else "_where_negative"
        add, name = self.file.tensor, operation.name
        kernel = add(f"{name}/kernel{ending}", array.shape, np.int8, scale, array)
        bias = values.astype(np.int32)
        return [
            kernel,
            add(f"{name}/bias{ending}", (channels,), np.int32, 2.0**-given * scale, bias),
        ]

    def _linear(self, operation: Operation, write: Write) -> None:
        """Write a convolution or dense operation such that ties round up."""
        output = self._add(operation.output)
        options, target = operation.options, operation.output
        leaky = operation.activation == "leaky"
        if not leaky:
            cut = self._source(operation).position + operation.weight_position - target.position
            cut -= int(math.floor(math.log2(options.get("weight_scale", 1.0))))
            if cut not in NUDGED_CUTS or options.get("no_ties", False):
                return write(output, 1.0, EXACT, self._activation(operation))
            if operation.activation in NOT_NEGATIVE or options.get("positive", False):
                return write(output, 1.0, UP, self._activation(operation))
        slope = float(options.get("slope", LEAKY_ALPHA)) if leaky else 1.0
        if not 0 < slope <= 1:
            raise CompileError(
                f"layer '{operation.name}' has a leaky ReLU of slope {slope}",
                "Use a slope between 0 and 1; the DPU has 0.1.",
            )
        none = self.file.constant("ActivationFunctionType", "NONE")
        branches = []
        for factor, nudge in ((1.0, UP), (slope, DOWN)):
            branch = self._inner(target.name, target.shape, target.position)
            branches.append(self.numbers[branch.name])
            write(branches[-1], factor, nudge, none)
        self.file.operator("MAXIMUM", branches, output)

    def _spatial(self, operation: Operation) -> Dict[str, int]:
        stride_h, stride_w = operation.options.get("strides", (1, 1))
        padding = self.file.constant("Padding", operation.options.get("padding", "valid").upper())
        return {"padding": padding, "strideH": stride_h, "strideW": stride_w}

    def _dilated(self, operation: Operation) -> Dict[str, int]:
        height, width = operation.options.get("dilation", (1, 1))
        return {**self._spatial(operation), "dilationHFactor": height, "dilationWFactor": width}

    def _weighted(
        self, name: str, operation: Operation, source: Tensor, array: np.ndarray, **fields: Any
    ) -> Write:
        """Return what writes an operator with weights, bias and an activation of its own."""

        def write(output: int, factor: float, nudge: int, activation: int) -> None:
            parameters = self._parameters(operation, array, factor, nudge)
            inputs = [self.numbers[source.name], *parameters]
            self.file.operator(name, inputs, output, fusedActivationFunction=activation, **fields)

        return write

    def conv(self, operation: Operation) -> None:
        array, source = _weights(operation).transpose(3, 0, 1, 2), self._source(operation)
        fields = self._dilated(operation)
        self._linear(operation, self._weighted("CONV_2D", operation, source, array, **fields))

    def depthwise(self, operation: Operation) -> None:
        height, width, channels, multiplier = _weights(operation).shape
        array = _weights(operation).reshape(1, height, width, channels * multiplier)
        fields = {"depthMultiplier": multiplier, **self._dilated(operation)}
        source, target = self._source(operation), operation.output
        image = self._as_shape(source, as_image(source.shape), operation.name)
        shape = operation.options.get("image_shape", as_image(target.shape))
        write = self._weighted("DEPTHWISE_CONV_2D", operation, image, array, **fields)

        def write_reshaped(output: int, factor: float, nudge: int, activation: int) -> None:
            inner = self._inner(operation.name, shape, target.position)
            write(self.numbers[inner.name], factor, nudge, activation)
            self._write_reshape(inner, target.shape, output)

        self._linear(operation, write if shape == target.shape else write_reshaped)

    def dense(self, operation: Operation) -> None:
        array, source = np.ascontiguousarray(_weights(operation).T), self._source(operation)
        keep = len(operation.output.shape) > 1
        fields = {"version": 5 if keep else 4, "keepNumDims": keep}
        write = self._weighted("FULLY_CONNECTED", operation, source, array, **fields)
        self._linear(operation, write)

    def transposed_conv(self, operation: Operation) -> None:
        array = _weights(operation).transpose(2, 0, 1, 3)
        target = operation.output

        def write(output: int, factor: float, nudge: int, activation: int) -> None:
            constant = self._constant(operation.name + "/shape", (1,) + target.shape)
            kernel, bias = self._parameters(operation, array, factor, nudge)
            inputs = [constant, kernel, self.numbers[operation.inputs[0]], bias]
            self.file.operator("TRANSPOSE_CONV", inputs, output, **self._spatial(operation))

        if operation.activation in NOT_NEGATIVE:
            # Old interpreters have no fused activation here: a ReLU of its own, at the output's
            # position, is exact.
            inner = self._inner(operation.name, target.shape, target.position)
            write(self.numbers[inner.name], 1.0, UP, 0)
            self._write_relu(inner, self._add(target), operation)
        else:
            self._linear(operation, write)

    # ------------------------------------------------------------ pooling and element by element

    def max_pool(self, operation: Operation) -> None:
        source, target = self._source(operation), operation.output
        output = pooled_output = self._add(target)
        pooled = target
        if source.position != target.position:
            pooled = self._inner(operation.name, target.shape, source.position)
            pooled_output = self.numbers[pooled.name]
        height, width = operation.options["kernel"]
        self.file.operator(
            "MAX_POOL_2D",
            [self.numbers[source.name]],
            pooled_output,
            filterHeight=height,
            filterWidth=width,
            fusedActivationFunction=self._activation(operation),
            **self._spatial(operation),
        )
        if pooled is not target:
            self._write_round(pooled, target, output, operation.name)

    def average_pool(self, operation: Operation) -> None:
        """Write a sum times ``options["factor"]`` as a depthwise convolution."""
        source, shape, options = self._source(operation), operation.output.shape, operation.options
        image = {
            "strides": options["strides"],
            "padding": "valid",
            "image_shape": shape if len(shape) == 3 else (1, 1) + shape,
            "positive": source.name in self.positive,
        }
        kernel = tuple(options["kernel"]) + (source.shape[-1], 1)
        self._scaled(operation, options["factor"], kernel, image)

    def _scaled(
        self, operation: Operation, factor: float, shape: Tuple[int, ...], options: Dict[str, Any]
    ) -> None:
        """Write a depthwise convolution with all weights ``factor``, if possible without ties."""
        weight, scale = as_weight(factor)
        position = self._source(operation).position
        cut = position - int(round(math.log2(scale))) - operation.output.position
        bias, finer = None, 1
        if is_power_of_two(scale) and cut >= 1:
            finer = next((n for n in (4, 2) if weight * n <= INT8_LIMIT), 1)
        if finer > 1:
            weight, scale = weight * finer, scale / finer
            bias = np.full(shape[2], finer // 2, dtype=np.int8)
        self.depthwise(
            replace(
                operation,
                weights=np.full(shape, weight, dtype=np.int8),
                weight_position=0,
                bias=bias,
                bias_position=position,
                options={**options, "weight_scale": scale, "no_ties": finer > 1},
            )
        )

    def _two(self, operation: Operation, name: str) -> None:
        count = len(operation.inputs)
        if count != 2:
            raise CompileError(
                f"layer '{operation.name}' has {count} inputs; two are possible here",
                "Chain layers of two inputs.",
            )
        numbers = [self.numbers[source] for source in operation.inputs]
        output, activation = self._add(operation.output), self._activation(operation)
        self.file.operator(name, numbers, output, fusedActivationFunction=activation)

    def add(self, operation: Operation) -> None:
        self._two(operation, "ADD")

    def multiply(self, operation: Operation) -> None:
        self._two(operation, "MUL")

    def concat(self, operation: Operation) -> None:
        target = operation.output
        parts = [
            self._at_position(self._source(operation, index), target.position, operation.name)
            for index in range(len(operation.inputs))
        ]
        axis = operation.options.get("axis", -1)
        axis = axis if axis >= 0 else axis + len(target.shape) + 1
        numbers = [self.numbers[part.name] for part in parts]
        self.file.operator("CONCATENATION", numbers, self._add(target), axis=axis)

    def relu(self, operation: Operation) -> None:
        source, target = self._source(operation), operation.output
        moved = self._at_position(source, target.position, operation.name)
        self._write_relu(moved, self._add(target), operation)

    def _write_relu(self, source: Tensor, output: int, operation: Operation) -> None:
        name = ACTIVATIONS[operation.activation]
        self.file.operator(name, [self.numbers[source.name]], output)

    def leaky(self, operation: Operation) -> None:
        """Write a leaky ReLU of an int8 tensor: two rescalings and their maximum."""
        ones = np.ones((1, 1, self._source(operation).shape[-1], 1), dtype=np.int8)
        self.depthwise(replace(operation, activation="leaky", weights=ones))

    def sigmoid(self, operation: Operation) -> None:
        source = self._source(operation)
        if source.position < 0 or operation.output.position < 7:
            raise CompileError(
                f"layer '{operation.name}': a sigmoid from fix position {source.position} to"
                f" {operation.output.position} is not what the DPU computes",
                "Quantize the model again.",
            )
        channels = source.shape[-1]
        self.depthwise(
            replace(
                operation,
                activation="relu",
                weights=np.ones((1, 1, channels, 1), dtype=np.int8),
                bias=np.full(channels, 3, dtype=np.int8),
                options={"weight_scale": SIGMOID_MULTIPLIER / 2**SIGMOID_SHIFT},
            )
        )

    # ------------------------------------------------------------ shapes

    def round(self, operation: Operation) -> None:
        source, target = self._source(operation), operation.output
        self._write_round(source, target, self._add(target), operation.name)

    def reshape(self, operation: Operation) -> None:
        output = self._add(operation.output)
        self._write_reshape(self._source(operation), operation.output.shape, output)

    def pad(self, operation: Operation) -> None:
        amounts = [(0, 0), *operation.options["amounts"], (0, 0)]
        constant = self._constant(operation.name + "/amounts", amounts)
        inputs = [self.numbers[operation.inputs[0]], constant]
        self.file.operator("PAD", inputs, self._add(operation.output))

    def upsample(self, operation: Operation) -> None:
        target = operation.output
        moved = self._at_position(self._source(operation), target.position, operation.name)
        constant = self._constant(operation.name + "/size", target.shape[:2])
        inputs = [self.numbers[moved.name], constant]
        how = {"alignCorners": False, "halfPixelCenters": False}
        self.file.operator("RESIZE_NEAREST_NEIGHBOR", inputs, self._add(target), **how)


WRITERS: Dict[str, Callable[[_Lowering, Operation], None]] = {
    kind: getattr(_Lowering, kind)
    for kind in (
        "add average_pool concat conv dense depthwise leaky max_pool multiply pad relu reshape"
        " round sigmoid transposed_conv upsample"
    ).split()
}
"""What writes each kind of operation."""


def _weights(operation: Operation) -> np.ndarray:
    assert operation.weights is not None
    return operation.weights
