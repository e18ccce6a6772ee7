"""How long a fused layer takes on a DPU: cycles of arithmetic or of memory traffic, whichever is
more, and a cost per layer.

The formulas, their constants and what they were checked against are in
``docs/reference/latency-model.md``; the constants of each board and release are in
``data/latency.json``, written by ``scripts/fit-latency`` from the vendor's published tables.
"""

from __future__ import annotations

from typing import NamedTuple, Tuple

from vaiopt.hardware.architectures import Architecture
from vaiopt.hardware.fits import Constants
from vaiopt.hardware.fusion import FusedLayer
from vaiopt.network.sizes import elements

AUGMENTED_CHANNELS = 4
"""Up to this many input channels, the columns of a kernel share the input channel parallelism
(channel augmentation).
"""


class Work(NamedTuple):
    """What a layer asks of a DPU, before any fitted constant.

    Attributes:
        conv_cycles: cycles of the convolution array at full speed.
        alu_cycles: cycles of the ALU and elementwise engines at full speed.
        traffic: bytes read and written.
        peak: multiply-accumulates that the convolution array could have done in ``conv_cycles``.
        waits: True if the arithmetic waits for the memory instead of running beside it: a dense
            layer uses each weight once.
        contended: bytes of ``traffic`` for which cores that work at the same time wait. Not those
            of a depthwise layer: with them, MobileNets on three cores come out 25 % too slow.
    """

    conv_cycles: int
    alu_cycles: int
    traffic: int
    peak: int
    waits: bool = False
    contended: int = 0


def ceil_div(number: int, divisor: int) -> int:
    """Return the quotient, rounded up."""
    return -(-number // divisor)


def work(layer: FusedLayer, dpu: Architecture) -> Work:
    """Return what a fused layer asks of a DPU: whole groups of rows, input and output channels, as
    the hardware works in them.
    """
    main = layer.main
    traffic, source = _traffic(layer), main.input_shapes[0] if main.input_shapes else ()
    filters = main.output_shape[-1] if main.output_shape else 1
    if main.kind == "conv" and main.groups == 1:
        cycles = conv_cycles(layer.rows, layer.columns, main.kernel, source[2], filters, dpu)
    elif main.kind == "dense":
        cycles = conv_cycles(1, 1, (1, 1), source[-1], filters, dpu)
    elif main.kind == "transposed":
        (rows, columns), (down, right) = main.kernel, main.strides
        taps = ceil_div(rows, down), ceil_div(columns, right)
        cycles = down * right * conv_cycles(source[0], source[1], taps, source[2], filters, dpu)
    else:
        shared = 0 if main.kind == "depthwise" else traffic
        return Work(0, _alu_cycles(layer, dpu), traffic, 0, contended=shared)
    peak = cycles * dpu.pixel_parallel * dpu.icp * dpu.ocp
    return Work(cycles, 0, traffic, peak, waits=main.kind == "dense", contended=traffic)


def conv_cycles(
    rows: int, columns: int, kernel: Tuple[int, int], channels: int, filters: int, dpu: Architecture
) -> int:
    """Return the cycles of a convolution with ``rows`` x ``columns`` output pixels on the
    convolution array.
    """
    if channels <= AUGMENTED_CHANNELS:
        taps = kernel[0] * ceil_div(kernel[1] * channels, dpu.icp)
    else:
        taps = kernel[0] * kernel[1] * ceil_div(channels, dpu.icp)
    return ceil_div(rows, dpu.pixel_parallel) * columns * taps * ceil_div(filters, dpu.ocp)


def _alu_cycles(layer: FusedLayer, dpu: Architecture) -> int:
    """Return the cycles of what does not run on the convolution array; 0 for what only moves
    values.
    """
    main = layer.main
    engine = dpu.depthwise or dpu.elementwise
    channels = main.output_shape[-1] if main.output_shape else 1
    if main.kind in ("depthwise", "conv"):
        channels = main.input_shapes[0][2]
        steps = main.multiplier * main.kernel[0] * main.kernel[1]
    elif main.kind in ("max_pool", "average_pool", "global_average_pool"):
        engine, steps = dpu.pool, main.kernel[0] * main.kernel[1]
    elif main.kind == "upsample" and main.function == "bilinear":
        # a depthwise transposed convolution with a kernel of twice the stride: 2x2 taps for each
        # output pixel
        steps = 4
    elif main.kind in ("add", "multiply"):
        engine, steps = dpu.elementwise, len(main.inputs)
    elif main.kind in ("batch_norm", "activation"):
        steps = 1
    else:
        return 0
    groups = ceil_div(layer.rows, engine.pixels) * ceil_div(channels, engine.channels)
    return steps * layer.columns * groups


def _traffic(layer: FusedLayer) -> int:
    """Return the bytes of weights, inputs and output; of a sampled result only what is computed."""
    main = layer.main
    pixels, shape, inputs = layer.rows * layer.columns, layer.output_shape, main.input_size
    sampled = len(shape) == 3
    if main.kind == "conv" and main.kernel == (1, 1) and main.strides != (1, 1):
        inputs = pixels * main.input_shapes[0][2]
    elif main.kind in ("add", "multiply") and sampled:
        inputs = inputs * pixels // max(1, shape[0] * shape[1])
    return main.weights + inputs + (pixels * shape[2] if sampled else elements(shape))


def layer_cycles(asked: Work, constants: Constants) -> float:
    """Return the cycles that a layer takes: arithmetic or memory, whichever is slower, the cost per
    layer, and the wait for other cores.

    Where the arithmetic waits, both count, and the arithmetic at full speed, or else a fit could
    not tell slow memory from slow arithmetic.
    """
    memory = asked.traffic / constants.bandwidth
    more = constants.overhead + constants.contention * asked.contended / constants.bandwidth
    if asked.waits:
        return asked.conv_cycles + asked.alu_cycles + memory + more
    arithmetic = constants.efficiency * asked.conv_cycles + asked.alu_cycles
    return max(arithmetic, memory) + more


def limit(asked: Work, constants: Constants) -> str:
    """Return what sets a layer's time: ``compute``, ``memory``, or ``overhead`` when the cost per
    layer is more than both.
    """
    arithmetic = constants.efficiency * asked.conv_cycles + asked.alu_cycles
    memory = asked.traffic / constants.bandwidth
    if constants.overhead > max(arithmetic, memory):
        return "overhead"
    return "memory" if memory > arithmetic else "compute"
