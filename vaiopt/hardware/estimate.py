"""Where each fused layer of a model runs on a target, and how long it takes."""

from __future__ import annotations

import math
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from vaiopt.hardware.batched import (
    array_cycles,
    batch_bound,
    batch_cycles,
    batch_work,
    batch_works,
    values_of,
)
from vaiopt.hardware.fits import Constants, fallback, host_rate
from vaiopt.hardware.fusion import FusedLayer, fuse
from vaiopt.hardware.latency import Work, layer_cycles, limit, work
from vaiopt.hardware.placement import place
from vaiopt.hardware.target import Target
from vaiopt.network.graph import LayerGraph
from vaiopt.network.layers import layer_class
from vaiopt.network.sizes import elements


class Estimate(NamedTuple):
    """The fused layers of a model on a target and the time of each; what everything above is made
    from.

    ``output_functions`` tells of each layer whether it is a softmax that the host computes after
    the DPU (on target cpu: any softmax). ``fed_per_second`` are the most frames per second that the
    host can feed to a DPU. ``working`` is the part of a layer's time in which the convolution array
    would do it at full speed, ``bounds`` what sets the time: ``compute``, ``memory``, ``overhead``,
    ``cpu`` or ``free``; ``cost`` returns the cycles of a layer that was changed. Times of a DPU
    that takes several images at once are those of a whole batch.
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
    fed_per_second: float
    working: Tuple[float, ...]
    bounds: Tuple[str, ...]
    cost: Callable[[FusedLayer], float]


class _Timed(NamedTuple):
    """Times of a model's layers on a DPU; milliseconds of a batch where it takes several images.

    Attributes:
        cycles, working, bounds, cost: see :class:`Estimate`.
        alone_ms: of the DPU alone, its call included.
        busy_ms: of one core while all work.
        fixed_ms: what the host takes beside the layers, for all images.
        images: how many the times are of.
        fed_per_second: see :class:`Estimate`.
    """

    cycles: Tuple[float, ...]
    working: Tuple[float, ...]
    bounds: Tuple[str, ...]
    cost: Callable[[FusedLayer], float]
    alone_ms: float
    busy_ms: float
    fixed_ms: float
    images: int
    fed_per_second: float


def dpu_estimate(graph: LayerGraph, target: Target) -> Estimate:
    """Return the fused layers of a model on a DPU and its host, and their time."""
    assert target.architecture is not None
    assert target.fit is not None
    layers = tuple(fuse(graph, place(graph, target)))
    subgraphs = dpu_subgraphs(layers)
    count = len(set(subgraphs) - {None})
    works = tuple(
        work(layer, target.architecture) if layer.device == "DPU" and not layer.free else None
        for layer in layers
    )
    timing = _one_by_one if target.fit.batched is None else _in_batches
    timed = timing(graph, target, layers, works)
    per_ms, batch = target.clock_mhz * 1000.0, target.architecture.batch
    ends = tuple(layer.is_output_softmax for layer in layers)
    cpu = [
        0.0 if layer.device == "DPU" or end or before else timed.images * fallback_ms(layer)
        for layer, end, before in zip(layers, ends, _preprocessing(layers))
    ]
    between = max(0, count - 1) * fallback()["call_ms"]
    milliseconds = tuple(c / per_ms + extra for c, extra in zip(timed.cycles, cpu))
    busy = timed.busy_ms + sum(cpu) + between
    latency_ms = sum(milliseconds) + between + timed.fixed_ms
    return Estimate(
        layers,
        works,
        timed.cycles,
        milliseconds,
        tuple(subgraphs),
        ends,
        count,
        latency_ms=latency_ms,
        dpu_latency_ms=min(timed.alone_ms if count else 0.0, latency_ms),
        fps_all_cores=min(target.cores * batch * 1000.0 / max(busy, 1e-9), timed.fed_per_second),
        fed_per_second=timed.fed_per_second,
        working=timed.working,
        bounds=tuple(
            b if layer.device == "DPU" else "cpu" for b, layer in zip(timed.bounds, layers)
        ),
        cost=timed.cost,
    )


def _one_by_one(
    graph: LayerGraph,
    target: Target,
    layers: Sequence[FusedLayer],
    works: Sequence[Optional[Work]],
) -> _Timed:
    """Return the times on a DPU whose cores take one image each."""
    dpu, fit = target.architecture, target.fit
    assert dpu is not None and fit is not None
    single, per_ms = fit.single, target.clock_mhz * 1000.0
    cycles = tuple(0.0 if asked is None else layer_cycles(asked, single) for asked in works)
    # the DPU's own time is a part of that at one thread, and so is the runtime's call
    alone = min(_total(works, fit.dpu), sum(cycles)) / per_ms
    return _Timed(
        cycles,
        tuple(asked.conv_cycles / c if asked and c else 0.0 for asked, c in zip(works, cycles)),
        tuple("free" if asked is None else limit(asked, single) for asked in works),
        lambda layer: layer_cycles(work(layer, dpu), single),
        alone_ms=alone + min(fit.dpu.constant_ms, single.constant_ms),
        busy_ms=_total(works, fit.busy) / per_ms,
        fixed_ms=single.constant_ms,
        images=1,
        fed_per_second=host_rate(dpu.family).frames_per_second(values_fed(graph)),
    )


def _in_batches(
    graph: LayerGraph,
    target: Target,
    layers: Sequence[FusedLayer],
    works: Sequence[Optional[Work]],
) -> _Timed:
    """Return the times of a batch on a DPU that takes several images at once."""
    dpu, fit = target.architecture, target.fit
    assert dpu is not None and fit is not None and fit.batched is not None
    constants, batch, clock = fit.batched, dpu.batch, target.clock_mhz
    asked = [
        a if layer.device == "DPU" else None for layer, a in zip(layers, batch_works(layers, dpu))
    ]
    how = (constants, batch, clock)
    cycles = tuple(0.0 if a is None else batch_cycles(a, *how) for a in asked)
    array = [0.0 if a is None else array_cycles(a, constants, clock) for a in asked]
    alone, image_ms = sum(cycles) / (clock * 1000.0), constants.image_ms(*values_of(graph))
    return _Timed(
        cycles,
        tuple(full / c if c else 0.0 for full, c in zip(array, cycles)),
        tuple("cpu" if a is None else batch_bound(a, *how) for a in asked),
        lambda layer: batch_cycles(batch_work(layer, dpu), *how),
        alone_ms=alone + fit.dpu.constant_ms,
        busy_ms=alone,
        fixed_ms=batch * image_ms,
        images=batch,
        fed_per_second=1000.0 * constants.host_cores / image_ms,
    )


def values_fed(graph: LayerGraph) -> int:
    """Return the values of inputs and outputs, which the host moves for each frame."""
    return sum(values_of(graph))


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
        before.append(sources and layer_class(layer.main.layer_type).preprocessing)
    return before


def one_after_the_other(layers: Sequence[FusedLayer], milliseconds: Sequence[float]) -> Estimate:
    """Return the estimate of fused layers that all run on one device, and take these times."""
    none: Tuple[None, ...] = (None,) * len(layers)
    return Estimate(
        tuple(layers),
        none,
        (0.0,) * len(layers),
        tuple(milliseconds),
        none,
        tuple(layer.main.kind == "softmax" for layer in layers),
        subgraph_count=0,
        latency_ms=sum(milliseconds),
        dpu_latency_ms=0.0,
        fps_all_cores=1000.0 / max(sum(milliseconds), 1e-9),
        fed_per_second=math.inf,
        working=(0.0,) * len(layers),
        bounds=("cpu",) * len(layers),
        cost=lambda layer: 0.0,
    )


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
        sources = [source for source in layer.inputs if layers[source].main.kind != "input"]
        levels = [depth[source] + (layers[source].device != layer.device) for source in sources]
        depth.append(max(levels, default=0))
        for source in sources:
            both = layers[source].device == layer.device == "DPU"
            if both and depth[source] == depth[number]:
                parent[root(source)] = root(number)
    on_dpu = [layer.device == "DPU" and layer.main.kind != "input" for layer in layers]
    working = {root(i) for i, layer in enumerate(layers) if on_dpu[i] and not layer.free}
    numbers: Dict[int, int] = {}
    return [
        numbers.setdefault(root(i), len(numbers)) if on_dpu[i] and root(i) in working else None
        for i in range(len(layers))
    ]
