"""The int8 program: a quantized model as a list of integer operations, in the DPU's terms.

This is what stands between the quantized Keras model and a file for a target. A tensor is int8 with
a fix position, ``real = int8 * 2**-position``; an operation computes exactly and rounds once, half
up, to the position of its output.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from vaiopt.network.sizes import Shape

KINDS = frozenset(
    "conv depthwise transposed_conv dense max_pool average_pool add multiply concat relu leaky"
    " sigmoid reshape pad upsample round".split()
)
"""What the DPU does to int8 tensors."""

ACTIVATIONS = frozenset(["linear", "relu", "relu6", "leaky"])
"""What it applies to the exact result, before rounding."""


@dataclass(frozen=True)
class Tensor:
    """An int8 tensor: name, shape without batch, fix position."""

    name: str
    shape: Shape
    position: int


@dataclass(frozen=True, eq=False)
class Operation:
    """One integer operation.

    Attributes:
        kind: one of :data:`KINDS`.
        name: of the layer, for messages.
        inputs: names of tensors.
        output: the tensor that it makes.
        activation: one of :data:`ACTIVATIONS`.
        weights: int8, in Keras order: (kh, kw, in, out), depthwise (kh, kw, channels, multiplier),
            transposed (kh, kw, out, in), dense (in, out).
        weight_position: fix position of the weights.
        bias: int8 (out,), or None.
        bias_position: fix position of the bias.
        options: strides, padding ("same" or "valid"), dilation, kernel, amounts, axis, factor: as
            the kind needs.

    Raises:
        ValueError: an unknown kind or activation.
    """

    kind: str
    name: str
    inputs: List[str]
    output: Tensor
    activation: str = "linear"
    weights: Optional[np.ndarray] = None
    weight_position: int = 0
    bias: Optional[np.ndarray] = None
    bias_position: int = 0
    options: Dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.activation not in ACTIVATIONS:
            raise ValueError(f"{self.name}: no operation '{self.kind}' with '{self.activation}'")


class End(NamedTuple):
    """An output.

    Attributes:
        tensor: of it.
        threshold: the real value above which one that stands alone says yes.
        function: what the host computes of it, such as ``softmax``; may be empty.
    """

    tensor: Tensor
    threshold: Optional[float] = None
    function: str = ""


@dataclass(frozen=True, eq=False)
class Program:
    """Operations in an order in which each comes after those it depends on.

    Attributes:
        input, output: the tensors that go in and come out; of several the first.
        operations: at least one.
        left_out: what of the Keras model is not in it, in words: a last softmax, which does not
            change which class is largest.
        threshold: for outputs that each stand alone, one label or one of two classes: the real
            value above which it says yes; None behind a softmax.
        function: as in :class:`End`.
        more, more_inputs: further outputs and inputs.
    """

    input: Tensor
    output: Tensor
    operations: List[Operation]
    left_out: List[str] = field(default_factory=list)
    threshold: Optional[float] = None
    function: str = ""
    more: Tuple[End, ...] = ()
    more_inputs: Tuple[Tensor, ...] = ()

    @property
    def inputs(self) -> Tuple[Tensor, ...]:
        """All inputs, in the order of the model's."""
        return (self.input, *self.more_inputs)

    @property
    def outputs(self) -> Tuple[End, ...]:
        """All outputs, in the order of the model's."""
        return (End(self.output, self.threshold, self.function), *self.more)
