"""The layer graph: what a Keras model computes, one operation at a time, with shapes,
multiplications, weights and bytes.
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple

from vaiopt.network.calls import Change, Refusal
from vaiopt.network.sizes import Kernel, Shape, elements

KINDS = frozenset(
    "input conv depthwise transposed dense max_pool average_pool global_average_pool batch_norm add"
    " multiply activation softmax concat pad reshape flatten upsample lambda tensorflow"
    " other".split()
)
"""Kinds of operations. ``lambda`` is a person's Python code, ``tensorflow`` a TensorFlow operation,
``other`` a layer that has no counterpart here.
"""


class Operation(NamedTuple):
    """One operation. A Keras layer can be several: a convolution with an activation is two, a
    separable convolution is two or three.

    Attributes:
        name: of the operation; unique.
        layer, layer_type: name and class of the Keras layer.
        kind: one of :data:`KINDS`.
        inputs: numbers of earlier operations.
        input_shapes, output_shape: without the batch dimension, channels last.
        padding: (top, bottom, left, right), in pixels.
        multiplier: output channels per input channel of a depthwise convolution.
        function: of an activation, an interpolation, a padding or a TensorFlow operation.
        alpha: slope of a leaky ReLU below zero, if the layer gives it.
        limit: largest value of a clipped ReLU.
        constant: the number that a TensorFlow operation such as ``x * 0.5`` was given.
        axis: of a concatenation, as Keras counts it.
        output_padding: of a transposed convolution.
        scaling: (scale, offset) of a Rescaling layer.
        params: parameters; weights: of the multiplications; macs: multiply-accumulates.
        assumed_shape: the output shape is not known and taken to be the input's.
    """

    name: str
    layer: str
    layer_type: str
    kind: str
    inputs: Tuple[int, ...]
    input_shapes: Tuple[Shape, ...]
    output_shape: Shape
    kernel: Kernel = (1, 1)
    strides: Kernel = (1, 1)
    dilation: Kernel = (1, 1)
    padding: Tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1
    multiplier: int = 1
    function: str = ""
    alpha: Optional[float] = None
    limit: Optional[float] = None
    constant: Optional[float] = None
    axis: int = -1
    output_padding: Kernel = (0, 0)
    scaling: Optional[Tuple[float, float]] = None
    params: int = 0
    weights: int = 0
    macs: int = 0
    assumed_shape: bool = False

    @property
    def input_size(self) -> int:
        """Number of input values, all inputs together; bytes, at 8 bits each."""
        return sum(elements(shape) for shape in self.input_shapes)


class LayerGraph(NamedTuple):
    """A model as operations in an order in which each follows those it uses.

    ``outputs`` are the operations whose results leave the model. ``nested`` names the nested models
    that were flattened, ``changes`` says what else was changed exactly, ``refusals``
    why it cannot be quantized.
    """

    name: str
    operations: Tuple[Operation, ...]
    outputs: Tuple[int, ...]
    nested: Tuple[str, ...] = ()
    changes: Tuple[Change, ...] = ()
    refusals: Tuple[Refusal, ...] = ()

    @property
    def params(self) -> int:
        """Parameters, trainable or not, each shared layer once."""
        return sum(operation.params for operation in self.operations)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(operation.macs for operation in self.operations)

    @property
    def inputs(self) -> Tuple[int, ...]:
        """Numbers of the input operations."""
        return tuple(i for i, operation in enumerate(self.operations) if operation.kind == "input")

    @property
    def consumers(self) -> List[List[int]]:
        """For each operation, the operations that use its result."""
        users: List[List[int]] = [[] for _ in self.operations]
        for number, operation in enumerate(self.operations):
            for source in operation.inputs:
                users[source].append(number)
        return users
