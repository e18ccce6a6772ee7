"""Figures of the chosen model's weights."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from vaiopt.present.figure import Figure, file_stem
from vaiopt.report.weights import Initial, WeightTensor

DRAWN_KERNELS = 16
"""Kernels that are drawn at most."""


def weight_distribution(tensor: WeightTensor) -> Figure:
    """Return a kernel's distribution before and after training, with the levels of its int8 grid if
    it has a fix position.

    The bars are whole numbers of int8 steps wide, so that they show what the grid can tell apart.
    """
    values = _finite(tensor.values)
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
        if len(drawn):
            heights = np.concatenate([[0.0], drawn, [0.0]])
            traces.append(_before(np.append(started[:1], started), heights, {"shape": "hv"}))
        rows += [("before training", *row) for row in zip(started, started[1:], drawn)]
    elif tensor.initial is not None:
        places = _places(tensor.initial, edges)
        traces.append(_before(places, tensor.initial.density(places), {"dash": "dash"}))
    if tensor.step is not None and tensor.changed:
        traces.append(_deployed_outline(tensor, tensor.step))
    if tensor.step is not None:
        traces.append(_levels(tensor, tensor.step))
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


def _finite(values: np.ndarray) -> np.ndarray:
    """Return the values that are numbers, flat: a training that diverged leaves others too."""
    flat = values.astype(np.float64).ravel()
    return flat[np.isfinite(flat)]


def _levels(tensor: WeightTensor, step: float) -> Dict[str, Any]:
    codes = tensor.quantized()
    levels = np.arange(int(codes.min()), int(codes.max()) + 1) * step
    marker = {"symbol": "line-ns-open", "size": 7, "color": "@teal", "line": {"width": 1}}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "int8 levels",
        "x": levels,
        "y": np.zeros(len(levels)),
        "marker": marker,
        "hovertemplate": "int8 level %{x:.5f}<extra></extra>",
    }


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
    kernels = [w for w in weights if w.is_kernel and len(_finite(w.values)) > 1]
    ranked = sorted(range(len(kernels)), key=lambda i: (_loss_rank(kernels[i]), i))[:DRAWN_KERNELS]
    return [kernels[i] for i in sorted(ranked)]


def _loss_rank(tensor: WeightTensor) -> float:
    ratio = tensor.snr_db()
    return math.inf if ratio is None else ratio
