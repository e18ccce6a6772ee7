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
  maximum is taken: for a positive
  sum the first rounds a tie up and is the larger one, for a negative sum the second;
- pooling and rounding have small constant weights: these are 2 or 4 times as large, and a bias of
  one half of a step is added.

What has no counterpart is written with operators that are exact:

- average pooling, a sum times a dyadic factor on the DPU, is a depthwise convolution with constant
  weights;
- the DPU's sigmoid ``clip(x + 3, 0, 6) * 2731 / 2**14`` is a 1x1 depthwise convolution with weight
  1, bias 3, ReLU and weight scale
  2731 / 2**14; the upper limit is that of int8, because the output position is at least 7;
- leaky ReLU after a convolution is the maximum of that convolution and of the same one with weights
  26/256 as large: rounding
  keeps order, so the larger of both rounded values is the rounded larger value.

Left to the interpreter are the ties of a product of two tensors.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Dict, List, Set, Tuple

import numpy as np

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

KEEP_SIGN = frozenset(
    ["max_pool", "average_pool", "upsample", "reshape", "pad", "concat", "round", "add", "multiply"]
)
"""Operations whose output is not negative if no input is."""

UP, DOWN, EXACT = 1, -1, 0
"""Which float32 is taken as the scale of weights: the next larger, the next smaller, or the right
one.
"""


def to_tflite(program: Program, description: str) -> bytes:
    """Return the ``.tflite`` file of an int8 program: int8 in and out, batch 1, power-of-two
    scales, zero points 0.

    Raises:
        CompileError: an operation cannot be written exactly; the layer is named.
    """
    return _Lowering(program, description).to_bytes()


