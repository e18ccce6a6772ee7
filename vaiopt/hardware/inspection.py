"""What a model costs on a target, layer by layer: device and reason, cycles, time, utilisation, and
what would make it cheaper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from vaiopt.errors import SettingsError
from vaiopt.hardware.devices import estimate as estimate_model
from vaiopt.hardware.estimate import Estimate
from vaiopt.hardware.fits import Interval, interval
from vaiopt.hardware.suggestions import suggest
from vaiopt.hardware.target import Target
from vaiopt.network.calls import INPUT_SCALING
from vaiopt.network.graph import LayerGraph
from vaiopt.network.read import read_graph
from vaiopt.network.sizes import elements
from vaiopt.present.shown import Shown

INPUT_LEVELS = 256
"""Levels of an int8 tensor."""

MOST_SUGGESTIONS = 3
"""Of how many layers it is said what would make them cheaper."""


class LayerReport(NamedTuple):
    """One fused layer on a target.

    Attributes:
        name: the Keras layer (``conv/relu`` for an activation of a layer that runs on its own).
        type: the Keras class, or the function of an activation.
        fused: names of the operations that run with it.
        device: ``DPU`` or ``CPU``.
        reason: why it is on the CPU, or what a person should know about it; may be empty.
        cycles: DPU cycles; 0 on the CPU.
        latency_ms: its part of the latency at one thread.
        share: its part of the total, 0 to 1.
        utilization: multiply-accumulates done of those that the convolution array could do in this
            time; None without convolution.
        bound: what sets its time: ``compute``, ``memory``, ``overhead``, ``cpu`` or ``free``.
        output_function: True for the softmax of the outputs, which every target leaves to the host.
        inputs: names of the layers, and of the model's inputs, that it takes its values from.
    """

    name: str
    type: str
    fused: Tuple[str, ...]
    device: str
    reason: str
    output_shape: Tuple[int, ...]
    params: int
    macs: int
    bytes: int
    cycles: float
    latency_ms: float
    share: float
    utilization: Optional[float]
    bound: str
    output_function: bool
    subgraph: Optional[int]
    inputs: Tuple[str, ...] = ()

    def to_json(self) -> Dict[str, Any]:
        """Return the layer for ``--json``."""
        return {
            **self._asdict(),
            "fused": list(self.fused),
            "inputs": list(self.inputs),
            "output_shape": list(self.output_shape),
            "cycles": round(self.cycles),
            "latency_ms": round(self.latency_ms, 6),
            "share": round(self.share, 4),
            "utilization": None if self.utilization is None else round(self.utilization, 3),
        }


class Suggestion(NamedTuple):
    """What would make one of the most costly layers cheaper."""

    layer: str
    latency_ms: float
    share: float
    text: str

    def to_json(self) -> Dict[str, Any]:
        """Return the suggestion for ``--json``."""
        rounded = {"latency_ms": round(self.latency_ms, 6), "share": round(self.share, 4)}
        return {**self._asdict(), **rounded}


@dataclass(frozen=True)
class Inspection(Shown):
    """What a model costs on a target.

    Attributes:
        latency_ms: end to end at one thread, host included.
        dpu_latency_ms: the DPU's part; 0 for target cpu.
        fps: frames per second at ``threads`` threads.
        fps_all_cores: frames per second with every core of the DPU busy.
        dpu_subgraphs: how many parts the DPU runs, with the CPU's work between them.
        warnings: what a person should know about the model as a whole.
        changes: what quantize changes first, exactly: layer and what becomes of it.
        inputs: name and shape of each of the model's inputs.
    """

    model: str
    target: Target
    threads: int
    latency_ms: float
    dpu_latency_ms: float
    fps: float
    fps_all_cores: float
    params: int
    macs: int
    dpu_subgraphs: int
    layers: Tuple[LayerReport, ...]
    suggestions: Tuple[Suggestion, ...]
    warnings: Tuple[str, ...]
    changes: Tuple[str, ...] = ()
    inputs: Tuple[Tuple[str, Tuple[int, ...]], ...] = ()

    @property
    def validated(self) -> bool:
        """True if the latency constants were fitted to measurements of exactly this target, and the
        DPU runs all of the model.
        """
        return self.target.validated and not self.fallback_layers

    @property
    def validation(self) -> str:
        """One sentence on what the prediction rests on."""
        if self.fallback_layers:
            return self.target.validation + "; the time of the layers on the CPU is an assumption"
        return self.target.validation

    @property
    def fixed_ms(self) -> float:
        """Milliseconds that no layer takes: the preparation of an input, the runtime's calls."""
        return max(0.0, self.latency_ms - sum(layer.latency_ms for layer in self.layers))

    @property
    def interval(self) -> Optional[Interval]:
        """How sure ``latency_ms`` is; None where it was fitted to nothing like this."""
        fit = self.target.fit
        return interval(fit, self.latency_ms) if fit is not None and self.validated else None

    @property
    def cpu_layers(self) -> Tuple[str, ...]:
        """Names of all layers that run on the CPU, the softmax of the outputs included."""
        return tuple(layer.name for layer in self.layers if layer.device == "CPU")

    @property
    def fallback_layers(self) -> Tuple[str, ...]:
        """Names of the layers that a DPU leaves to the CPU; not the softmax of the outputs. Empty
        for target cpu.
        """
        if not self.target.device.accelerator:
            return ()
        on_cpu = (layer for layer in self.layers if layer.device == "CPU")
        return tuple(layer.name for layer in on_cpu if not layer.output_function)

    def to_json(self) -> Dict[str, Any]:
        """Return the inspection for ``--json``."""
        sure = self.interval
        return {
            "model": self.model,
            "target": self.target.name,
            "release": self.target.release,
            **{name: getattr(self, name) for name in ("validated", "validation", "threads")},
            "latency_ms": round(self.latency_ms, 6),
            "latency_interval": None if sure is None else sure._asdict(),
            "dpu_latency_ms": round(self.dpu_latency_ms, 6),
            "fixed_ms": round(self.fixed_ms, 6),
            "fps": round(self.fps, 3),
            "fps_all_cores": round(self.fps_all_cores, 3),
            **{name: getattr(self, name) for name in ("params", "macs", "dpu_subgraphs")},
            "cpu_layers": list(self.cpu_layers),
            "fallback_layers": list(self.fallback_layers),
            "layers": [layer.to_json() for layer in self.layers],
            "suggestions": [suggestion.to_json() for suggestion in self.suggestions],
            "warnings": list(self.warnings),
            "changes": list(self.changes),
        }


