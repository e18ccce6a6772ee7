"""The int8 program as ONNX: quantized and dequantized tensors with power-of-two scales (QDQ).

Every int8 tensor of the program is a pair of ``QuantizeLinear`` and ``DequantizeLinear`` with scale
``2**-position`` and zero point 0; weights and biases are int8 behind a ``DequantizeLinear``.
``QuantizeLinear`` rounds half to even, the DPU half up: where a tensor is rounded the graph does
that itself before, ``floor(x * 2**position + 0.5)``, so that the pair only saturates. In between,
float32 is exact on such numbers, so a runtime computes what the DPU does, bit by bit.

Images are channels first inside, as ONNX has them; the input is channels last, as in Keras.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Sequence, Set

import numpy as np

from vaiopt._version import __version__
from vaiopt.errors import MissingToolError
from vaiopt.int8.arithmetic import SIGMOID_MULTIPLIER, SIGMOID_SHIFT
from vaiopt.int8.program import End, Operation, Program, Tensor

OPSET, IR_VERSION = 13, 8
"""The first with all that is needed, which tools of 2021 read already."""

INPUT, OUTPUT = "input", "output"
"""What the input of a model is called that has one, and its output."""

EXACT = frozenset(("reshape", "pad", "upsample", "max_pool"))
"""Kinds that move values about: at the position of their input nothing is to be rounded."""

TO_CHANNELS_FIRST, TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


def load_onnx() -> Any:
    """Import and return ``onnx``. Raises :class:`MissingToolError` without it."""
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise MissingToolError(
            f"onnx cannot be imported ({error})", "Install it with: pip install 'vaiopt[onnx]'"
        ) from error
    return onnx


def onnx_model(program: Program, name: str = "model", outputs: Sequence[str] = ()) -> Any:
    """Return a program as an ONNX ``ModelProto``, checked. Its input is called :data:`INPUT`;
    several are called as those of the program.

    Args:
        program: of :func:`vaiopt.int8.read_program.read_program`.
        name: of the graph.
        outputs: what they are called; by default :data:`OUTPUT`.

    Raises:
        MissingToolError: onnx is not installed.
    """
    onnx = load_onnx()
    graph = _Graph(onnx)
    sources, targets = program.inputs, program.outputs
    given = [t.name for t in sources] if len(sources) > 1 else [INPUT]
    given = [graph.free(each) for each in given]
    made_names = [graph.free(each) for each in (outputs or [OUTPUT] * len(targets))]
    for each, tensor in zip(given, sources):
        graph.enter(each, tensor)
    for operation in program.operations:
        graph.add(operation, graph.result(operation))
    for each, end in zip(made_names, targets):
        graph.leave(each, end)
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT

    def told(names: Sequence[str], tensors: Sequence[Tensor]) -> List[Any]:
        return [
            helper.make_tensor_value_info(each, kind, ["batch", *tensor.shape])
            for each, tensor in zip(names, tensors)
        ]

    made = helper.make_graph(
        graph.nodes,
        name,
        told(given, sources),
        told(made_names, [end.tensor for end in targets]),
        graph.constants,
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(
        made, opset_imports=opset, producer_name="vaiopt", producer_version=__version__
    )
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model


class _Graph:
    """Nodes and constants, in order. A value is named by what made it."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self.nodes: List[Any] = []
        self.constants: List[Any] = []
        self._taken: Set[str] = set()
        self._values: Dict[str, str] = {}
        self._tensors: Dict[str, Tensor] = {}

    def free(self, name: str, numbered: bool = False) -> str:
        """Return a name that nothing else has: that given, or with a number behind it."""
        count = len(self._taken) + 1
        found = f"{name}_{count}" if numbered else name
        while found in self._taken:
            found, count = f"{name}_{count}", count + 1
        self._taken.add(found)
        return found

    def node(self, kind: str, inputs: Sequence[str], name: str = "", **attributes: Any) -> str:
        """Add a node of one output, and return its name: that given, or a new one."""
        name = name or self.free(kind.lower(), numbered=True)
        made = self._onnx.helper.make_node(kind, list(inputs), [name], name=name, **attributes)
        self.nodes.append(made)
        return name

    def constant(self, array: Any) -> str:
        """Add a constant, and return its name."""
        name = self.free("constant", numbered=True)
        self.constants.append(self._onnx.numpy_helper.from_array(np.asarray(array), name))
        return name

    def number(self, value: float) -> str:
        """Add a float32 number."""
        return self.constant(np.float32(value))

    def _rounded(self, value: str, position: int) -> str:
        """Return a value rounded half up to a position, not saturated."""
        scaled = self.node("Mul", [value, self.number(2.0**position)])
        moved = self.node("Add", [scaled, self.number(0.5)])
        whole = self.node("Floor", [moved])
        return self.node("Mul", [whole, self.number(2.0**-position)])

    def _keep(self, value: str, tensor: Tensor) -> None:
        """Saturate a value at the int8 range of a tensor, under whose name it is known then."""
        pair = [self.number(2.0**-tensor.position), self.constant(np.int8(0))]
        stored = self.node("QuantizeLinear", [value, *pair])
        self._values[tensor.name] = self.node("DequantizeLinear", [stored, *pair])
        self._tensors[tensor.name] = tensor

    def stored(self, array: np.ndarray, position: int) -> str:
        """Return int8 numbers as real ones."""
        pair = [self.number(2.0**-position), self.constant(np.int8(0))]
        return self.node("DequantizeLinear", [self.constant(array.astype(np.int8)), *pair])

    def turned(self, value: str, shape: Sequence[int], order: Sequence[int]) -> str:
        """Return images in the other order of axes; anything else as it is."""
        return self.node("Transpose", [value], perm=list(order)) if len(shape) == 3 else value

    def enter(self, name: str, tensor: Tensor) -> None:
        """Read an input of the graph."""
        value = self.turned(name, tensor.shape, TO_CHANNELS_FIRST)
        self._keep(self._rounded(value, tensor.position), tensor)

    def add(self, operation: Operation, value: str) -> None:
        """Apply the activation to an exact result, round and keep it."""
        value = _ACTIVATIONS[operation.activation](self, value, operation)
        output = operation.output
        moved = operation.kind in EXACT and self.source(operation).position == output.position
        self._keep(value if moved else self._rounded(value, output.position), output)

    def result(self, operation: Operation) -> str:
        """Return the exact result of an operation."""
        return RESULTS[operation.kind](self, operation)

    def source(self, operation: Operation, index: int = 0) -> Tensor:
        """Return an input of an operation."""
        return self._tensors[operation.inputs[index]]

    def values(self, operation: Operation) -> List[str]:
        """Return the names of the inputs of an operation."""
        return [self._values[name] for name in operation.inputs]

    def weights(self, operation: Operation, order: Sequence[int]) -> str:
        """Return the weights of an operation with their axes in another order."""
        assert operation.weights is not None
        return self.stored(np.transpose(operation.weights, order), operation.weight_position)

    def bias(self, operation: Operation) -> List[str]:
        """Return the bias, if there is one."""
        if operation.bias is None:
            return []
        return [self.stored(operation.bias, operation.bias_position)]

    def leave(self, name: str, end: End) -> None:
        """Give an output of the graph as Keras does, with what the DPU leaves to its host."""
        value = self.turned(self._values[end.tensor.name], end.tensor.shape, TO_CHANNELS_LAST)
        kind = end.function.capitalize() or "Identity"
        self.node(kind, [value], name, **({"axis": -1} if kind == "Softmax" else {}))


