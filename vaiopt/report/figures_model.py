"""Figures of the chosen model: its mistakes, its layers on the target, and what int8 costs."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Optional

import numpy as np

from vaiopt.hardware.inspection import Inspection
from vaiopt.present import words
from vaiopt.present.figure import Figure, axis, cell_notes, names_axis, text
from vaiopt.report.data import ReportData
from vaiopt.report.ticks import linear_ticks
from vaiopt.runs.records import QuantizedMetrics
from vaiopt.sheets.inspection import layer_rows
from vaiopt.sheets.quantization import activation_name

NUMBERED_CLASSES = 20
"""With more classes the cells of a confusion matrix carry no numbers."""
DRAWN_LAYERS = 80
"""Layers that a figure draws at most."""


def confusion(evaluation: Any, name: str, title: str, unit: str = "samples") -> Figure:
    """Return the confusion matrix, true classes down, predicted ones across.

    Args:
        evaluation: of a classifier, or of masks.
        name, title: of the figure.
        unit: what is counted; of anything but samples there are many, and cells show percent.
    """
    classes = [scores.name for scores in evaluation.per_class]
    side = len(classes)
    counts = np.asarray(evaluation.confusion, np.float64).reshape(side, side)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    depth = np.sqrt(shares)
    numbered = len(classes) <= NUMBERED_CLASSES
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
            f"true %{{y}}, predicted %{{x}}<br>%{{customdata[0]}} {unit}, %{{customdata[1]:.1%}} of"
            " the class<extra></extra>"
        ),
    }
    shown = counts if unit == "samples" else np.rint(100 * shares)
    cells: List[List[Optional[float]]] = [[float(n) if n else None for n in row] for row in shown]
    style = {"type": "category", "showgrid": False}
    height = int(min(720, max(330, 80 + (34 if numbered else 10) * len(classes))))
    return Figure(
        name=name,
        title=title,
        caption="",
        traces=[trace],
        layout={
            "xaxis": axis("predicted", side="bottom", **style),
            "yaxis": axis("true", autorange="reversed", **style),
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


def layer_costs(inspection: Inspection) -> Optional[Figure]:
    """Return the predicted time of each layer on the target; ``None`` if no layer costs any."""
    rows = layer_rows(inspection)
    costly = [row for row in rows if row.latency_ms or row.macs][:DRAWN_LAYERS]
    if not costly:
        return None
    label, unit = "predicted time (ms)", 1.0
    if max(row.latency_ms for row in costly) < 0.1:
        label, unit = "predicted time (µs)", 1000.0
    traces = []
    devices = sorted({row.device for row in costly}, reverse=True)
    # Orange is for what a DPU leaves to the CPU; where all runs on the CPU nothing is left over.
    for device, colour in zip(devices, ("@blue", "@orange") if "DPU" in devices else ("@blue",)):
        own = [row for row in costly if row.device == device]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": f"on the {device}",
                "y": [text(row.name) for row in own],
                "x": [unit * row.latency_ms for row in own],
                "text": [words.milliseconds(row.latency_ms) for row in own],
                "textposition": "auto",
                "marker": {"color": colour},
                "customdata": [[text(row.kind), row.macs, row.params, row.bound] for row in own],
                "hovertemplate": (
                    "%{y} (%{customdata[0]}): %{x:.4g}<br>%{customdata[1]:,} MACs,"
                    " %{customdata[2]:,} parameters<br>limited by: %{customdata[3]}<extra></extra>"
                ),
            }
        )
    columns = ("name", "kind", "device", "macs", "params", "latency_ms", "share", "bound")
    names = {"categoryorder": "array", "categoryarray": [text(row.name) for row in costly]}
    return Figure(
        name="layer_costs",
        title=f"Cost of each layer on {inspection.target.name}",
        caption=(
            "From the latency model, layer by layer as the target runs them: activations and batch"
            " normalisation are part of what they follow."
        ),
        traces=traces,
        layout={
            "showlegend": len(devices) > 1,
            "margin": {} if len(devices) > 1 else {"t": 8},
            "xaxis": axis(label, rangemode="tozero"),
            "yaxis": names_axis(**names),
        },
        columns=("layer", *columns[1:]),
        rows=[[getattr(row, column) for column in columns] for row in rows],
        height=110 + 22 * len(costly),
    )


def quantization_loss(record: QuantizedMetrics) -> Optional[Figure]:
    """Return the signal-to-noise ratio of each layer's int8 output against its float output;
    ``None`` if it was not recorded.
    """
    layers = record.layers[:DRAWN_LAYERS]
    if not layers:
        return None
    worst = min(noise.snr_db for noise in layers)
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [text(activation_name(noise)) for noise in layers],
        "x": [noise.snr_db for noise in layers],
        "text": [f"{noise.snr_db:.1f} dB" for noise in layers],
        "textposition": "auto",
        "marker": {"color": ["@orange" if n.snr_db == worst else "@blue" for n in layers]},
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
            "yaxis": names_axis(),
            "margin": {"t": 8},
        },
        columns=("layer", "tensor", "snr_db"),
        rows=[(noise.layer, noise.tensor, noise.snr_db) for noise in layers],
        height=90 + 24 * len(layers),
    )


def stages(data: ReportData) -> Optional[Figure]:
    """Return the test score of the float, the int8 and the measured model side by side; ``None``
    with fewer than two of them.
    """
    key = data.learned.headline
    name, share = words.score_name(key), words.is_share(key)
    tests = [("float", data.float_test), ("int8", data.int8_test)]
    steps = [(kind, test.headline, test.samples) for kind, test in tests if test is not None]
    steps += [(f"measured on {t}", m.headline, m.samples) for t, m in data.measured.items()]
    if len(steps) < 2:
        return None
    colours = ["@grey", "@blue", "@teal", "@rose", "@orange"]
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [text(label) for label, _, _ in steps],
        "x": [score for _, score, _ in steps],
        "text": [words.metric(key, score) for _, score, _ in steps],
        "textposition": "outside",
        "textfont": {"color": "@ink", "size": 13},
        "cliponaxis": False,
        "marker": {"color": (colours + ["@blue"] * len(steps))[: len(steps)]},
        "hovertemplate": f"%{{y}}: %{{x:{'.2%' if share else '.4g'}}}<extra></extra>",
    }
    lowest = min(score for _, score, _ in steps)
    floor = max(0.0, math.floor((lowest - 0.05) * 20) / 20) if share else 0.0
    scale = _share_axis(floor) if share else {}
    counts = {samples for _, _, samples in steps}
    caption = "On the test split"
    if len(counts) == 1:
        caption = f"The same {words.count(counts.pop())} test samples each time"
    return Figure(
        name="float_int8_measured",
        title=f"Test {name} from float to the target",
        caption=caption + (f"; the axis starts at {floor:.0%}." if floor else "."),
        traces=[trace],
        layout={
            "showlegend": False,
            "xaxis": axis(f"test {name}", **scale),
            "yaxis": names_axis(),
            "margin": {"t": 8},
        },
        columns=("model", name),
        rows=[(label, score) for label, score, _ in steps],
        height=80 + 46 * len(steps),
    )


def _share_axis(floor: float) -> Dict[str, Any]:
    """Return an axis in percent from ``floor`` to 1, with room for texts beyond."""
    places = linear_ticks(floor, 1.0)
    ticks = [f"{100 * place:.4g}%" for place in places]
    return {"range": [floor, 1.0 + (1.0 - floor) * 0.16], "tickvals": places, "ticktext": ticks}
