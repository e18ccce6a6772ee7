"""The host's CPU: its target, and how long a network takes on it as an int8 TensorFlow Lite model
at one thread: a simple model, not validated.

The constants, what each means and how they were obtained are in ``data/cpu.json``.
"""

from __future__ import annotations

import functools
from typing import Dict, List, Sequence

from vaiopt.hardware.architectures import read_data
from vaiopt.hardware.device import Device
from vaiopt.hardware.estimate import Estimate, one_after_the_other
from vaiopt.hardware.fusion import FREE, FusedLayer, Placement, fuse
from vaiopt.hardware.latency import ceil_div
from vaiopt.hardware.quantized import Quantizer, output_softmaxes
from vaiopt.hardware.target import Target
from vaiopt.network.graph import LayerGraph
from vaiopt.network.sizes import elements

CHANNEL_GROUP = 16
INPUT_GROUP = 4

_NO_TFLITE = {
    "prelu": "PReLU: the int8 .tflite has none; use ReLU or LeakyReLU(0.1)",
    "clipped_relu": "ReLU with another limit than 6: the int8 .tflite has none; use ReLU(6.0)",
    "bilinear": "only nearest-neighbour up-sampling is exact in int8; use interpolation='nearest'",
}
"""Functions that the quantizer takes and :mod:`vaiopt.compile.tflite` does not."""

CPU = Device("cpu", "host CPU, int8 TensorFlow Lite", accelerator=False)


def cpu_target(release: str) -> Target:
    """Return the target ``cpu``."""
    data = read_data("cpu.json")
    title, validation = str(data["title"]), str(data["validation"])
    sources = {"latency": str(data["source"])}
    return Target(
        "cpu", title, CPU, "host", None, 1, 0.0, release, None, False, validation, sources
    )


def cpu_estimate(graph: LayerGraph, target: Target) -> Estimate:
    """Return the fused layers of a model on the CPU, and their time."""
    layers = [layer._replace(device="CPU") for layer in _fused(graph, target.release)]
    return one_after_the_other(layers, [cpu_latency_ms(layer) for layer in layers])


def _fused(graph: LayerGraph, release: str) -> List[FusedLayer]:
    """Return the fused layers, with a reason for each that cannot be compiled to int8."""
    users = graph.consumers
    quantizer, ends = Quantizer(graph, users, release), output_softmaxes(graph, users)
    reasons = []
    for operation in graph.operations:
        reason = "" if operation.name in ends else quantizer.left(operation)
        reasons.append(reason or _NO_TFLITE.get(operation.function, ""))
    return fuse(graph, [Placement("DPU", reason) for reason in reasons])


@functools.lru_cache(maxsize=None)
def constants() -> Dict[str, float]:
    """Return the measured constants in milliseconds, by name."""
    return {name: float(value) for name, value in read_data("cpu.json")["constants"].items()}


def cpu_latency_ms(layer: FusedLayer) -> float:
    """Return the predicted time of one fused layer, in milliseconds; 0 for inputs and what only
    changes the shape.
    """
    main = layer.main
    if main.kind in FREE and main.kind not in ("concat", "pad"):
        return 0.0
    rate = constants()
    milliseconds = rate["layer_ms"]
    if main.kind == "dense":
        return milliseconds + rate["dense_ms_per_million"] * main.macs / 1e6
    if main.kind in ("conv", "transposed"):
        padded = _padded(main.input_shapes[0], INPUT_GROUP) * _padded(
            main.output_shape, CHANNEL_GROUP
        )
        milliseconds += rate["conv_ms_per_million"] * main.macs * padded / 1e6
    elif main.kind == "depthwise":
        padded = _padded(main.output_shape, CHANNEL_GROUP)
        milliseconds += rate["depthwise_ms_per_million"] * main.macs * padded / 1e6
    elif main.macs:
        milliseconds += rate["dense_ms_per_million"] * main.macs / 1e6
    values = main.input_size + elements(layer.output_shape)
    return milliseconds + rate["values_ms_per_million"] * values / 1e6


def _padded(shape: Sequence[int], group: int) -> float:
    """Return by how much rounding the channels up to whole groups increases them."""
    return ceil_div(shape[-1], group) * group / shape[-1]
