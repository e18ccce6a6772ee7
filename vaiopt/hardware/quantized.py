"""What the quantizer of a release leaves in float or refuses, whatever the device is:
``verdicts.csv`` (:mod:`vaiopt.network.verdicts`) on a layer graph.
"""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Optional, Set, Tuple

from vaiopt.network.graph import LayerGraph, Operation
from vaiopt.network.verdicts import (
    MULTIPLIED_NORM,
    MULTIPLIED_PAIR,
    MULTIPLIED_RELU,
    NO_OPERAND,
    NO_SIGMOID_INPUT,
    verdict_of,
)

QUANTIZER_FLOAT = "the quantizer leaves it in float on the CPU"

_FAULTS = {
    "add": NO_OPERAND,
    "multiply": NO_OPERAND,
    "sigmoid": NO_SIGMOID_INPUT,
    "dpu_sigmoid": NO_SIGMOID_INPUT,
}
"""By kind or function: the row of what fails where an input has no position."""

_EQUALIZED = ("conv", "depthwise", "batch_norm")
"""Kinds that are equalised with a convolution before them, a normalisation that is not folded among
them.
"""

_MOVERS = ("reshape", "flatten", "pad")

LEAKY_SLOPE = 0.1
"""The slope of the DPU's leaky ReLU, in Keras."""

_BEHIND = {
    "conv": "Conv2D",
    "depthwise": "DepthwiseConv2D",
    "batch_norm": "DepthwiseConv2D",
    "transposed": "Conv2DTranspose",
    "dense": "Dense",
    "add": "Add",
    "multiply": "Multiply",
    "max_pool": "MaxPooling2D",
    "average_pool": "AveragePooling2D",
    "global_average_pool": "GlobalAveragePooling2D",
}
"""Class of the layer that an operation is to the quantizer, for what stands behind it."""


