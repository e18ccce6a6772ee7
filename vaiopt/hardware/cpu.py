"""How long a network takes on the host's CPU as an int8 TensorFlow Lite model at one thread: a
simple model, not validated.

The constants, what each means and how they were obtained are in ``data/cpu.json``.
"""

from __future__ import annotations

import functools
from typing import Dict, Sequence

from vaiopt.hardware.architectures import read_data
from vaiopt.hardware.fusion import FREE, FusedLayer
from vaiopt.hardware.latency import ceil_div
from vaiopt.network.sizes import elements

CHANNEL_GROUP = 16
INPUT_GROUP = 4


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
        milliseconds += (
            rate["depthwise_ms_per_million"]
            * main.macs
            * _padded(main.output_shape, CHANNEL_GROUP)
            / 1e6
        )
    elif main.macs:
        milliseconds += rate["dense_ms_per_million"] * main.macs / 1e6
    return (
        milliseconds
        + rate["values_ms_per_million"] * (main.input_size + elements(layer.output_shape)) / 1e6
    )


def _padded(shape: Sequence[int], group: int) -> float:
    """Return by how much rounding the channels up to whole groups increases them."""
    return ceil_div(shape[-1], group) * group / shape[-1]