def costs(model: Any, target: Target, threads: int = 1) -> Dict[str, float]:
    """Return what a candidate costs, before it is trained; some ten milliseconds for a ResNet50.

    Args:
        model: a live Keras 2 model, or anything that :func:`vaiopt.hardware.read_graph` reads.
        target: where it is to run.
        threads: threads that call the DPU at the same time, for ``fps``.

    Returns:
        ``params``, ``macs``, ``latency_ms`` (end to end, one thread), ``dpu_latency_ms``, ``fps``,
        ``cpu_layers`` (layers that the DPU leaves to the CPU, without the softmax of the outputs)
        and ``dpu_subgraphs``.
    """
    graph = read_graph(model)
    estimate = estimate_model(graph, target)
    left = [
        layer
        for layer, ends in zip(estimate.layers, estimate.output_functions)
        if target.device.accelerator and layer.device == "CPU" and not ends
    ]
    return {
        "params": float(graph.params),
        "macs": float(graph.macs),
        "latency_ms": estimate.latency_ms,
        "dpu_latency_ms": estimate.dpu_latency_ms,
        "fps": _frames_per_second(estimate, threads, target),
        "cpu_layers": float(len(left)),
        "dpu_subgraphs": float(estimate.subgraph_count),
    }


def inspect_model(
    model: Any, target: Target, threads: int = 1, input_range: Optional[Tuple[float, float]] = None
) -> Inspection:
    """Return what a model costs on a target, layer by layer. No code of the model is run.

    Args:
        model: a live Keras 2 model, its configuration, or the path of an ``.h5`` file or an
            architecture JSON.
        target: from :func:`vaiopt.hardware.load_target`.
        threads: threads that call the DPU at the same time.
        input_range: smallest and largest value of the preprocessed data, if known: named when it
            wastes int8 levels.

    Raises:
        ModelError: the model cannot be read.
        SettingsError: ``threads`` is less than one.
    """
    if threads < 1:
        raise SettingsError(f"threads is {threads}", "Use 1 or more.")
    graph = read_graph(model)
    estimate = estimate_model(graph, target)
    total, times = estimate.latency_ms, estimate.milliseconds
    costly = sorted(range(len(times)), key=lambda number: -times[number])[:MOST_SUGGESTIONS]
    return Inspection(
        model=graph.name,
        target=target,
        threads=threads,
        latency_ms=total,
        dpu_latency_ms=estimate.dpu_latency_ms,
        fps=_frames_per_second(estimate, threads, target),
        fps_all_cores=estimate.fps_all_cores,
        params=graph.params,
        macs=graph.macs,
        dpu_subgraphs=estimate.subgraph_count,
        layers=tuple(
            _report(estimate, number)
            for number, layer in enumerate(estimate.layers)
            if layer.main.kind != "input"
        ),
        suggestions=tuple(
            Suggestion(
                estimate.layers[i].name, times[i], times[i] / total, suggest(estimate, i, target)
            )
            for i in costly
            if times[i] > 0
        ),
        warnings=tuple(_warnings(graph, estimate, target, input_range)),
        changes=tuple(f"layer '{change.layer}': {change.what}" for change in graph.changes),
        inputs=tuple((o.name, o.output_shape) for o in graph.operations if o.kind == "input"),
    )


