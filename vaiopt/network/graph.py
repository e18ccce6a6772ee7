"""The layer graph: what a Keras model computes, one operation at a time, with shapes,
multiplications, weights and bytes.
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple

from vaiopt.network.calls import Shape
from vaiopt.network.layers import elements

Kernel = Tuple[int, int]


class Operation(NamedTuple):
    """One operation. A Keras layer can be several: a convolution with an activation is two, a
    separable convolution is two or three.

    Shapes are without the batch dimension, channels last. ``inputs`` are numbers of earlier
    operations. ``kind`` is one of ``input conv depthwise transposed dense max_pool average_pool
    global_average_pool batch_norm add multiply activation concat pad reshape flatten upsample
    softmax`` or ``other``. ``padding`` is (top, bottom, left, right), in pixels. ``scaling`` is
    (scale, offset) of a Rescaling layer.
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
    value: Optional[float] = None
    params: int = 0
    weights: int = 0
    macs: int = 0
    scaling: Optional[Tuple[float, float]] = None
    assumed_shape: bool = False

    @property
    def input_size(self) -> int:
        """Number of input values, all inputs together; bytes, at 8 bits each."""
        return sum(elements(shape) for shape in self.input_shapes)


class LayerGraph(NamedTuple):
    """A model as operations in an order in which each follows those it uses.

    ``outputs`` are the operations whose results leave the model. ``nested`` names the nested models
    that were flattened.
    """

    name: str
    operations: Tuple[Operation, ...]
    outputs: Tuple[int, ...]
    nested: Tuple[str, ...] = ()

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
