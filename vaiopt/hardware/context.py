"""What a rule of placement looks at, and what it answers."""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Set

from vaiopt.hardware.architectures import Architecture
from vaiopt.hardware.fusion import Placement
from vaiopt.hardware.target import Target
from vaiopt.network.graph import LayerGraph, Operation


class Context(NamedTuple):
    """What a rule looks at besides the operation itself."""

    graph: LayerGraph
    users: List[List[int]]
    target: Target
    dpu: Architecture
    places: List[Placement]
    output_softmaxes: Set[str]

    def source(self, operation: Operation) -> Operation:
        """Return the operation before this one, looking through batch normalization."""
        source = self.graph.operations[operation.inputs[0]]
        return self.source(source) if source.kind == "batch_norm" else source


def on_cpu(reason: str) -> Placement:
    """Return the placement on the CPU, for a reason with a cure."""
    return Placement("CPU", reason)


ON_DPU = Placement("DPU")
"""On the DPU, with nothing to say."""

Rule = Callable[[Operation, Context], Placement]
