"""How well a float or quantized model does its task, and what a person should know of its input."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from vaiopt.int8.arithmetic import levels_used
from vaiopt.int8.positions import FixPosition
from vaiopt.quantize.backend import FloatLayer, outputs_of
from vaiopt.quantize.labels import Judge
from vaiopt.quantize.noise import FULL_USE
from vaiopt.quantize.tfmot.graph import Graph
from vaiopt.runs.records import InputUse
from vaiopt.tasks.joined import as_said

RANGE_TOLERANCE = 0.1
"""Share of the preprocessing's range by which calibration data may fall short of it or exceed it.
"""

TINY = 0.05
"""Preprocessed data that reach less are unusual."""

ADVISED_SAMPLES = 100
"""Calibration samples on which positions are steady."""


def scores(model: Any, x: Sequence[np.ndarray], judge: Optional[Judge]) -> Dict[str, float]:
    """Return the scores of a model on labelled samples; none without a judge."""
    return {} if judge is None else judge.scores(as_said(outputs_of(model, x), judge.names))


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
