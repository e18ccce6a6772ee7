"""Where each fused layer of a model runs on a target, and how long it takes."""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from vaiopt.hardware.cpu import cpu_latency_ms
from vaiopt.hardware.devices import CPU, DPU
from vaiopt.hardware.fits import Constants, fallback
from vaiopt.hardware.fusion import FREE, FusedLayer, fuse
from vaiopt.hardware.latency import Work, layer_cycles, work
from vaiopt.hardware.placement import place
from vaiopt.hardware.target import Target
from vaiopt.network.graph import LayerGraph
from vaiopt.network.sizes import elements

PREPROCESSING = frozenset({"Rescaling", "Normalization", "Resizing", "CenterCrop"})
"""Layers that, right after an input, do what the host does to every image."""


class Estimate(NamedTuple):
    """The fused layers of a model on a target and the time of each; what everything above is made
    from.
    """

    layers: Tuple[FusedLayer, ...]
    works: Tuple[Optional[Work], ...]
    cycles: Tuple[float, ...]
    milliseconds: Tuple[float, ...]
    subgraphs: Tuple[Optional[int], ...]
    output_functions: Tuple[bool, ...]
    subgraph_count: int
    latency_ms: float
    dpu_latency_ms: float
    fps_all_cores: float
    constants: Constants


def estimate(graph: LayerGraph, target: Target) -> Estimate:
    """Return the fused layers of a model on a target, and their time."""
    return ESTIMATES[target.device.name](graph, target)


def _dpu_estimate(graph: LayerGraph, target: Target) -> Estimate:
    assert target.architecture is not None
    assert target.fit is not None
    placements = place(graph, target)
    layers = tuple(fuse(graph, placements))
    ends = tuple(
        layer.main.kind == "softmax" and layer.reason.startswith("softmax of the outputs")
        for layer in layers
    )
    subgraphs = dpu_subgraphs(layers)
    count = len({number for number in subgraphs if number is not None})
    works = tuple(
        work(layer, target.architecture) if layer.device == "DPU" and not layer.free else None
        for layer in layers
    )
    per_ms = target.clock_mhz * 1000.0
    cycles = tuple(
        0.0 if asked is None else layer_cycles(asked, target.fit.single) for asked in works
    )
    hosts = [end or before for end, before in zip(ends, _preprocessing(layers))]
    cpu = [
        0.0 if layer.device == "DPU" or host else fallback_ms(layer)
        for layer, host in zip(layers, hosts)
    ]
    milliseconds = tuple(c / per_ms + extra for c, extra in zip(cycles, cpu))
    between = max(0, count - 1) * fallback()["call_ms"]
    latency = sum(milliseconds) + between + target.fit.single.constant_ms
    alone = (
        min(_total(works, target.fit.dpu), sum(cycles)) / per_ms
    )  # the DPU's own time is a part of that at one thread
    busy = _total(works, target.fit.busy) / per_ms
    batch = target.architecture.batch
    per_second = target.cores * batch * 1000.0 / max(busy + sum(cpu) + between, 1e-9)
    return Estimate(
        layers,
        works,
        cycles,
        milliseconds,
        tuple(subgraphs),
        ends,
        count,
        latency,
        alone,
        per_second,
        target.fit.single,
    )


def _total(works: Sequence[Optional[Work]], constants: Constants) -> float:
    return sum(layer_cycles(asked, constants) for asked in works if asked is not None)


def _preprocessing(layers: Sequence[FusedLayer]) -> List[bool]:
    """Tell which layers only scale or resize the inputs: the published end-to-end times, and so
    ``constant_ms``, contain that.
    """
    before: List[bool] = []
    for layer in layers:
        sources = bool(layer.inputs) and all(
            layers[source].main.kind == "input" or before[source] for source in layer.inputs
        )
        before.append(sources and layer.main.layer_type in PREPROCESSING)
    return before


def _cpu_estimate(graph: LayerGraph) -> Estimate:
    layers = tuple(fuse(graph))
    layers = tuple(layer._replace(device="CPU") for layer in layers)
    milliseconds = tuple(cpu_latency_ms(layer) for layer in layers)
    total = sum(milliseconds)
    none: Tuple[None, ...] = (None,) * len(layers)
    ends = tuple(layer.main.kind == "softmax" for layer in layers)
    return Estimate(
        layers,
        none,
        (0.0,) * len(layers),
        milliseconds,
        none,
        ends,
        0,
        total,
        0.0,
        1000.0 / max(total, 1e-9),
        Constants(1.0, 1.0, 0.0, 0.0),
    )


ESTIMATES: Dict[str, Callable[[LayerGraph, Target], Estimate]] = {
    CPU.name: lambda graph, _: _cpu_estimate(graph),
    DPU.name: _dpu_estimate,
}
"""What estimates a model, by the device of its target."""


def fallback_ms(layer: FusedLayer) -> float:
    """Return the time of a layer that the DPU leaves to the board's CPU; an assumption, see
    ``latency.json``.
    """
    rates = fallback()
    values = layer.main.input_size + elements(layer.output_shape)
    return (
        values * rates["ms_per_million_values"] / 1e6
        + layer.main.macs * rates["ms_per_million_macs"] / 1e6
    )


def dpu_subgraphs(layers: Sequence[FusedLayer]) -> List[Optional[int]]:
    """Return the DPU subgraph of each fused layer, numbered from 0 in order; None for CPU layers,
    inputs and lone free layers.

    Layers are in one subgraph when they are connected and equally many changes of device away from
    the inputs: a DPU layer that needs what the CPU makes of the DPU's results can only run in a
    later subgraph.
    """
    depth: List[int] = []
    parent = list(range(len(layers)))

    def root(number: int) -> int:
        while parent[number] != number:
            number = parent[number]
        return number

    for number, layer in enumerate(layers):
        level = 0
        for source in layer.inputs:
            change = layers[source].main.kind != "input" and layers[source].device != layer.device
            level = max(level, depth[source] + change)
        depth.append(level)
        for source in layer.inputs:
            same = (
                layers[source].device == layer.device == "DPU"
                and depth[source] == level
                and layers[source].main.kind != "input"
            )
            if same:
                parent[root(source)] = root(number)
    roots: Dict[int, int] = {}
    working: Set[int] = {
        root(i)
        for i, layer in enumerate(layers)
        if layer.device == "DPU" and layer.main.kind not in FREE
    }
    result: List[Optional[int]] = []
    for number, layer in enumerate(layers):
        if layer.device != "DPU" or layer.main.kind == "input" or root(number) not in working:
            result.append(None)
        else:
            result.append(roots.setdefault(root(number), len(roots)))
    return result
