"""The section on the chosen model's weights."""

from __future__ import annotations

from typing import Any, List, Sequence

import numpy as np

from vaiopt.present import words
from vaiopt.present.html import heading
from vaiopt.present.table import Table
from vaiopt.report.data import ReportData
from vaiopt.report.figures_weights import shown_kernels, weight_distribution
from vaiopt.report.section import Block, Group, Section
from vaiopt.report.weights import WeightTensor


def weights(data: ReportData) -> Section:
    """Return the weight distributions of the chosen model before and after training, and their int8
    grid.
    """
    if not data.weights:
        return Section()
    kernels = shown_kernels(data.weights)
    total = sum(1 for w in data.weights if w.is_kernel)
    caption = "Density of each kernel's weights."
    if len(kernels) < total:
        caption += f" {len(kernels)} of {total} kernels: those that int8 hurts most."
    blocks: List[Block] = []
    if kernels:
        figures = [weight_distribution(kernel) for kernel in kernels]
        blocks.append(Group("Distributions", caption, figures))
    blocks += [heading("All tensors"), weight_table(data.weights)]
    return Section(_lead(data.weights), blocks)


def _lead(weights: Sequence[WeightTensor]) -> str:
    lead = "The weights after training (bars) and before it (orange outline)."
    if all(w.before is None for w in weights):
        lead = (
            "The weights after training (bars), and what the initializer draws from (dashed): the"
            " run kept no initial weights."
        )
    if any(w.position is not None for w in weights):
        lead += " Ticks at the foot are the levels of the int8 grid in use."
    if any(w.changed for w in weights):
        lead += (
            " A green outline shows int8 weights that were more than rounded: batch normalisation"
            " folded in, layers equalised, or trained on."
        )
    return lead


def weight_table(weights: Sequence[WeightTensor]) -> Table:
    """Return shape, range, fix position and int8 use of every weight tensor."""
    quantized = any(w.position is not None for w in weights)
    columns = ["layer", "tensor", "shape", "min", "max", "deviation", "deviation before training"]
    if quantized:
        columns += ["fix position", "int8 step", "levels used", "clipped", "SNR (dB)"]
    rows = [_row(w) + (_grid(w) if quantized else []) for w in weights]
    return Table(columns, rows, numeric=tuple(range(3, len(columns))), name="weights")


def _row(w: WeightTensor) -> List[Any]:
    values = w.values if w.values.size else np.zeros(1)
    ends = [words.signed(float(found)) for found in (values.min(), values.max(), values.std())]
    before = None if w.before is None else words.value(float(w.before.deviation))
    return [w.layer, w.name, " × ".join(map(str, w.values.shape)) or "1", *ends, before]


def _grid(w: WeightTensor) -> List[Any]:
    if w.position is None or w.step is None:
        return [None] * 5
    codes, ratio = w.quantized(), w.snr_db()
    # Beyond half a step from its code a value was cut off at the end of the grid.
    clipped = float(np.mean(np.abs(w.values / w.step - codes) > 0.5000001))
    return [
        w.position,
        f"{w.step:.5g}",
        len(np.unique(codes)),
        None if w.changed else words.percent(clipped),
        None if ratio is None else f"{ratio:.1f}",
    ]
