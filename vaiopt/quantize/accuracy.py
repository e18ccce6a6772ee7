"""How well a float or quantized model classifies, and where the quantized one loses."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from vaiopt.int8.arithmetic import levels_used
from vaiopt.int8.model import fix_positions, integer_outputs, is_fix_position
from vaiopt.int8.positions import FixPosition
from vaiopt.int8.vendor import is_vitis_model
from vaiopt.keras import load_keras
from vaiopt.quantize.tfmot.build import make_model, single_or_list
from vaiopt.quantize.tfmot.graph import Graph, Node
from vaiopt.tasks import classification as metrics

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

BATCH = 250


def scores(model: Any, x: Sequence[np.ndarray], y: np.ndarray) -> Dict[str, float]:
    """Return ``accuracy`` and ``macro_f1`` of a model's first output on labelled samples."""
    outputs = _outputs(model, x)[0]
    outputs = outputs.reshape(len(outputs), -1)
    classes = max(int(outputs.shape[1]), 2, int(y.max()) + 1)
    confusion = metrics.confusion_matrix(np.asarray(y), metrics.predicted_classes(outputs), classes)
    return {"accuracy": metrics.accuracy(confusion), "macro_f1": metrics.macro_f1(confusion)}


def float_activations(
    graph: Graph, x: Sequence[np.ndarray], wanted: Sequence[str]
) -> Dict[str, np.ndarray]:
    """Return the float values of activations ``<layer>/<tensor>`` of a prepared graph, the
    functions exact and not the DPU's.
    """
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
    for node in graph:
        if node.weights:
            layers[node.name].set_weights(list(node.weights.values()))
    names = [name for name in wanted if name in found]
    probe = load_keras().Model(model.inputs, [found[name] for name in names])
    return dict(zip(names, _outputs(probe, x)))


def fixed_activations(model: Any, x: Sequence[np.ndarray]) -> Dict[str, np.ndarray]:
    """Return the rounded values of the activations ``<layer>/<tensor>`` of a quantized model of
    either backend.
    """
    if is_vitis_model(model):
        positions = {entry.name: entry.position for entry in fix_positions(model)}
        integers = integer_outputs(model, list(x) if len(x) > 1 else x[0])
        return {
            name: values.astype(np.float32) * np.float32(2.0 ** -positions[name])
            for name, values in integers.items()
        }
    points = [layer for layer in model.layers if is_fix_position(layer)]
    probe = load_keras().Model(model.inputs, [layer.output for layer in points])
    return {
        f"{layer.float_layer}/{layer.tensor}": values
        for layer, values in zip(points, _outputs(probe, x))
    }


def _outputs(model: Any, x: Sequence[np.ndarray]) -> List[np.ndarray]:
    """Return all outputs of a model; few samples are computed step by step, since compiling the
    model would take longer.
    """
    inputs = list(x) if len(x) > 1 else x[0]
    if len(x[0]) <= BATCH:
        outputs = model(inputs, training=False)
    else:
        outputs = model.predict(inputs, batch_size=BATCH, verbose=0)
    return [
        np.asarray(output)
        for output in (outputs if isinstance(outputs, (list, tuple)) else [outputs])
    ]


def signal_to_noise(reference: np.ndarray, values: np.ndarray) -> float:
    """Return 10 log10 of signal to error energy, in dB, at most :data:`EXACT_DB`."""
    signal = float(np.sum(np.square(reference, dtype=np.float64)))
    noise = float(np.sum(np.square(reference.astype(np.float64) - values)))
    if noise == 0 or signal == 0:
        return EXACT_DB if noise == 0 else -EXACT_DB
    return max(-EXACT_DB, min(EXACT_DB, 10 * math.log10(signal / noise)))