def _frames_per_second(estimate: Estimate, threads: int, target: Target) -> float:
    """Return the rate at so many threads, each of which feeds the DPU a whole batch."""
    batch = 1 if target.architecture is None else target.architecture.batch
    one = batch * 1000.0 / max(estimate.latency_ms, 1e-9)
    return min(threads * one, estimate.fps_all_cores)


def input_levels(low: float, high: float) -> Tuple[int, int]:
    """Return (fix position, levels used) of an int8 input whose values lie in ``low`` to ``high``.

    The quantizer takes the largest power-of-two scale that does not overflow.
    """
    import numpy as np  # not at the top: 'vaiopt targets' does without

    from vaiopt.int8.arithmetic import levels_used, non_overflow_position

    position = non_overflow_position(np.array([low, high]))
    return position, levels_used(low, high, position)


def _report(estimate: Estimate, number: int) -> LayerReport:
    layer, asked = estimate.layers[number], estimate.works[number]
    main, cycles, milliseconds = layer.main, estimate.cycles[number], estimate.milliseconds[number]
    traffic, utilization = main.input_size + elements(layer.output_shape), None
    if asked is not None:
        traffic = asked.traffic
        if asked.peak:
            utilization = layer.macs / asked.peak * min(1.0, estimate.working[number])
    is_function = main.kind in ("activation", "softmax") or main.function == "swish"
    return LayerReport(
        name=layer.name,
        type=main.function if is_function else main.layer_type,
        fused=tuple(member.name for member in layer.members[1:]),
        device=layer.device,
        reason=layer.reason,
        output_shape=layer.output_shape,
        params=sum(member.params for member in layer.members),
        macs=layer.macs,
        bytes=traffic,
        cycles=cycles,
        latency_ms=milliseconds,
        share=milliseconds / max(estimate.latency_ms, 1e-12),
        utilization=utilization,
        bound=estimate.bounds[number],
        output_function=estimate.output_functions[number],
        subgraph=estimate.subgraphs[number],
        inputs=tuple(dict.fromkeys(estimate.layers[source].name for source in layer.inputs)),
    )


def _warnings(
    graph: LayerGraph,
    estimate: Estimate,
    target: Target,
    input_range: Optional[Tuple[float, float]],
) -> List[str]:
    """Return what concerns the model as a whole."""
    refused = [
        f"the quantizer will refuse this model: {refusal.problem}; {refusal.cure}"
        for refusal in graph.refusals
    ]
    if not target.device.accelerator:
        return refused + [
            f"compile for the CPU will refuse layer '{layer.name}': {layer.reason}"
            for layer in estimate.layers
            if layer.reason
        ]
    warnings: List[str] = []
    if estimate.subgraph_count > 1:
        text = (
            f"{estimate.subgraph_count} DPU subgraphs: the CPU works between them, and a runner"
            " must run them all in order"
        )
        warnings.append(text)
    return refused + warnings + _input_warnings(graph, input_range)


def _input_warnings(graph: LayerGraph, input_range: Optional[Tuple[float, float]]) -> List[str]:
    """Name a scaling of the inputs that uses few of the 256 int8 levels."""
    ranges = [] if input_range is None else [("the preprocessed data", input_range)]
    for operation in graph.operations:
        if operation.layer_type == "Rescaling" and operation.scaling is not None:
            scale, offset = operation.scaling
            what = f"Rescaling '{operation.name}' (of 0 to 255)"
            ranges.append((what, (offset, 255.0 * scale + offset)))
    ranges += [
        (f"the input (of 0 to 255), which '{change.layer}' scales on the DPU,", (0.0, 255.0))
        for change in graph.changes
        if change.kind == INPUT_SCALING and input_range is None
    ][:1]
    result = []
    for what, (low, high) in ranges:
        position, levels = input_levels(low, high)
        if levels < INPUT_LEVELS * 3 // 4:
            result.append(
                f"{what} lies in {low:g} to {high:g}: {levels} of {INPUT_LEVELS} int8 levels are"
                f" used (fix position {position}); (x - 128) / 128 uses all"
            )
    return result
