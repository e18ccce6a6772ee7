"""What int8 costs every activation of a model, and what may help the worst."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Callable, Dict, List, Sequence

import numpy as np

from vaiopt.int8.arithmetic import levels_used
from vaiopt.int8.model import fix_positions, integer_outputs, is_fix_position
from vaiopt.int8.vendor import is_vitis_model
from vaiopt.keras import load_keras
from vaiopt.quantize.backend import outputs_of, single_or_list
from vaiopt.quantize.tfmot.build import load_weights, make_model
from vaiopt.quantize.tfmot.graph import Graph, Node
from vaiopt.runs.records import LayerNoise

FULL_USE = 128
"""Fewer input levels than this are worth a warning: half of what int8 has."""

EXACT_DB = 120.0
"""Signal-to-noise ratio that stands for no error at all (JSON has no infinity)."""

POOR_DB = 15.0
"""Below this signal-to-noise ratio a layer gets a suggestion of its own."""

LARGE_SPREAD = 20.0
"""Ratio of the largest value to the root mean square from which few values cost all others."""

SUGGESTIONS = 5
"""Layers that get a suggestion."""

VALUES_AT_ONCE = 48_000_000
"""Values of all activations together that are held at a time, float and rounded ones each: 200 MB.
"""

MOST_VALUES, FEWEST = 200_000_000, 16
"""Values of all activations that are looked at, unless so few samples have more: ratios of energies
are steady long before.
"""

Activations = Callable[[Sequence[np.ndarray]], Dict[str, np.ndarray]]
"""Gives the values of activations ``<layer>/<tensor>`` for a batch of samples."""


class Sums:
    """What is kept of an activation and its rounded values, batch by batch."""

    def __init__(self) -> None:
        self.signal = self.error = self.largest = 0.0
        self.low, self.high, self.count = math.inf, -math.inf, 0

    def add(self, reference: np.ndarray, rounded: np.ndarray) -> None:
        """Take in the exact and the rounded values of a batch."""
        self.signal += float(np.sum(np.square(reference, dtype=np.float64)))
        self.error += float(np.sum(np.square(reference.astype(np.float64) - rounded)))
        self.low = min(self.low, float(reference.min()))
        self.high = max(self.high, float(reference.max()))
        self.largest = max(abs(self.low), abs(self.high))
        self.count += reference.size

    @property
    def decibels(self) -> float:
        """10 log10 of signal to error energy, at most :data:`EXACT_DB`."""
        if self.error == 0 or self.signal == 0:
            return EXACT_DB if self.error == 0 else -EXACT_DB
        return max(-EXACT_DB, min(EXACT_DB, 10 * math.log10(self.signal / self.error)))

    @property
    def usual(self) -> float:
        """The root mean square of the exact values."""
        return math.sqrt(self.signal / max(1, self.count))


def layer_noise(graph: Graph, model: Any, x: Sequence[np.ndarray]) -> List[LayerNoise]:
    """Return what int8 costs every activation, in the order of the layers.

    The :data:`SUGGESTIONS` worst have a suggestion, the others an empty one. The memory that it
    takes does not grow with the samples.

    Args:
        graph: the float model, prepared and placed as for quantization.
        model: the quantized model.
        x: calibration samples.
    """
    found: Dict[str, Sums] = {}
    values = activation_values(graph)
    fixed, size = fixed_activations(model), max(1, VALUES_AT_ONCE // values)
    x = [array[: max(FEWEST, MOST_VALUES // values)] for array in x]
    exact: Activations = lambda part: {}  # noqa: E731  made when the names are known
    for start in range(0, len(x[0]), size):
        part = [array[start : start + size] for array in x]
        rounded = fixed(part)
        if not found:
            exact = float_activations(graph, list(rounded))
        for name, reference in exact(part).items():
            found.setdefault(name, Sums()).add(reference, rounded[name])
    kinds = {f"{node.layer}/{node.tensor}": node.kind for node in graph}
    positions = {entry.name: entry.position for entry in fix_positions(model)}
    rows = {}
    for name, sums in found.items():
        layer, tensor = name.rsplit("/", 1)
        rows[name] = LayerNoise(layer, tensor, round(sums.decibels, 2))
    for name in sorted(rows, key=lambda name: rows[name].snr_db)[:SUGGESTIONS]:
        row, sums = rows[name], found[name]
        if row.tensor == "input" and (
            levels_used(sums.low, sums.high, positions[name]) >= FULL_USE
        ):
            continue  # nothing to gain from another range
        rows[name] = replace(row, suggestion=_suggestion(row, kinds.get(name, ""), sums))
    return list(rows.values())


def activation_values(graph: Graph) -> int:
    """Return how many values all activations of a sample have together."""
    shapes = ([size or 1 for size in node.shape[1:]] for node in graph)
    return max(1, sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes))


def float_activations(graph: Graph, wanted: Sequence[str]) -> Activations:
    """Return what gives exact float values of activations of a prepared graph."""
    found: Dict[str, Any] = {}

    def call(node: Node, layer: Any, inputs: List[Any]) -> Any:
        if node.place == "before":
            found[f"{node.layer}/{node.tensor}"] = inputs[0]
        layers[node.name] = layer
        result = layer(single_or_list(inputs))
        if node.place == "output":
            found[f"{node.layer}/{node.tensor}"] = result
        return result

    layers: Dict[str, Any] = {}
    model = make_model(graph, call, exact=True)
    load_weights(graph, layers)
    names = [name for name in wanted if name in found]
    probe = load_keras().Model(model.inputs, [found[name] for name in names])
    return lambda x: dict(zip(names, outputs_of(probe, x)))


def fixed_activations(model: Any) -> Activations:
    """Return what gives the rounded values of the activations of a quantized model of either
    backend.
    """
    if is_vitis_model(model):
        scales = {e.name: np.float32(2.0**-e.position) for e in fix_positions(model)}

        def of_vendor(x: Sequence[np.ndarray]) -> Dict[str, np.ndarray]:
            integers = integer_outputs(model, single_or_list(x))
            return {
                name: values.astype(np.float32) * scales[name] for name, values in integers.items()
            }

        return of_vendor
    points = [layer for layer in model.layers if is_fix_position(layer)]
    names = [f"{layer.float_layer}/{layer.tensor}" for layer in points]
    probe = load_keras().Model(model.inputs, [layer.output for layer in points])
    return lambda x: dict(zip(names, outputs_of(probe, x)))


def _suggestion(row: LayerNoise, kind: str, sums: Sums) -> str:
    """Return what may help a layer; empty where nothing need."""
    if row.tensor == "input":
        return "give the input a wider range: the default preprocessing uses all 256 levels"
    if kind == "Sigmoid" or row.tensor == "sigmoid":
        return (
            "the DPU's sigmoid is a clipped line: use relu or ReLU(max_value=6) here, or"
            " quantization-aware training (--method qat)"
        )
    spread = sums.largest / max(sums.usual, 1e-12)
    if spread > LARGE_SPREAD:
        return f"a few values are {spread:.0f} times the usual: ReLU(max_value=6) limits them"
    if sums.decibels < POOR_DB:
        return "fast finetuning (--method finetune), or quantization-aware training (--method qat)"
    return ""
