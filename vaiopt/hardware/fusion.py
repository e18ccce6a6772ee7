"""Operations fused as the DPU's compiler does: what runs as one instruction sequence, and how much
of it must be computed.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from vaiopt.network.calls import Shape
from vaiopt.network.graph import LayerGraph, Operation

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
        size = (
            self.main.output_shape[0] * self.main.output_shape[1]
            if len(self.main.output_shape) == 3
            else 1
        )
        return (
            self.main.macs * self.rows * self.columns // size
            if size > 1 and self.main.kind != "transposed"
            else self.main.macs
        )


class Placement(NamedTuple):
    """Where an operation runs and what a person should know about it; ``reason`` is empty when
    there is nothing to say.
    """

    device: str
    reason: str = ""


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
    places = (
        list(placements) if placements is not None else [Placement("DPU")] * len(graph.operations)
    )
    groups = _groups(graph, places)
    layers: List[FusedLayer] = []
    number_of: Dict[int, int] = {}
    for members in groups:
        main = graph.operations[members[0]]
        shape = graph.operations[members[-1]].output_shape
        reasons = [places[m].reason for m in members if places[m].reason]
        rows, columns = (shape[0], shape[1]) if len(shape) == 3 else (1, 1)
        inputs = tuple(number_of[source] for source in main.inputs)
        operations = tuple(graph.operations[m] for m in members)
        layers.append(
            FusedLayer(
                main,
                operations,
                inputs,
                shape,
                places[members[0]].device,
                "; ".join(dict.fromkeys(reasons)),
                rows,
                columns,
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
        group = None
        if len(operation.inputs) == 1:
            source = operation.inputs[0]
            alone = len(users[source]) == 1 and source not in outputs
            same = places[source].device == places[number].device == "DPU"
            if alone and same and _absorbs(graph, group_of[source], operation):
                group = group_of[source]
        if group is None:
            group = []
            groups.append(group)
        group.append(number)
        group_of[number] = group
    # a group is placed where its last member is: by then all inputs of its main operation exist
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
        if (
            number in outputs
            or not users[number]
            or layer.main.kind in FREE
            or len(layer.output_shape) != 3
            or layer.device != "DPU"
        ):
            continue
        strides = {_sampling(result[user]) for user in users[number]}
        if len(strides) == 1:
            rows, columns = strides.pop()
            if (rows, columns) != (1, 1):
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
