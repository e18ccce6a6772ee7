"""What a target leaves to a CPU in float: asked by ``quantize`` and before a search."""

from __future__ import annotations

from typing import Any, List, NamedTuple

from vaiopt.hardware.devices import estimate
from vaiopt.hardware.placement import FOLLOWS
from vaiopt.hardware.quantized import output_softmaxes
from vaiopt.hardware.target import Target
from vaiopt.network.read import read_graph


class Left(NamedTuple):
    """A layer that the CPU computes in float, by the name that ``inspect`` gives it, and why."""

    layer: str
    reason: str


def host_softmaxes(model: Any) -> List[str]:
    """Return the names of the layers that are, or end in, a softmax of the outputs: the host
    computes it after every device. Arguments as :func:`left_to_cpu`.
    """
    graph = read_graph(model)
    ends = output_softmaxes(graph, graph.consumers)
    return [operation.layer for operation in graph.operations if operation.name in ends]


def left_to_cpu(model: Any, target: Target) -> List[Left]:
    """Return the layers that a DPU leaves to its host, or that cannot be compiled to int8 for a
    CPU; not the softmax of the outputs.

    Args:
        model: anything that :func:`vaiopt.network.read.read_graph` reads.
        target: where it is to run.

    Raises:
        ModelError: the model cannot be read.
    """
    found = estimate(read_graph(model), target)
    layers = list(zip(found.layers, found.output_functions))
    if target.device.accelerator:
        return [
            Left(layer.name, layer.reason)
            for layer, ends in layers
            if layer.device == "CPU" and not ends and not layer.reason.startswith(FOLLOWS)
        ]
    return [Left(layer.name, layer.reason) for layer, _ in layers if layer.reason]
