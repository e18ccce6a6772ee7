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
    """

    conv_cycles: int
    alu_cycles: int
    traffic: int
    peak: int
    waits: bool = False


def ceil_div(number: int, divisor: int) -> int:
    """Return the quotient, rounded up."""
    return -(-number // divisor)


def work(layer: FusedLayer, dpu: Architecture) -> Work:
    """Return what a fused layer asks of a DPU: whole groups of rows, input and output channels, as
    the hardware works in them.
    """
    main = layer.main
    traffic = _traffic(layer)
    if main.kind == "conv" and main.groups == 1:
        cycles = conv_cycles(
            layer.rows,
            layer.columns,
            main.kernel,
            main.input_shapes[0][2],
            main.output_shape[2],
            dpu,
        )
        return Work(cycles, 0, traffic, cycles * dpu.pixel_parallel * dpu.icp * dpu.ocp)
    if main.kind == "dense":
        cycles = conv_cycles(1, 1, (1, 1), main.input_shapes[0][-1], main.output_shape[-1], dpu)
        return Work(cycles, 0, traffic, cycles * dpu.pixel_parallel * dpu.icp * dpu.ocp, waits=True)
    if main.kind == "transposed":
        height, width, channels = main.input_shapes[0]
        taps = (
            ceil_div(main.kernel[0], main.strides[0]),
            ceil_div(main.kernel[1], main.strides[1]),
        )
        cycles = (
            main.strides[0]
            * main.strides[1]
            * conv_cycles(height, width, taps, channels, main.output_shape[2], dpu)
        )
        return Work(cycles, 0, traffic, cycles * dpu.pixel_parallel * dpu.icp * dpu.ocp)
    return Work(0, _alu_cycles(layer, dpu), traffic, 0)


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
    """Return the cycles of what does not run on the convolution array."""
    main = layer.main
    shape = main.output_shape
    channels = shape[-1] if shape else 1
    rows, columns = layer.rows, layer.columns
    if main.kind in ("depthwise", "conv"):
        engine = dpu.depthwise or dpu.elementwise
        source = main.input_shapes[0][2]
        area = main.kernel[0] * main.kernel[1]
        return (
            main.multiplier
            * ceil_div(rows, engine.pixels)
            * columns
            * area
            * ceil_div(source, engine.channels)
        )
    if main.kind in ("max_pool", "average_pool", "global_average_pool"):
        area = main.kernel[0] * main.kernel[1]
        return (
            ceil_div(rows, dpu.pool.pixels) * columns * area * ceil_div(channels, dpu.pool.channels)
        )
    if main.kind == "upsample" and main.function == "bilinear":
        engine = dpu.depthwise or dpu.elementwise
        # a depthwise transposed convolution with a kernel of twice the stride: 2x2 taps for each
        # output pixel
        return ceil_div(rows, engine.pixels) * columns * 4 * ceil_div(channels, engine.channels)
    if main.kind in ("add", "multiply"):
        engine = dpu.elementwise
        return (
            len(main.inputs)
            * ceil_div(rows, engine.pixels)
            * columns
            * ceil_div(channels, engine.channels)
        )
    if main.kind in ("batch_norm", "activation"):
        engine = dpu.depthwise or dpu.elementwise
        return ceil_div(rows, engine.pixels) * columns * ceil_div(channels, engine.channels)
    return 0


def _traffic(layer: FusedLayer) -> int:
    """Return the bytes of weights, inputs and output; of a sampled result only what is computed."""
    main = layer.main
    sampled = len(layer.output_shape) == 3
    output = (
        layer.rows * layer.columns * layer.output_shape[2]
        if sampled
        else elements(layer.output_shape)
    )
    inputs = main.input_size
    if main.kind == "conv" and main.kernel == (1, 1) and main.strides != (1, 1):
        inputs = layer.rows * layer.columns * main.input_shapes[0][2]
    elif main.kind in ("add", "multiply") and sampled:
        inputs = (
            inputs
            * layer.rows
            * layer.columns
            // max(1, layer.output_shape[0] * layer.output_shape[1])
        )
    return main.weights + inputs + output


def layer_cycles(asked: Work, constants: Constants) -> float:
    """Return the cycles that a layer takes: arithmetic or memory, whichever is slower, and the cost
    per layer.

    Where the arithmetic waits, both count, and the arithmetic at full speed, or else a fit could
    not tell slow memory from slow arithmetic.
    """
    memory = asked.traffic / constants.bandwidth
    if asked.waits:
        return asked.conv_cycles + asked.alu_cycles + memory + constants.overhead
    return (
        max(constants.efficiency * asked.conv_cycles + asked.alu_cycles, memory)
        + constants.overhead
    )


def limit(asked: Work, constants: Constants) -> str:
    """Return what sets a layer's time: ``compute``, ``memory``, or ``overhead`` when the cost per
    layer is more than both.
    """
    arithmetic = constants.efficiency * asked.conv_cycles + asked.alu_cycles
    memory = asked.traffic / constants.bandwidth
    if constants.overhead > max(arithmetic, memory):
        return "overhead"
    return "memory" if memory > arithmetic else "compute"
