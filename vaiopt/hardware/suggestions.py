"""One sentence per costly layer: what would make it cheaper, and by how much."""

from __future__ import annotations

from typing import Callable, List, Tuple

from vaiopt.hardware.architectures import Architecture
from vaiopt.hardware.estimate import Estimate
from vaiopt.hardware.fusion import FusedLayer
from vaiopt.hardware.latency import ceil_div, work
from vaiopt.hardware.target import Target

LEAST_SAVING = 0.04
"""A saving below this part of the layer's time is not named."""


def suggest(estimate: Estimate, number: int, target: Target) -> str:
    """Return a suggestion for one layer of an estimate."""
    layer = estimate.layers[number]
    if target.architecture is None:
        return _on_cpu(layer)
    if layer.device == "CPU":
        return f"runs on the CPU: {layer.reason or 'see its reason'}"
    now = estimate.cycles[number]
    options = _options(layer, target.architecture, estimate.cost, now)
    if options:
        saved, text = max(options)
        saved_ms = saved / (target.clock_mhz * 1000.0)
        return f"{text} (saves {saved_ms:.3f} ms, {100 * saved / now:.0f} % of this layer)"
    return _general(layer, target.architecture, estimate.bounds[number])


def _on_cpu(layer: FusedLayer) -> str:
    if layer.main.kind == "dense":
        return (
            f"{layer.main.weights} weights: fewer units, or GlobalAveragePooling2D instead of"
            " Flatten before it"
        )
    if layer.macs:
        return (
            f"{layer.macs / 1e6:.2f} million multiplications: fewer filters, a smaller kernel or a"
            " stride"
        )
    return "cost grows with its size: pool earlier"


def _options(
    layer: FusedLayer, dpu: Architecture, cost: Callable[[FusedLayer], float], now: float
) -> List[Tuple[float, str]]:
    """Return (cycles saved, text) of changes that fit the hardware's groups better."""
    main = layer.main
    if main.kind not in ("conv", "dense", "transposed", "depthwise"):
        return []
    options = []
    channels, filters = main.input_shapes[0][-1], main.output_shape[-1]

    def add(size: int, group: int, change: Callable[[int], FusedLayer], text: str) -> None:
        """Add the option of whole groups; the text gets size, groups, group, fewer and more."""
        if size > group and size % group:
            fewer, groups = size // group * group, ceil_div(size, group)
            saved = now - cost(change(fewer))
            if saved > LEAST_SAVING * now:
                options.append((saved, text.format(size, groups, group, fewer, groups * group)))

    if main.kind != "depthwise":
        add(
            filters,
            dpu.ocp,
            lambda fewer: _with_channels(layer, channels, fewer),
            "{} filters take {} groups of {}: use {}, or {} at the same cost",
        )
    add(
        channels,
        dpu.icp,
        lambda fewer: _with_channels(layer, fewer, fewer if main.kind == "depthwise" else filters),
        "{} input channels take {} groups of {}: give the layer before it {}, or {} at the same"
        " cost",
    )
    if main.kind == "conv":
        add(
            layer.rows,
            dpu.pixel_parallel,
            lambda fewer: layer._replace(rows=fewer),
            "{} rows take {} groups of {}: an input that gives {} rows",
        )
    return options


def _with_channels(layer: FusedLayer, channels: int, filters: int) -> FusedLayer:
    """Return the layer with other channel counts (weights in proportion)."""
    main = layer.main
    source, output = main.input_shapes[0], main.output_shape
    scale = filters / output[-1]
    if main.kind != "depthwise":
        scale = channels * filters / (source[-1] * output[-1])
    changed = main._replace(
        input_shapes=(source[:-1] + (channels,),),
        output_shape=output[:-1] + (filters,),
        weights=int(main.weights * scale),
    )
    return layer._replace(main=changed, output_shape=layer.output_shape[:-1] + (filters,))


def _general(layer: FusedLayer, dpu: Architecture, bound: str) -> str:
    """Return advice for a layer whose sizes already fit the hardware's groups."""
    main, asked = layer.main, work(layer, dpu)
    if bound == "overhead":
        return "its time is mostly the fixed cost of a layer: fewer, larger layers"
    if bound == "memory" and main.weights > asked.traffic / 2:
        return (
            f"limited by reading {main.weights / 1e6:.2f} million weights: fewer channels, or"
            " GlobalAveragePooling2D instead of Flatten before it"
        )
    if bound == "memory":
        return (
            f"limited by moving {asked.traffic / 1e6:.2f} MB: a smaller image (stride or pooling"
            " earlier), or fewer channels"
        )
    if main.kind == "conv" and main.input_shapes[0][2] <= 4:
        return (
            "few input channels leave most of the array idle: fewer filters, a smaller kernel, or a"
            " larger stride here"
        )
    if asked.conv_cycles:
        used = layer.macs / asked.peak
        return (
            f"fits the array well ({100 * used:.0f} % used): only fewer filters, a smaller kernel"
            " or a smaller image makes it cheaper"
        )
    return "runs on the slower ALU: a smaller window, fewer channels, or a smaller image"
