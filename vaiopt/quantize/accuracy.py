"""How well a float or quantized model classifies, and where the quantized one loses."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from vaiopt.int8.arithmetic import levels_used
from vaiopt.int8.model import fix_positions, integer_outputs, is_fix_position
from vaiopt.int8.positions import FixPosition
from vaiopt.int8.vendor import is_vitis_model
from vaiopt.keras import load_keras
from vaiopt.quantize.backend import FloatLayer, single_or_list
from vaiopt.quantize.labels import Judge
from vaiopt.quantize.tfmot.build import load_weights, make_model
from vaiopt.quantize.tfmot.graph import Graph, Node
from vaiopt.runs.records import InputUse, LayerNoise

FULL_USE = 128
"""Fewer input levels than this are worth a warning: half of what int8 has."""

RANGE_TOLERANCE = 0.1
"""Share of the preprocessing's range by which calibration data may fall short of it or exceed it.
"""

TINY = 0.05
"""Preprocessed data that reach less are unusual."""

EXACT_DB = 120.0
"""Signal-to-noise ratio that stands for no error at all (JSON has no infinity)."""

POOR_DB = 15.0
"""Below this signal-to-noise ratio a layer gets a suggestion of its own."""

LARGE_SPREAD = 20.0
"""Ratio of the largest value to the root mean square from which few values cost all others."""

SUGGESTIONS = 5
"""Layers that get a suggestion."""

ADVISED_SAMPLES = 100
"""Calibration samples on which positions are steady."""

BATCH = 250


def scores(model: Any, x: Sequence[np.ndarray], judge: Optional[Judge]) -> Dict[str, float]:
    """Return the scores of a model's first output on labelled samples; none without a judge."""
    return {} if judge is None else judge.scores(_outputs(model, x)[0])


def float_activations(
    graph: Graph, x: Sequence[np.ndarray], wanted: Sequence[str]
) -> Dict[str, np.ndarray]:
    """Return exact float values of activations ``<layer>/<tensor>`` of a prepared graph."""
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
    return dict(zip(names, _outputs(probe, x)))


def fixed_activations(model: Any, x: Sequence[np.ndarray]) -> Dict[str, np.ndarray]:
    """Return the rounded values of the activations of a quantized model of either backend."""
    if is_vitis_model(model):
        scales = {e.name: np.float32(2.0**-e.position) for e in fix_positions(model)}
        integers = integer_outputs(model, single_or_list(x))
        return {name: values.astype(np.float32) * scales[name] for name, values in integers.items()}
    points = [layer for layer in model.layers if is_fix_position(layer)]
    names = [f"{layer.float_layer}/{layer.tensor}" for layer in points]
    probe = load_keras().Model(model.inputs, [layer.output for layer in points])
    return dict(zip(names, _outputs(probe, x)))


def _outputs(model: Any, x: Sequence[np.ndarray]) -> List[np.ndarray]:
    """Return all outputs; few samples step by step, since compiling the model takes longer."""
    inputs = single_or_list(x)
    if len(x[0]) <= BATCH:
        outputs = model(inputs, training=False)
    else:
        outputs = model.predict(inputs, batch_size=BATCH, verbose=0)
    several = isinstance(outputs, (list, tuple))
    return [np.asarray(output) for output in (outputs if several else [outputs])]


def signal_to_noise(reference: np.ndarray, values: np.ndarray) -> float:
    """Return 10 log10 of signal to error energy, in dB, at most :data:`EXACT_DB`."""
    signal = float(np.sum(np.square(reference, dtype=np.float64)))
    noise = float(np.sum(np.square(reference.astype(np.float64) - values)))
    if noise == 0 or signal == 0:
        return EXACT_DB if noise == 0 else -EXACT_DB
    return max(-EXACT_DB, min(EXACT_DB, 10 * math.log10(signal / noise)))


