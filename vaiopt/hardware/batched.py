"""How long the layers of a batch take on a DPU of Versal: each image has an engine of its own, all
of them share the weights and the way to the memory, and one host prepares the images.

Convolutions run on an array with a clock of its own (the AI engines), all else at the clock of the
target. Results stay on the chip unless they are too large. The formulas and what they were checked
against are in ``docs/reference/latency-model.md``; the constants are in ``data/latency.json``.
"""

from __future__ import annotations

from typing import List, NamedTuple, Sequence, Tuple

from vaiopt.hardware.architectures import Architecture
from vaiopt.hardware.batch_constants import Batched
from vaiopt.hardware.fusion import FREE, FusedLayer
from vaiopt.hardware.latency import work
from vaiopt.network.graph import LayerGraph
from vaiopt.network.sizes import elements

PASSED_ON = FREE - {"concat", "input"}
"""Kinds that hand on their input as it is."""


class BatchWork(NamedTuple):
    """What a layer asks of such a DPU, before any fitted constant.

    Attributes:
        array: cycles of the convolution array for one image, at full speed.
        alu: cycles of the ALU and elementwise engines for one image, at full speed.
        weights: bytes, loaded once for the batch.
        kept: bytes of one image's inputs and output, that are to stay on the chip.
        result: bytes of one image's output.
        copied: bytes of one image that a concatenation copies.
        waits: 1 where the arithmetic waits for the weights: a single pixel uses each once.
    """

    array: int = 0
    alu: int = 0
    weights: int = 0
    kept: int = 0
    result: int = 0
    copied: int = 0
    waits: int = 0


class Parts(NamedTuple):
    """Cycles of the target's clock that the parts of a layer take for a whole batch."""

    arithmetic: float
    weights: float
    moved: float
    copied: float


def values_of(graph: LayerGraph) -> Tuple[int, int]:
    """Return how many values a model's inputs and outputs have."""
    operations = graph.operations
    inputs = sum(elements(o.output_shape) for o in operations if o.kind == "input")
    return inputs, sum(elements(operations[number].output_shape) for number in graph.outputs)


def batch_works(layers: Sequence[FusedLayer], dpu: Architecture) -> List[BatchWork]:
    """Return what each fused layer asks of the DPU: of those that only change addresses, what a
    concatenation copies.
    """
    return [
        BatchWork(copied=_copied(layers, number))
        if layer.free or layer.main.kind == "softmax"
        else batch_work(layer, dpu)
        for number, layer in enumerate(layers)
    ]


def batch_work(layer: FusedLayer, dpu: Architecture) -> BatchWork:
    """Return what a fused layer that is computed asks of the DPU."""
    asked, main, shape = work(layer, dpu), layer.main, layer.output_shape
    pixels = layer.rows * layer.columns
    result = pixels * shape[2] if len(shape) == 3 else elements(shape)
    return BatchWork(
        asked.conv_cycles,
        asked.alu_cycles,
        main.weights,
        main.input_size + result,
        result,
        waits=int(asked.conv_cycles > 0 and pixels == 1),
    )


def _copied(layers: Sequence[FusedLayer], number: int) -> int:
    """Return the bytes that a concatenation copies: none where its parts are made of the same
    tensor, one right after the other, and so can be written side by side.
    """
    layer = layers[number]
    if layer.main.kind != "concat":
        return 0
    made_of = {tuple(_source(layers, i) for i in layers[s].inputs) or s for s in layer.inputs}
    return elements(layer.output_shape) if len(made_of) > 1 else 0


def _source(layers: Sequence[FusedLayer], number: int) -> int:
    """Return the layer that made a tensor, behind those that only hand it on."""
    while layers[number].main.kind in PASSED_ON and layers[number].inputs:
        number = layers[number].inputs[0]
    return number


def array_cycles(asked: BatchWork, constants: Batched, clock_mhz: float) -> float:
    """Return the cycles of the target's clock that the convolution array takes at full speed."""
    return asked.array * clock_mhz / constants.array_mhz


def parts(asked: BatchWork, constants: Batched, batch: int, clock_mhz: float) -> Parts:
    """Return the cycles of each part of a layer, for a batch of images."""
    leaves = asked.kept > constants.on_chip
    array = constants.array * array_cycles(asked, constants, clock_mhz)
    return Parts(
        arithmetic=array + constants.alu * asked.alu,
        weights=asked.weights * asked.waits / constants.weights,
        moved=batch * asked.result * leaves / constants.moved,
        copied=batch * asked.copied / constants.copied,
    )


def batch_cycles(asked: BatchWork, constants: Batched, batch: int, clock_mhz: float) -> float:
    """Return the cycles of the target's clock that a layer takes for a batch of images."""
    taken = parts(asked, constants, batch, clock_mhz)
    return sum(taken)


def batch_bound(asked: BatchWork, constants: Batched, batch: int, clock_mhz: float) -> str:
    """Return what sets a layer's time: ``compute``, ``memory``, or ``free`` without any."""
    taken = parts(asked, constants, batch, clock_mhz)
    if not any(taken):
        return "free"
    return "compute" if taken.arithmetic >= sum(taken) / 2 else "memory"