class _Lowering:
    """State while one program is written: the file, and the number and description of every tensor
    so far.
    """

    def __init__(self, program: Program, description: str) -> None:
        self.file = FlatBuffer(description)
        self.program = program
        self.numbers: Dict[str, int] = {}
        self.tensors: Dict[str, Tensor] = {}
        self.positive: Set[str] = set()
        self._add(program.input)

    def to_bytes(self) -> bytes:
        for operation in self.program.operations:
            getattr(self, "op_" + operation.kind)(operation)
            if (
                operation.activation in ("relu", "relu6")
                or operation.kind == "sigmoid"
                or operation.kind in KEEP_SIGN
                and all(name in self.positive for name in operation.inputs)
            ):
                self.positive.add(operation.output.name)
        return self.file.to_bytes(
            [self.numbers[self.program.input.name]], [self.numbers[self.program.output.name]]
        )

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

    def _source(self, operation: Operation, index: int = 0) -> Tensor:
        return self.tensors[operation.inputs[index]]

    def _activation(self, operation: Operation) -> int:
        if operation.activation == "leaky":
            raise CompileError(
                f"layer '{operation.name}' has a leaky ReLU where there is no convolution or dense"
                " layer before it",
                ONLY_DPU_LAYERS,
            )
        return self.file.constant(
            "ActivationFunctionType",
            {"linear": "NONE", "relu": "RELU", "relu6": "RELU6"}[operation.activation],
        )

    def _at_position(self, tensor: Tensor, position: int, name: str) -> Tensor:
        """Return ``tensor`` rounded to another position, or as it is."""
        if tensor.position == position:
            return tensor
        moved = self._inner(name, tensor.shape, position)
        self._write_round(tensor, moved, self.numbers[moved.name], name)
        return moved

    def _write_round(self, source: Tensor, target: Tensor, output: int, name: str) -> None:
        """Write ``source`` at the position of ``target``: exact to a finer one, half up to a
        coarser one.
        """
        if target.position >= source.position:
            self.file.operator(
                "QUANTIZE", [self.numbers[source.name]], output, version=2, options="Quantize"
            )
            return
        inner = Tensor(f"{name}#{len(self.numbers)}", target.shape, target.position)
        options: Dict[str, Any] = {}
        self._scaled(
            Operation("depthwise", name, [source.name], inner),
            1.0,
            (1, 1, target.shape[-1], 1),
            options,
        )
        self._write_reshape(inner, target.shape, output)

    def _as_shape(self, tensor: Tensor, shape: Tuple[int, ...], name: str) -> Tensor:
        """Return ``tensor`` with another shape of the same size, or as it is."""
        if tensor.shape == shape:
            return tensor
        moved = self._inner(name, shape, tensor.position)
        self._write_reshape(tensor, shape, self.numbers[moved.name])
        return moved

    def _write_reshape(self, source: Tensor, shape: Tuple[int, ...], output: int) -> None:
        array = np.asarray((1,) + shape, dtype=np.int32)
        constant = self.file.tensor(source.name + "/shape", array.shape, np.int32, data=array)
        self.file.operator(
            "RESHAPE",
            [self.numbers[source.name], constant],
            output,
            options="Reshape",
            newShape=array.tolist(),
        )

    # ------------------------------------------------------------ weights

    def _scale(self, operation: Operation, factor: float, nudge: int) -> float:
        """Return the scale of an operation's weights, times ``factor``, as the float32 that
        ``nudge`` says.
        """
        scale = np.float32(
            2.0**-operation.weight_position * operation.options.get("weight_scale", 1.0) * factor
        )
        return float(
            scale
            if nudge == EXACT
            else np.nextafter(scale, np.float32(np.inf if nudge == UP else 0), dtype=np.float32)
        )

    def _parameters(
        self, operation: Operation, array: np.ndarray, factor: float, nudge: int
    ) -> List[int]:
        """Add weights (int8) and bias (int32, on the accumulator's scale) and return their numbers;
        ``array`` is in TFLite's order.
        """
        scale = self._scale(operation, factor, nudge)
        total = self._source(operation).position + operation.weight_position
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
        ending = "" if (factor, nudge) in ((1.0, EXACT), (1.0, UP)) else "_where_negative"
        kernel = self.file.tensor(
            operation.name + "/kernel" + ending, array.shape, np.int8, scale, array
        )
        bias_scale = 2.0 ** -self._source(operation).position * scale
        bias = self.file.tensor(
            operation.name + "/bias" + ending,
            (channels,),
            np.int32,
            bias_scale,
            values.astype(np.int32),
        )
        return [kernel, bias]

    def _linear(self, operation: Operation, write: Any) -> None:
        """Write a convolution or dense operation by ``write(output tensor, factor, nudge,
        activation)``, such that ties round up.
        """
        output = self._add(operation.output)
        if operation.activation != "leaky":
            cut = (
                self._source(operation).position
                + operation.weight_position
                - operation.output.position
            )
            cut -= int(math.floor(math.log2(operation.options.get("weight_scale", 1.0))))
            positive = operation.activation in ("relu", "relu6") or operation.options.get(
                "positive", False
            )
            if cut not in NUDGED_CUTS or operation.options.get("no_ties", False):
                write(output, 1.0, EXACT, self._activation(operation))
                return
            if positive:
                write(output, 1.0, UP, self._activation(operation))
                return
        slope = (
            float(operation.options.get("slope", LEAKY_ALPHA))
            if operation.activation == "leaky"
            else 1.0
        )
        if not 0 < slope <= 1:
            raise CompileError(
                f"layer '{operation.name}' has a leaky ReLU of slope {slope}",
                "Use a slope between 0 and 1; the DPU has 0.1.",
            )
        none = self.file.constant("ActivationFunctionType", "NONE")
        branches = []
        for factor, nudge in ((1.0, UP), (slope, DOWN)):
            branch = self._inner(
                operation.output.name, operation.output.shape, operation.output.position
            )
            write(self.numbers[branch.name], factor, nudge, none)
            branches.append(self.numbers[branch.name])
        self.file.operator("MAXIMUM", branches, output, version=2, options="MaximumMinimum")

    def _spatial(self, operation: Operation) -> Dict[str, int]:
        stride_h, stride_w = operation.options.get("strides", (1, 1))
        padding = self.file.constant("Padding", operation.options.get("padding", "valid").upper())
        return {"padding": padding, "strideH": stride_h, "strideW": stride_w}

    def _dilation(self, operation: Operation) -> Dict[str, int]:
        height, width = operation.options.get("dilation", (1, 1))
        return {"dilationHFactor": height, "dilationWFactor": width}

    def op_conv(self, operation: Operation) -> None:
        array = operation.weights.transpose(3, 0, 1, 2)  # type: ignore[union-attr]
        fields = dict(self._spatial(operation), **self._dilation(operation))

        def write(output: int, factor: float, nudge: int, activation: int) -> None:
            inputs = [
                self.numbers[operation.inputs[0]],
                *self._parameters(operation, array, factor, nudge),
            ]
            self.file.operator(
                "CONV_2D",
                inputs,
                output,
                version=3,
                options="Conv2D",
                fusedActivationFunction=activation,
                **fields,
            )

        self._linear(operation, write)

    def op_depthwise(self, operation: Operation) -> None:
        height, width, channels, multiplier = operation.weights.shape  # type: ignore[union-attr]
        array = operation.weights.reshape(1, height, width, channels * multiplier)  # type: ignore[union-attr]
        fields = dict(
            self._spatial(operation), depthMultiplier=multiplier, **self._dilation(operation)
        )
        image = self._as_shape(
            self._source(operation), as_image(self._source(operation).shape), operation.name
        )
        shape = operation.options.get("image_shape", as_image(operation.output.shape))

        def write(output: int, factor: float, nudge: int, activation: int) -> None:
            inner = (
                None
                if shape == operation.output.shape
                else self._inner(operation.name, shape, operation.output.position)
            )
            inputs = [self.numbers[image.name], *self._parameters(operation, array, factor, nudge)]
            self.file.operator(
                "DEPTHWISE_CONV_2D", inputs, self.numbers[inner.name] if inner else output, version=3, options="DepthwiseConv2D",
                fusedActivationFunction=activation, **fields,
            )  # fmt: skip
            if inner:
                self._write_reshape(inner, operation.output.shape, output)

        self._linear(operation, write)

    def op_dense(self, operation: Operation) -> None:
        array = np.ascontiguousarray(operation.weights.T)  # type: ignore[union-attr]

        def write(output: int, factor: float, nudge: int, activation: int) -> None:
            inputs = [
                self.numbers[operation.inputs[0]],
                *self._parameters(operation, array, factor, nudge),
            ]
            keep = len(operation.output.shape) > 1
            self.file.operator(
                "FULLY_CONNECTED", inputs, output, version=5 if keep else 4, options="FullyConnected",
                fusedActivationFunction=activation, keepNumDims=keep,
            )  # fmt: skip

        self._linear(operation, write)

    def op_transposed_conv(self, operation: Operation) -> None:
        array = operation.weights.transpose(2, 0, 1, 3)  # type: ignore[union-attr]
        shape = np.asarray((1,) + operation.output.shape, dtype=np.int32)
        if operation.activation in ("relu", "relu6"):
            # Old interpreters have no fused activation here: a ReLU of its own, at the output's
            # position, is exact.
            inner = self._inner(operation.name, operation.output.shape, operation.output.position)
            self._write_transposed(operation, array, shape, self.numbers[inner.name], 1.0, UP)
            self._write_relu(inner, self._add(operation.output), operation)
            return
        self._linear(
            operation,
            lambda output, factor, nudge, activation: self._write_transposed(
                operation, array, shape, output, factor, nudge
            ),
        )

    def _write_transposed(
        self,
        operation: Operation,
        array: np.ndarray,
        shape: np.ndarray,
        output: int,
        factor: float,
        nudge: int,
    ) -> None:
        constant = self.file.tensor(operation.name + "/shape", shape.shape, np.int32, data=shape)
        kernel, bias = self._parameters(operation, array, factor, nudge)
        inputs = [constant, kernel, self.numbers[operation.inputs[0]], bias]
        self.file.operator(
            "TRANSPOSE_CONV",
            inputs,
            output,
            version=3,
            options="TransposeConv",
            **self._spatial(operation),
        )

    # ------------------------------------------------------------ pooling and element by element

    def op_max_pool(self, operation: Operation) -> None:
        source = self._source(operation)
        output = self._add(operation.output)
        moves = source.position != operation.output.position
        pooled = (
            self._inner(operation.name, operation.output.shape, source.position)
            if moves
            else operation.output
        )
        height, width = operation.options["kernel"]
        activation = self._activation(operation)
        self.file.operator(
            "MAX_POOL_2D", [self.numbers[source.name]], self.numbers[pooled.name], version=2, options="Pool2D",
            filterHeight=height, filterWidth=width, fusedActivationFunction=activation, **self._spatial(operation)
        )  # fmt: skip
        if moves:
            self._write_round(pooled, operation.output, output, operation.name)

    def op_average_pool(self, operation: Operation) -> None:
        """Write a sum times ``options["factor"]`` as a depthwise convolution."""
        source, shape = self._source(operation).shape, operation.output.shape
        options = {
            "strides": operation.options["strides"],
            "padding": "valid",
            "image_shape": shape if len(shape) == 3 else (1, 1) + shape,
            "positive": operation.inputs[0] in self.positive,
        }
        self._scaled(
            operation,
            operation.options["factor"],
            tuple(operation.options["kernel"]) + (source[-1], 1),
            options,
        )

    def _scaled(
        self, operation: Operation, factor: float, shape: Tuple[int, ...], options: Dict[str, Any]
    ) -> None:
        """Write a depthwise convolution with all weights ``factor``, without ties if the factor
        leaves room for it in int8.
        """
        weight, scale = as_weight(factor)
        cut = (
            self._source(operation).position
            - int(round(math.log2(scale)))
            - operation.output.position
        )
        bias = None
        finer = (
            next((n for n in (4, 2) if weight * n <= INT8_LIMIT), 1)
            if is_power_of_two(scale) and cut >= 1
            else 1
        )
        if finer > 1:
            weight, scale = weight * finer, scale / finer
            bias = np.full(shape[2], finer // 2, dtype=np.int8)
        weights = np.full(shape, weight, dtype=np.int8)
        options = dict(options, weight_scale=scale, no_ties=finer > 1)
        position = self._source(operation).position
        self.op_depthwise(
            dataclasses.replace(
                operation,
                weights=weights,
                weight_position=0,
                bias=bias,
                bias_position=position,
                options=options,
            )
        )

    def _two(self, operation: Operation, name: str, table: str) -> None:
        total = [self._source(operation, i) for i in range(len(operation.inputs))]
        if len(total) != 2:
            raise CompileError(
                f"layer '{operation.name}' has {len(total)} inputs; two are possible here",
                "Chain layers of two inputs.",
            )
        numbers = [self.numbers[t.name] for t in total]
        output = self._add(operation.output)
        self.file.operator(
            name,
            numbers,
            output,
            version=2,
            options=table,
            fusedActivationFunction=self._activation(operation),
        )

    def op_add(self, operation: Operation) -> None:
        self._two(operation, "ADD", "Add")

    def op_multiply(self, operation: Operation) -> None:
        self._two(operation, "MUL", "Mul")

    def op_concat(self, operation: Operation) -> None:
        parts = [
            self._at_position(self._source(operation, i), operation.output.position, operation.name)
            for i in range(len(operation.inputs))
        ]
        axis = operation.options.get("axis", -1)
        axis = axis if axis >= 0 else axis + len(operation.output.shape) + 1
        output = self._add(operation.output)
        self.file.operator(
            "CONCATENATION",
            [self.numbers[p.name] for p in parts],
            output,
            version=2,
            options="Concatenation",
            axis=axis,
        )

    def op_relu(self, operation: Operation) -> None:
        moved = self._at_position(
            self._source(operation), operation.output.position, operation.name
        )
        self._write_relu(moved, self._add(operation.output), operation)

    def _write_relu(self, source: Tensor, output: int, operation: Operation) -> None:
        self.file.operator(
            operation.activation.upper(), [self.numbers[source.name]], output, version=2
        )

    def op_leaky(self, operation: Operation) -> None:
        """Write a leaky ReLU of an int8 tensor: two rescalings and their maximum."""
        channels = self._source(operation).shape[-1]
        self.op_depthwise(
            dataclasses.replace(
                operation, activation="leaky", weights=np.ones((1, 1, channels, 1), dtype=np.int8)
            )
        )

    def op_sigmoid(self, operation: Operation) -> None:
        source = self._source(operation)
        if source.position < 0 or operation.output.position < 7:
            raise CompileError(
                f"layer '{operation.name}': a sigmoid from fix position {source.position} to"
                f" {operation.output.position} is not what the DPU computes",
                "Quantize the model again.",
            )
        channels = source.shape[-1]
        ones, three = (
            np.ones((1, 1, channels, 1), dtype=np.int8),
            np.full(channels, 3, dtype=np.int8),
        )
        options = {"weight_scale": SIGMOID_MULTIPLIER / 2**SIGMOID_SHIFT}
        self.op_depthwise(
            dataclasses.replace(
                operation, activation="relu", weights=ones, bias=three, options=options
            )
        )

    # ------------------------------------------------------------ shapes

    def op_round(self, operation: Operation) -> None:
        self._write_round(
            self._source(operation), operation.output, self._add(operation.output), operation.name
        )

    def op_reshape(self, operation: Operation) -> None:
        output = self._add(operation.output)
        self._write_reshape(self._source(operation), operation.output.shape, output)

    def op_pad(self, operation: Operation) -> None:
        (top, bottom), (left, right) = operation.options["amounts"]
        amounts = np.asarray([[0, 0], [top, bottom], [left, right], [0, 0]], dtype=np.int32)
        constant = self.file.tensor(
            operation.name + "/amounts", amounts.shape, np.int32, data=amounts
        )
        output = self._add(operation.output)
        self.file.operator(
            "PAD", [self.numbers[operation.inputs[0]], constant], output, version=2, options="Pad"
        )

    def op_upsample(self, operation: Operation) -> None:
        source = self._source(operation)
        moved = self._at_position(source, operation.output.position, operation.name)
        size = np.asarray(operation.output.shape[:2], dtype=np.int32)
        constant = self.file.tensor(operation.name + "/size", size.shape, np.int32, data=size)
        output = self._add(operation.output)
        self.file.operator(
            "RESIZE_NEAREST_NEIGHBOR", [self.numbers[moved.name], constant], output, version=2, options="ResizeNearestNeighbor",
            alignCorners=False, halfPixelCenters=False,
        )  # fmt: skip


def as_image(shape: Tuple[int, ...]) -> Tuple[int, int, int]:
    """Return a shape with the same channels and as many pixels, with height and width."""
    if len(shape) == 3:
        return (shape[0], shape[1], shape[2])
    return (1, int(np.prod(shape[:-1], dtype=np.int64)), shape[-1])


def shifted_bias(bias: np.ndarray, shift: int, cut: int) -> np.ndarray:
    """Return the bias on the accumulator's scale, int64, such that the rounded output is exact.

    Args:
        bias: int8.
        shift: accumulator position minus bias position. When it is negative the DPU keeps the
            fraction of the bias; because everything else in the sum is whole, its floor gives the
            same output once at least one more bit is cut off.
        cut: accumulator position minus output position, the bits that are cut off (half up).
    """
    values = bias.astype(np.int64)
    if shift >= 0:
        return values << shift
    fraction = np.ldexp(values.astype(np.float64), shift)
    return (np.floor(fraction) if cut > 0 else np.floor(fraction + 0.5)).astype(np.int64)


def is_power_of_two(scale: float) -> bool:
    """Tell whether a positive number is a power of two."""
    return math.frexp(scale)[0] == 0.5


def as_weight(factor: float) -> Tuple[int, float]:
    """Return (k, scale) with ``factor == k * scale``: k int8 and a power of two as scale, or else k
    = 1 and the factor itself.
    """
    mantissa, exponent = math.frexp(factor)
    for bits in range(1, 8):
        numerator = mantissa * 2**bits
        if numerator == int(numerator) and 0 < numerator <= 127:
            return int(numerator), 2.0 ** (exponent - bits)
    return 1, factor