def layer_noise(graph: Graph, model: Any, x: Sequence[np.ndarray]) -> List[LayerNoise]:
    """Return what int8 costs every activation, in the order of the layers.

    The :data:`SUGGESTIONS` worst have a suggestion, the others an empty one.

    Args:
        graph: the float model, prepared and placed as for quantization.
        model: the quantized model.
        x: calibration samples.
    """
    rounded = fixed_activations(model, x)
    exact = float_activations(graph, x, list(rounded))
    kinds = {f"{node.layer}/{node.tensor}": node.kind for node in graph}
    positions = {entry.name: entry.position for entry in fix_positions(model)}
    rows = {}
    for name, reference in exact.items():
        layer, tensor = name.rsplit("/", 1)
        rows[name] = LayerNoise(layer, tensor, round(signal_to_noise(reference, rounded[name]), 2))
    for name in sorted(rows, key=lambda name: rows[name].snr_db)[:SUGGESTIONS]:
        row = rows[name]
        if row.tensor == "input" and _uses_its_levels(exact[name], positions[name]):
            continue
        advice = _suggestion(row.tensor, kinds.get(name, ""), exact[name], row.snr_db)
        rows[name] = replace(row, suggestion=advice)
    return list(rows.values())


def _uses_its_levels(values: np.ndarray, position: int) -> bool:
    """Tell whether an input has nothing to gain from another range."""
    return levels_used(float(values.min()), float(values.max()), position) >= FULL_USE


def _suggestion(tensor: str, kind: str, values: np.ndarray, snr: float) -> str:
    """Return what may help a layer; empty where nothing need."""
    if tensor == "input":
        return "give the input a wider range: the default preprocessing uses all 256 levels"
    if kind == "Sigmoid" or tensor == "sigmoid":
        return (
            "the DPU's sigmoid is a clipped line: use relu or ReLU(max_value=6) here, or"
            " quantization-aware training (--method qat)"
        )
    usual = float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
    spread = float(np.max(np.abs(values))) / max(usual, 1e-12)
    if spread > LARGE_SPREAD:
        return f"a few values are {spread:.0f} times the usual: ReLU(max_value=6) limits them"
    if snr < POOR_DB:
        return (
            "quantization-aware training (--method qat), or fast finetuning in the container"
            " (--backend vitis)"
        )
    return ""


def input_use(positions: Sequence[FixPosition], x: Sequence[np.ndarray]) -> InputUse:
    """Return how the (first) input uses its levels."""
    entry = next(entry for entry in positions if entry.tensor == "input")
    low, high = float(np.min(x[0])), float(np.max(x[0]))
    return InputUse(entry.layer, entry.position, levels_used(low, high, entry.position))


def warnings(
    graph: Graph,
    use: InputUse,
    x: Sequence[np.ndarray],
    input_range: Optional[Tuple[float, float]],
    float_layers: Sequence[FloatLayer],
) -> List[str]:
    """Return what a person should know, one line each."""
    lines = []
    if use.levels_used < FULL_USE:
        lines.append(
            f"input '{use.layer}' uses {use.levels_used} of 256 levels at position {use.position};"
            " the default preprocessing uses all"
        )
    low, high = float(np.min(x[0])), float(np.max(x[0]))
    reach = max(abs(low), abs(high))
    if input_range is not None:
        lowest, highest = input_range
        slack = RANGE_TOLERANCE * (highest - lowest)
        if abs(low - lowest) > slack or abs(high - highest) > slack:
            lines.append(
                f"the calibration data range from {low:.4g} to {high:.4g}, the preprocessing from"
                f" {lowest:.4g} to {highest:.4g}"
            )
    elif reach < TINY:
        lines.append(f"the calibration data reach {reach:.2g} only; were they scaled twice?")
    lines += [
        f"layer '{node.layer}' is a swish, which the DPU's sigmoid can ruin; compare the"
        " accuracies, or use relu"
        for node in graph
        if node.tensor == "sigmoid"
    ]
    lines += [f"layer '{name}' stays in float on the CPU: {why}" for name, why in float_layers]
    if len(x[0]) < ADVISED_SAMPLES:
        lines.append(
            f"positions were chosen on {len(x[0])} samples; at least {ADVISED_SAMPLES} are advised"
        )
    return lines