def same_pads(sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int]) -> List[int]:
    """Return TensorFlow's padding ``same``: what comes before each axis, then what comes after."""
    totals = [
        max((-(-size // step) - 1) * step + width - size, 0)
        for size, width, step in zip(sizes, kernel, strides)
    ]
    return [total // 2 for total in totals] + [total - total // 2 for total in totals]


def _window(graph: _Graph, operation: Operation, kernel: Sequence[int]) -> Dict[str, Any]:
    """Return kernel, strides and pads of an operation with windows."""
    options, sizes = operation.options, graph.source(operation).shape[:2]
    dilation = options.get("dilation", (1, 1))
    reach = [(width - 1) * wide + 1 for width, wide in zip(kernel, dilation)]
    is_same = options["padding"] == "same"
    pads = same_pads(sizes, reach, options["strides"]) if is_same else [0, 0, 0, 0]
    strides = [int(step) for step in options["strides"]]
    return {"kernel_shape": [int(width) for width in kernel], "strides": strides, "pads": pads}


def _conv(graph: _Graph, operation: Operation) -> str:
    assert operation.weights is not None
    window = _window(graph, operation, operation.weights.shape[:2])
    inputs = [*graph.values(operation), graph.weights(operation, (3, 2, 0, 1))]
    dilations = [int(wide) for wide in operation.options["dilation"]]
    return graph.node("Conv", [*inputs, *graph.bias(operation)], dilations=dilations, **window)


def _depthwise(graph: _Graph, operation: Operation) -> str:
    assert operation.weights is not None
    height, width, channels, multiplier = operation.weights.shape
    window = _window(graph, operation, (height, width))
    flat = np.transpose(operation.weights, (2, 3, 0, 1)).reshape(-1, 1, height, width)
    weights = graph.stored(flat, operation.weight_position)
    inputs = [*graph.values(operation), weights, *graph.bias(operation)]
    dilations = [int(wide) for wide in operation.options["dilation"]]
    return graph.node("Conv", inputs, dilations=dilations, group=channels, **window)


def _transposed(graph: _Graph, operation: Operation) -> str:
    assert operation.weights is not None
    kernel, strides = operation.weights.shape[:2], operation.options["strides"]
    more = [max(step - width, 0) for width, step in zip(kernel, strides)]
    totals = [max(width - step, 0) for width, step in zip(kernel, strides)]
    if operation.options["padding"] != "same":
        totals = [0, 0]
    pads = [total // 2 for total in totals] + [total - total // 2 for total in totals]
    inputs = [*graph.values(operation), graph.weights(operation, (3, 2, 0, 1))]
    return graph.node(
        "ConvTranspose",
        [*inputs, *graph.bias(operation)],
        kernel_shape=[int(width) for width in kernel],
        strides=[int(step) for step in strides],
        pads=pads,
        output_padding=more,
        dilations=[int(wide) for wide in operation.options["dilation"]],
    )


def _dense(graph: _Graph, operation: Operation) -> str:
    shape = graph.source(operation).shape
    value = graph.turned(graph.values(operation)[0], shape, TO_CHANNELS_LAST)
    value = graph.node("MatMul", [value, graph.weights(operation, (0, 1))])
    for bias in graph.bias(operation):
        value = graph.node("Add", [value, bias])
    return graph.turned(value, shape, TO_CHANNELS_FIRST)


def _max_pool(graph: _Graph, operation: Operation) -> str:
    window = _window(graph, operation, operation.options["kernel"])
    return graph.node("MaxPool", graph.values(operation), **window)


def _average_pool(graph: _Graph, operation: Operation) -> str:
    """Sums are exact, which averages are not: of a convolution with ones."""
    source, kernel = graph.source(operation), operation.options["kernel"]
    factor = graph.number(operation.options["factor"])
    (value,) = graph.values(operation)
    if len(operation.output.shape) == 1:
        axes = graph.constant(np.asarray([2, 3], np.int64))
        return graph.node("Mul", [graph.node("ReduceSum", [value, axes], keepdims=0), factor])
    channels = source.shape[-1]
    ones = graph.constant(np.ones((channels, 1, *kernel), np.float32))
    window = _window(graph, operation, kernel)
    return graph.node("Mul", [graph.node("Conv", [value, ones], group=channels, **window), factor])


def _concat(graph: _Graph, operation: Operation) -> str:
    rank = len(operation.output.shape) + 1
    axis = operation.options["axis"] % rank
    place = TO_CHANNELS_FIRST.index(axis) if rank == 4 else axis
    return graph.node("Concat", graph.values(operation), axis=place)


def _sigmoid(graph: _Graph, operation: Operation) -> str:
    value = graph.node("Add", [*graph.values(operation), graph.number(3.0)])
    value = graph.node("Clip", [value, graph.number(0.0), graph.number(6.0)])
    return graph.node("Mul", [value, graph.number(SIGMOID_MULTIPLIER / 2**SIGMOID_SHIFT)])


def _reshape(graph: _Graph, operation: Operation) -> str:
    shape = operation.output.shape
    source = graph.source(operation).shape
    value = graph.turned(graph.values(operation)[0], source, TO_CHANNELS_LAST)
    wanted = graph.constant(np.asarray([-1, *shape], np.int64))
    return graph.turned(graph.node("Reshape", [value, wanted]), shape, TO_CHANNELS_FIRST)


def _pad(graph: _Graph, operation: Operation) -> str:
    (top, bottom), (left, right) = operation.options["amounts"]
    amounts = np.asarray([0, 0, top, left, 0, 0, bottom, right], np.int64)
    return graph.node("Pad", [*graph.values(operation), graph.constant(amounts)])


def _upsample(graph: _Graph, operation: Operation) -> str:
    before, after = graph.source(operation).shape, operation.output.shape
    scales = np.asarray([1, 1, after[0] / before[0], after[1] / before[1]], np.float32)
    return graph.node(
        "Resize",
        [*graph.values(operation), "", graph.constant(scales)],
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _itself(graph: _Graph, operation: Operation) -> str:
    return graph.values(operation)[0]


RESULTS: Dict[str, Callable[[_Graph, Operation], str]] = {
    "conv": _conv,
    "depthwise": _depthwise,
    "transposed_conv": _transposed,
    "dense": _dense,
    "max_pool": _max_pool,
    "average_pool": _average_pool,
    "add": lambda graph, operation: graph.node("Add", graph.values(operation)),
    "multiply": lambda graph, operation: graph.node("Mul", graph.values(operation)),
    "concat": _concat,
    "relu": _itself,
    "leaky": _itself,
    "sigmoid": _sigmoid,
    "reshape": _reshape,
    "pad": _pad,
    "upsample": _upsample,
    "round": _itself,
}
"""What makes the exact result of each kind of operation."""

_ACTIVATIONS: Dict[str, Callable[[_Graph, str, Operation], str]] = {
    "linear": lambda graph, value, operation: value,
    "relu": lambda graph, value, operation: graph.node("Relu", [value]),
    "relu6": lambda graph, value, operation: graph.node(
        "Clip", [value, graph.number(0.0), graph.number(6.0)]
    ),
    "leaky": lambda graph, value, operation: graph.node(
        "LeakyRelu", [value], alpha=float(operation.options["slope"])
    ),
}
"""What applies each activation to an exact result."""
