"""Figures of the chosen model: its mistakes, its weights, its layers on the target, and what int8
costs.
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from vaiopt.present import words as labels
from vaiopt.present.figure import Figure, axis, cell_notes, file_stem, text
from vaiopt.report.data import ReportData
from vaiopt.report.ticks import linear_ticks
from vaiopt.report.weights import Initial, WeightTensor

MAX_CLASSES_WITH_NUMBERS = 20
MAX_WEIGHT_FIGURES = 16
MAX_LAYERS = 80


def confusion(evaluation: Dict[str, Any], name: str, title: str) -> Optional[Figure]:
    """Return the confusion matrix of an ``evaluation.json``, true classes down, predicted ones
    across; ``None`` if it has none.
    """
    matrix = evaluation.get("confusion")
    if not matrix:
        return None
    classes = [str(entry["class"]) for entry in evaluation.get("per_class", [])] or [
        str(i) for i in range(len(matrix))
    ]
    counts = np.asarray(matrix, np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    depth = np.sqrt(shares)
    numbered = len(classes) <= MAX_CLASSES_WITH_NUMBERS
    trace = {
        "type": "heatmap",
        "x": [text(c) for c in classes],
        "y": [text(c) for c in classes],
        "z": depth,
        "zmin": 0,
        "zmax": 1,
        "colorscale": "@scale",
        "xgap": 1,
        "ygap": 1,
        "showscale": False,
        "customdata": [
            [[int(n), float(s)] for n, s in zip(row, line)] for row, line in zip(counts, shares)
        ],
        "hovertemplate": (
            "true %{y}, predicted %{x}<br>%{customdata[0]} samples, %{customdata[1]:.1%} of the"
            " class<extra></extra>"
        ),
    }
    cells: List[List[Optional[float]]] = [[float(n) if n else None for n in row] for row in counts]
    side = {"type": "category", "showgrid": False}
    height = int(min(720, max(330, 80 + (34 if numbered else 10) * len(classes))))
    return Figure(
        name=name,
        title=title,
        caption="",
        traces=[trace],
        layout={
            "xaxis": axis("predicted", side="bottom", **side),
            "yaxis": axis("true", autorange="reversed", **side),
            "annotations": (
                cell_notes(cells, "scale", float, "{:.0f}", depth.tolist()) if numbered else []
            ),
            "showlegend": False,
            "margin": {"t": 8},
        },
        columns=["true", *classes],
        rows=[[label, *row] for label, row in zip(classes, counts.astype(int).tolist())],
        height=height,
        min_width=340 if numbered and len(classes) > 8 else 0,
    )


def weight_distribution(tensor: WeightTensor) -> Figure:
    """Return a kernel's distribution before and after training, with the levels of its int8 grid if
    it has a fix position.

    The bars are whole numbers of int8 steps wide, so that they show what the grid can tell apart.
    """
    values = tensor.values.astype(np.float64).ravel()
    edges = _edges(values, tensor.step)
    density, _ = np.histogram(values, bins=edges, density=True)
    middle = (edges[1:] + edges[:-1]) / 2
    traces: List[Dict[str, Any]] = [
        {
            "type": "bar",
            "name": "trained",
            "x": middle,
            "y": density,
            "width": float(edges[1] - edges[0]),
            "marker": {"color": "@blue", "line": {"width": 0}},
            "hovertemplate": "around %{x:.4f}: density %{y:.3g}<extra></extra>",
        }
    ]
    rows = [("trained", *row) for row in zip(edges, edges[1:], density)]
    if tensor.before is not None:
        started, drawn = tensor.before.density()
        traces += (
            [
                _before(
                    np.append(started[:1], started),
                    np.concatenate([[0.0], drawn, [0.0]]),
                    {"shape": "hv"},
                )
            ]
            if len(drawn)
            else []
        )
        rows += [("before training", *row) for row in zip(started, started[1:], drawn)]
    elif tensor.initial is not None:
        places = _places(tensor.initial, edges)
        traces.append(_before(places, tensor.initial.density(places), {"dash": "dash"}))
    if tensor.step is not None and tensor.changed:
        traces.append(_deployed_outline(tensor, tensor.step))
    if tensor.step is not None:
        codes = tensor.quantized()
        levels = np.arange(int(codes.min()), int(codes.max()) + 1) * tensor.step
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "int8 levels",
                "x": levels,
                "y": np.zeros(len(levels)),
                "marker": {
                    "symbol": "line-ns-open",
                    "size": 7,
                    "color": "@teal",
                    "line": {"width": 1},
                },
                "hovertemplate": "int8 level %{x:.5f}<extra></extra>",
            }
        )
    return Figure(
        name=f"weights_{file_stem(tensor.layer)}_{file_stem(tensor.name)}",
        title=f"{tensor.layer} · {tensor.name}",
        caption="",
        traces=traces,
        layout={"xaxis": {"nticks": 6}, "yaxis": {"nticks": 5}, "bargap": 0},
        columns=("weights", "from", "to", "density"),
        rows=[(when, float(a), float(b), float(d)) for when, a, b, d in rows],
        height=230,
        small=True,
    )


def _places(initial: Initial, edges: np.ndarray) -> np.ndarray:
    """Return where to draw the density of an initializer: over the trained weights and all that it
    draws.
    """
    reach = max(abs(edges[0]), abs(edges[-1]), abs(initial.mean) + 1.05 * initial.spread)
    return np.linspace(-reach, reach, 161)


def _before(places: np.ndarray, density: np.ndarray, line: Dict[str, str]) -> Dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "before training",
        "x": places,
        "y": density,
        "line": {"color": "@orange", "width": 1.8, **line},
        "hoverinfo": "skip",
    }


def _deployed_outline(tensor: WeightTensor, step: float) -> Dict[str, Any]:
    """Return the density of the int8 weights as deployed, for a tensor that quantization did more
    to than round.
    """
    values = tensor.quantized().astype(np.float64).ravel() * step
    edges = _edges(values, step)
    density, _ = np.histogram(values, bins=edges, density=True)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "int8, as deployed",
        "x": (edges[1:] + edges[:-1]) / 2,
        "y": density,
        "line": {"color": "@teal", "width": 1.8, "shape": "hvh"},
        "hoverinfo": "skip",
    }


def _edges(values: np.ndarray, step: Optional[float], most: int = 64) -> np.ndarray:
    """Return the edges of at most ``most`` equal bins over the values; with a ``step``, whole steps
    wide and centred on levels.
    """
    low, high = float(values.min()), float(values.max())
    if step is None:
        pad = (high - low) / 2 or max(abs(low), 1.0) * 0.5
        return np.linspace(low, high, 49) if high > low else np.linspace(low - pad, low + pad, 3)
    first, last = math.floor(low / step + 0.5), math.floor(high / step + 0.5)
    width = max(1, int(math.ceil((last - first + 1) / most)))
    count = int(math.ceil((last - first + 1) / width))
    return (first - 0.5 + width * np.arange(count + 1)) * step


def shown_kernels(weights: Sequence[WeightTensor]) -> List[WeightTensor]:
    """Return the kernels to draw: all if they are few, else those that rounding to int8 hurts most,
    in order of the layers.
    """
    kernels = [w for w in weights if w.is_kernel and w.values.size > 1]
    ranked = sorted(range(len(kernels)), key=lambda i: (_loss_rank(kernels[i]), i))[
        :MAX_WEIGHT_FIGURES
    ]
    return [kernels[i] for i in sorted(ranked)]


def _loss_rank(tensor: WeightTensor) -> float:
    ratio = tensor.snr_db()
    return math.inf if ratio is None else ratio


def layer_costs(layers: Sequence[Dict[str, Any]], target: str) -> Optional[Figure]:
    """Return the predicted time of each layer on the target, or its operations where there is no
    time; ``None`` without layers.

    Args:
        layers: rows of :func:`vaiopt.report.layers.layer_rows`.
    """
    costly = [row for row in layers if row["latency_ms"] or row["macs"]][:MAX_LAYERS]
    if not costly:
        return None
    timed = any(row["latency_ms"] for row in costly)
    key, label, unit = (
        ("latency_ms", "predicted time (ms)", 1.0) if timed else ("macs", labels.name("macs"), 1.0)
    )
    if timed and max(row["latency_ms"] or 0.0 for row in costly) < 0.1:
        label, unit = "predicted time (µs)", 1000.0
    traces = []
    devices = sorted({row["device"] for row in costly}, reverse=True)
    # Orange is for what a DPU leaves to the CPU; where all runs on the CPU nothing is left over.
    for device, colour in zip(devices, ("@blue", "@orange") if "DPU" in devices else ("@blue",)):
        own = [row for row in costly if row["device"] == device]
        if own:
            traces.append(
                {
                    "type": "bar",
                    "orientation": "h",
                    "name": f"on the {device}",
                    "y": [text(row["name"]) for row in own],
                    "x": [unit * (row[key] or 0) for row in own],
                    "marker": {"color": colour},
                    "customdata": [
                        [text(row["kind"]), row["macs"] or 0, row["params"] or 0, row["bound"]]
                        for row in own
                    ],
                    "hovertemplate": (
                        "%{y} (%{customdata[0]}): %{x:.4g}<br>%{customdata[1]:,} MACs,"
                        " %{customdata[2]:,} parameters<br>limited by:"
                        " %{customdata[3]}<extra></extra>"
                    ),
                }
            )
    return Figure(
        name="layer_costs",
        title=f"Cost of each layer on {target}",
        caption=(
            "From the latency model, layer by layer as the target runs them: activations and batch"
            " normalisation are part of what they follow."
        ),
        traces=traces,
        layout={
            "showlegend": len(devices) > 1,
            "margin": {} if len(devices) > 1 else {"t": 8},
            "xaxis": axis(label, rangemode="tozero"),
            "yaxis": {
                "type": "category",
                "categoryorder": "array",
                "categoryarray": [text(row["name"]) for row in costly],
                "autorange": "reversed",
                "showgrid": False,
            },
        },
        columns=("layer", "kind", "device", "macs", "params", "latency_ms", "share", "bound"),
        rows=[
            [
                row[k]
                for k in (
                    "name",
                    "kind",
                    "device",
                    "macs",
                    "params",
                    "latency_ms",
                    "share",
                    "bound",
                )
            ]
            for row in layers
        ],
        height=110 + 22 * len(costly),
    )


def quantization_loss(quantized: Dict[str, Any]) -> Optional[Figure]:
    """Return the signal-to-noise ratio of each layer's int8 output against its float output;
    ``None`` if it was not recorded.
    """
    layers = [entry for entry in quantized.get("layers", []) if entry.get("snr_db") is not None][
        :MAX_LAYERS
    ]
    if not layers:
        return None
    worst = min(float(entry["snr_db"]) for entry in layers)
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [text(activation_name(entry)) for entry in layers],
        "x": [float(entry["snr_db"]) for entry in layers],
        "marker": {
            "color": ["@orange" if float(entry["snr_db"]) == worst else "@blue" for entry in layers]
        },
        "hovertemplate": "%{y}: %{x:.1f} dB<extra></extra>",
    }
    return Figure(
        name="quantization_loss",
        title="Quantization loss by layer",
        caption=(
            "Signal-to-noise ratio of each layer's output, int8 against float: higher is better, 6"
            " dB are one bit. The lowest is set off."
        ),
        traces=[trace],
        layout={
            "showlegend": False,
            "xaxis": axis("signal-to-noise ratio (dB)", rangemode="tozero"),
            "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False},
            "margin": {"t": 8},
        },
        columns=("layer", "tensor", "snr_db"),
        rows=[(entry["layer"], entry.get("tensor", "output"), entry["snr_db"]) for entry in layers],
        height=90 + 24 * len(layers),
    )


def activation_name(entry: Dict[str, Any]) -> str:
    """Return the name of an activation of ``quantized/metrics.json``: its layer's, with the tensor
    if that is not the layer's output.
    """
    tensor = str(entry.get("tensor", "output"))
    return (
        str(entry["layer"])
        if tensor == "output"
        else "{} ({})".format(entry["layer"], tensor.replace("_", " "))
    )


def stages(data: ReportData) -> Optional[Figure]:
    """Return the test accuracy of the float, the int8 and the measured model side by side; ``None``
    with fewer than two of them.
    """
    steps = [("float", data.float_test), ("int8", data.int8_test)] + [
        ("measured on " + t, m) for t, m in data.measured.items()
    ]
    known = [
        (label, float(content["accuracy"]))
        for label, content in steps
        if content and content.get("accuracy") is not None
    ]
    if len(known) < 2:
        return None
    low = min(accuracy for _, accuracy in known)
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [text(label) for label, _ in known],
        "x": [accuracy for _, accuracy in known],
        "text": [labels.percent(accuracy) for _, accuracy in known],
        "textposition": "outside",
        "textfont": {"color": "@ink", "size": 13},
        "cliponaxis": False,
        "marker": {
            "color": (
                ["@grey", "@blue", "@teal", "@rose", "@orange"][: len(known)]
                + ["@blue"] * max(0, len(known) - 5)
            )
        },
        "hovertemplate": "%{y}: %{x:.2%}<extra></extra>",
    }
    floor = max(0.0, math.floor((low - 0.05) * 20) / 20)
    samples = {content.get("samples") for _, content in steps if content}
    caption = (
        f"The same {labels.count(samples.pop())} test samples each time"
        if len(samples) == 1 and None not in samples
        else "On the test split"
    )
    return Figure(
        name="float_int8_measured",
        title="Test accuracy from float to the target",
        caption=caption + (f"; the axis starts at {floor:.0%}." if floor else "."),
        traces=[trace],
        layout={
            "showlegend": False,
            "xaxis": axis(
                "test accuracy",
                range=[floor, 1.0 + (1.0 - floor) * 0.16],
                tickvals=linear_ticks(floor, 1.0),
                ticktext=[f"{100 * place:.4g}%" for place in linear_ticks(floor, 1.0)],
            ),
            "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False},
            "margin": {"t": 8},
        },
        columns=("model", "accuracy"),
        rows=known,
        height=80 + 46 * len(known),
    )