class Quantizer(NamedTuple):
    """The quantizer of a release before a graph; ``users`` are the consumers of each operation."""

    graph: LayerGraph
    users: List[List[int]]
    release: str

    def left(self, operation: Operation) -> Optional[str]:
        """Return why an operation does not become int8, with a cure; None if it does."""
        return self._left(operation) or self._fault(operation)

    def _left(self, operation: Operation) -> Optional[str]:
        for refusal in self.graph.refusals:
            if refusal.layer == operation.layer:
                return f"the quantizer refuses the model: {refusal.problem}; {refusal.cure}"
        if operation.kind in ("other", "lambda", "tensorflow"):
            return self._layer(operation)
        if operation.kind == "global_average_pool" and operation.kernel[0] != operation.kernel[1]:
            return self._whole_map(operation)
        if operation.kind == "softmax":
            cure = verdict_of("function", "softmax", self.release).cure
            return f"softmax inside the model: {QUANTIZER_FLOAT} and splits it; {cure}"
        return self._function(operation) if operation.kind == "activation" else None

    def refuses(self, operation: Operation) -> bool:
        """Tell whether the model is refused for this operation."""
        return any(refusal.layer == operation.layer for refusal in self.graph.refusals)

    def _layer(self, operation: Operation) -> Optional[str]:
        if operation.kind == "tensorflow":
            row = verdict_of("operation", operation.function, self.release)
            return f"TensorFlow operation tf.{operation.function}: no layer computes it; {row.cure}"
        row = verdict_of("layer", operation.layer_type, self.release)
        if row.verdict == "moved":
            return None
        if operation.kind == "lambda":
            return f"Lambda is Python code, which is never run here; {QUANTIZER_FLOAT}; {row.cure}"
        return f"{operation.layer_type}: {QUANTIZER_FLOAT}; {row.cure}"

    def _whole_map(self, operation: Operation) -> Optional[str]:
        """A global average of a map that is not square."""
        row = verdict_of("layer", "GlobalAveragePooling2D not square", self.release)
        if row.verdict != "refused":
            return None
        height, width = operation.kernel
        return (
            f"GlobalAveragePooling2D over {height}x{width}: the quantizer of release {self.release}"
            f" fails where the map is not square; {row.cure}"
        )

    def _fault(self, operation: Operation) -> Optional[str]:
        """Return what the quantizer fails on."""
        for name, source in (*self._unplaced(operation), *self._multiplied(operation)):
            row = verdict_of("layer", name, self.release)
            if row.verdict == "refused":
                return (
                    f"the quantizer of release {self.release} fails on a {name}, here"
                    f" '{source.layer}'; {row.cure}"
                )
        return None

    def _unplaced(self, operation: Operation) -> Iterator[Tuple[str, Operation]]:
        """Yield the inputs that have no position and need one."""
        name = _FAULTS.get(operation.kind) or _FAULTS.get(operation.function)
        if name is None or (operation.kind == "multiply" and operation.function == "swish"):
            return  # of a swish the sigmoid is looked at
        for number in operation.inputs:
            source = self._without_position(number, name == NO_OPERAND)
            if source is not None:
                yield name, source

    def _multiplied(self, operation: Operation) -> Iterator[Tuple[str, Operation]]:
        """Yield the depthwise convolution of several outputs a channel that an operation is folded
        into or equalised with.
        """
        if operation.kind not in _EQUALIZED or self._others(operation.inputs[0]):
            return
        source = self.graph.operations[operation.inputs[0]]
        name = MULTIPLIED_NORM if operation.kind == "batch_norm" else MULTIPLIED_PAIR
        if source.kind == "activation":
            plain = source.function == "relu" and not self._others(source.inputs[0])
            name = MULTIPLIED_RELU if source.layer_type == "ReLU" else MULTIPLIED_PAIR
            source = self.graph.operations[source.inputs[0]] if plain else source
        if source.kind == "depthwise" and source.multiplier > 1:
            yield name, source

    def _without_position(self, number: int, always: bool) -> Optional[Operation]:
        """Return the operation in float whose result, at ``number``, gets no rounding: one that is
        read by one layer of one input alone (not ``always``) gets it.
        """
        operation = self.graph.operations[number]
        if operation.kind in _MOVERS:
            return self._without_position(operation.inputs[0], False)
        if operation.kind == "multiply" and operation.function == "swish":
            gates = (self.graph.operations[place] for place in operation.inputs)
            in_float = any(map(self._is_read_besides_its_swish, gates))
        else:
            in_float = self._is_float(operation)
        return operation if in_float and (always or self._others(number)) else None

    def _is_float(self, operation: Operation) -> bool:
        """Tell whether an operation is in float, its input not rounded for it either."""
        if operation.kind == "input" or self._left(operation) is None:
            return False
        if operation.kind not in ("activation", "softmax"):
            return True
        behind = self._behind(operation)
        function = _with_slope(operation) or operation.kind
        verdict = verdict_of("function", function, self.release, behind).verdict
        return not behind or verdict != "input"

    def _function(self, operation: Operation) -> Optional[str]:
        function = _with_slope(operation)
        if self._is_read_besides_its_swish(operation):
            return (
                f"swish of a tensor that something else reads: {QUANTIZER_FLOAT}; use"
                " Activation('sigmoid') and Multiply"
            )
        row = verdict_of("function", function, self.release, self._behind(operation))
        if row.verdict == "input":
            return f"{function}: the CPU computes it in float, on rounded numbers; {row.cure}"
        if row.verdict == "refused":
            return f"{function}: the quantizer does not know it; {row.cure}"
        where = f" behind {self._before(operation)}" if row.verdict == "float" else ""
        return f"{function}{where}: {QUANTIZER_FLOAT}; {row.cure}" if where else None

    def _is_read_besides_its_swish(self, operation: Operation) -> bool:
        """Tell whether an operation is the sigmoid of a swish whose input other layers read."""
        if operation.kind != "activation":
            return False
        readers = [self.graph.operations[user] for user in self.users[operation.inputs[0]]]
        own = [one for one in readers if one.layer == operation.layer]
        return any(one.function == "swish" for one in own) and len(readers) > len(own)

    def _behind(self, operation: Operation) -> str:
        """Return the class of the layer before, as the quantizer sees it; empty if something else
        reads that too.
        """
        number = operation.inputs[0]
        return "" if self._others(number) else _BEHIND.get(self.graph.operations[number].kind, "")

    def _others(self, number: int) -> bool:
        return len(self.users[number]) > 1 or number in self.graph.outputs

    def _before(self, operation: Operation) -> str:
        """Return words for the layer before."""
        number = operation.inputs[0]
        source = self.graph.operations[number]
        if source.kind == "input":
            return "the input"
        words = ", which something else reads" if self._others(number) else ""
        return f"'{source.name}'" + words


def _with_slope(operation: Operation) -> str:
    """Return the function of an operation, a leaky ReLU of another slope than the DPU's apart."""
    slope = 0.3 if operation.alpha is None else operation.alpha
    other = operation.function == "leaky_relu" and abs(slope - LEAKY_SLOPE) > 1e-6
    return f"{operation.function} of another slope" if other else operation.function


def output_softmaxes(graph: LayerGraph, users: List[List[int]]) -> Set[str]:
    """Return the names of the operations that are a softmax at the end of the model, possibly with
    a reshape after it.
    """

    def ends(number: int) -> bool:
        return all(
            graph.operations[user].kind in ("reshape", "flatten") and ends(user)
            for user in users[number]
        )

    operations = enumerate(graph.operations)
    return {it.name for number, it in operations if it.kind == "softmax" and ends(number)}