def layer_noise(graph: Graph, model: Any, x: Sequence[np.ndarray]) -> List[Dict[str, Any]]:
    """Return ``[{layer, tensor, snr_db, suggestion}]`` for every activation, in the order of the
    layers.

    The five worst layers have a suggestion, the others an empty one.

    Args:
        graph: the float model, prepared and placed as for quantization.
        model: the quantized model.
        x: calibration samples.
    """
    rounded = fixed_activations(model, x)
    exact = float_activations(graph, x, list(rounded))
    kinds = {f"{node.layer}/{node.tensor}": node.kind for node in graph}
    rows = []
    for name, reference in exact.items():
        layer, tensor = name.rsplit("/", 1)
        rows.append(
            {
                "layer": layer,
                "tensor": tensor,
                "snr_db": round(signal_to_noise(reference, rounded[name]), 2),
                "suggestion": "",
            }
        )
    for row in sorted(rows, key=lambda row: float(str(row["snr_db"])))[:5]:
        name = "{layer}/{tensor}".format(**row)
        row["suggestion"] = _suggestion(
            str(row["tensor"]), kinds.get(name, ""), exact[name], float(str(row["snr_db"]))
        )
    return rows


def _suggestion(tensor: str, kind: str, values: np.ndarray, snr: float) -> str:
    """Return what may help a layer."""
    if tensor == "input":
        return "give the input a wider range: the default preprocessing uses all 256 levels"
    if kind == "Sigmoid" or tensor == "sigmoid":
        return (
            "the DPU's sigmoid is a clipped line: use relu or ReLU(max_value=6) here, or"
            " quantization-aware training (--method qat)"
        )
    spread = float(np.max(np.abs(values))) / max(
        float(np.sqrt(np.mean(np.square(values, dtype=np.float64)))), 1e-12
    )
    if spread > 20:
        return f"a few values are {spread:.0f} times the usual: ReLU(max_value=6) limits them"
    if snr < POOR_DB:
        return (
            "quantization-aware training (--method qat), or fast finetuning in the container"
            " (--backend vitis)"
        )
    return "none needed; quantization-aware training (--method qat) would help most here"


def input_report(positions: Sequence[FixPosition], x: Sequence[np.ndarray]) -> Dict[str, Any]:
    """Return position and levels of the (first) input: ``{layer, position, levels_used}``."""
    entry = next(entry for entry in positions if entry.tensor == "input")
    low, high = float(np.min(x[0])), float(np.max(x[0]))
    return {
        "layer": entry.layer,
        "position": entry.position,
        "levels_used": levels_used(low, high, entry.position),
    }


def warnings(
    graph: Graph,
    report: Dict[str, Any],
    x: Sequence[np.ndarray],
    input_range: Optional[Tuple[float, float]],
    float_layers: Sequence[Tuple[str, str]],
) -> List[str]:
    """Return what a person should know, one line each."""
    lines = []
    if report["levels_used"] < FULL_USE:
        lines.append(
            "input '{layer}' uses {levels_used} of 256 levels at position {position}; the default"
            " preprocessing uses all".format(**report)
        )
    low, high = float(np.min(x[0])), float(np.max(x[0]))
    if input_range is not None:
        slack = RANGE_TOLERANCE * (input_range[1] - input_range[0])
        if abs(low - input_range[0]) > slack or abs(high - input_range[1]) > slack:
            lines.append(
                "the calibration data range from {:.4g} to {:.4g}, the preprocessing from {:.4g} to"
                " {:.4g}".format(low, high, *input_range)
            )
    elif max(abs(low), abs(high)) < TINY:
        lines.append(
            f"the calibration data reach {max(abs(low), abs(high)):.2g} only; were they scaled"
            " twice?"
        )
    for node in graph:
        if node.tensor == "sigmoid":
            lines.append(
                f"layer '{node.layer}' is a swish, which the DPU's sigmoid can ruin; compare the"
                " accuracies, or use relu"
            )
    lines += [
        f"layer '{name}' stays in float on the CPU: {reason}" for name, reason in float_layers
    ]
    samples = len(x[0])
    if samples < 100:
        lines.append(f"positions were chosen on {samples} samples; at least 100 are advised")
    return lines
