"""Operations fused as the DPU's compiler does: what runs as one instruction sequence, and how much
of it must be computed.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from vaiopt.network.graph import LayerGraph, Operation
from vaiopt.network.sizes import Shape, elements

FREE = frozenset({"input", "concat", "pad", "reshape", "flatten"})
"""Kinds that cost nothing on the DPU: they only change addresses."""

CONVOLUTIONS = frozenset({"conv", "depthwise", "transposed", "dense"})

FUSED_ACTIVATIONS = {
    "conv": frozenset({"relu", "relu6", "leaky_relu"}),
    "transposed": frozenset({"relu", "relu6", "leaky_relu"}),
    "dense": frozenset({"relu", "relu6", "leaky_relu"}),
    "depthwise": frozenset({"relu", "relu6"}),
    "batch_norm": frozenset({"relu", "relu6"}),
    "add": frozenset({"relu"}),
    "multiply": frozenset({"relu"}),
}
"""Which activations an engine of the DPUCZDX8G applies while it writes its result (operators.json,
``nonlinear`` of each engine).
"""


class FusedLayer(NamedTuple):
    """What runs as one layer: a main operation and those that are absorbed by it.

    ``inputs`` are numbers of earlier fused layers. ``rows`` and ``columns`` are the output pixels
    that are really computed: fewer than the output shape's when only every s-th of them is used.
    """

    main: Operation
    members: Tuple[Operation, ...]
    inputs: Tuple[int, ...]
    output_shape: Shape
    device: str
    reason: str
    rows: int
    columns: int
    is_output_softmax: bool = False

    @property
    def name(self) -> str:
        """Name of the Keras layer (with ``/activation`` for an activation that stands alone)."""
        return self.main.name

    @property
    def free(self) -> bool:
        """True for what costs the DPU nothing."""
        return self.device == "DPU" and self.main.kind in FREE

    @property
    def macs(self) -> int:
        """Multiply-accumulates that are really computed."""
        shape = self.main.output_shape
        if len(shape) != 3 or self.main.kind == "transposed":
            return self.main.macs
        return self.main.macs * self.rows * self.columns // elements(shape[:2])


class Placement(NamedTuple):
    """Where an operation runs, ``DPU`` or ``CPU``, and what a person should know about it.

    ``reason`` is text for people, empty when there is nothing to say. ``is_output_softmax`` marks
    the softmax of the outputs, which every target leaves to the host.
    """

    device: str
    reason: str = ""
    is_output_softmax: bool = False


def fuse(graph: LayerGraph, placements: Optional[Sequence[Placement]] = None) -> List[FusedLayer]:
    """Return the fused layers of a graph.

    A batch normalization is folded into the convolution or dense layer that alone feeds it; an
    activation into the operation that alone feeds it, if that engine can
    (:data:`FUSED_ACTIVATIONS`) and both are on the DPU. If every user of a result is a 1x1
    convolution of stride s, only the sampled pixels are computed.

    Args:
        graph: the operations.
        placements: the device of each operation; all on the DPU when not given.
    """
    places = placements or [Placement("DPU")] * len(graph.operations)
    layers: List[FusedLayer] = []
    number_of: Dict[int, int] = {}
    for members in _groups(graph, places):
        main = graph.operations[members[0]]
        shape = graph.operations[members[-1]].output_shape
        reasons = [places[m].reason for m in members if places[m].reason]
        rows, columns = shape[:2] if len(shape) == 3 else (1, 1)
        layers.append(
            FusedLayer(
                main,
                tuple(graph.operations[m] for m in members),
                tuple(number_of[source] for source in main.inputs),
                shape,
                places[members[0]].device,
                "; ".join(dict.fromkeys(reasons)),
                rows,
                columns,
                places[members[0]].is_output_softmax,
            )
        )
        number_of.update((m, len(layers) - 1) for m in members)
    return _sampled(layers, {number_of[o] for o in graph.outputs})


def _groups(graph: LayerGraph, places: Sequence[Placement]) -> List[List[int]]:
    """Return the members of each fused layer, main operation first."""
    users = graph.consumers
    outputs = set(graph.outputs)
    groups: List[List[int]] = []
    group_of: Dict[int, List[int]] = {}
    for number, operation in enumerate(graph.operations):
        if len(operation.inputs) == 1:
            source = operation.inputs[0]
            alone = len(users[source]) == 1 and source not in outputs
            same = places[source].device == places[number].device == "DPU"
            if alone and same and _absorbs(graph, group_of[source], operation):
                group_of[number] = group_of[source]
        if number not in group_of:
            group_of[number] = []
            groups.append(group_of[number])
        group_of[number].append(number)
    return groups


def _absorbs(graph: LayerGraph, group: Sequence[int], operation: Operation) -> bool:
    """Tell whether a fused layer takes this operation in."""
    main = graph.operations[group[0]]
    last = graph.operations[group[-1]]
    if operation.kind == "batch_norm":
        return main.kind in CONVOLUTIONS and last is main
    if operation.kind == "activation":
        already = any(graph.operations[m].kind == "activation" for m in group)
        return not already and operation.function in FUSED_ACTIVATIONS.get(main.kind, frozenset())
    return False


def _sampled(layers: List[FusedLayer], outputs: Set[int]) -> List[FusedLayer]:
    """Reduce what is computed where all users are 1x1 convolutions of one stride, from the end to
    the beginning.
    """
    users: List[List[int]] = [[] for _ in layers]
    for number, layer in enumerate(layers):
        for source in layer.inputs:
            users[source].append(number)
    result = list(layers)
    for number in range(len(layers) - 1, -1, -1):
        layer = result[number]
        if number in outputs or layer.free or layer.device != "DPU" or len(layer.output_shape) != 3:
            continue
        strides = {_sampling(result[user]) for user in users[number]}
        if len(strides) == 1:
            rows, columns = strides.pop()
            result[number] = layer._replace(
                rows=-(-layer.output_shape[0] // rows),
                columns=-(-layer.output_shape[1] // columns),
            )
    return result


def _sampling(layer: FusedLayer) -> Tuple[int, int]:
    """Return the stride at which a layer reads single pixels of its input; (1, 1) if it reads all
    of them.
    """
    if layer.device == "DPU" and layer.main.kind == "conv" and layer.main.kernel == (1, 1):
        return layer.main.strides
    return (1, 1)
