"""Tables of what each layer of a model costs on a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List

from vaiopt.hardware.inspection import Inspection
from vaiopt.present import words
from vaiopt.present.table import Table

FIXED = "(fixed part)"
"""Stands in the place of a layer's name."""

SMALLEST_MS = 1e-6
"""A fixed part below a nanosecond is rounding."""


@dataclass(frozen=True)
class LayerRow:
    """One fused layer on a target.

    Attributes:
        name: of the layer. kind: its class and what is fused with it. device: ``DPU`` or ``CPU``.
        output: shape. macs, params: counts. latency_ms: predicted, to the nanosecond.
        share: of the predicted time. bound: what limits it. remark: why it runs where it does.
    """

    name: str
    kind: str
    device: str
    output: str
    macs: int
    params: int
    latency_ms: float
    share: float
    bound: str
    remark: str


def layer_rows(inspection: Inspection) -> List[LayerRow]:
    """Return one row a fused layer."""
    return [
        LayerRow(
            name=layer.name,
            # Of an operation that was fused, such as "conv/relu", the last part tells what it is.
            kind=" + ".join([layer.type, *[part.rsplit("/", 1)[-1] for part in layer.fused]]),
            device=layer.device,
            output=" × ".join(map(str, layer.output_shape)),
            macs=layer.macs,
            params=layer.params,
            latency_ms=round(layer.latency_ms, 6),
            share=round(layer.share, 4),
            bound=layer.bound,
            remark=layer.reason,
        )
        for layer in inspection.layers
    ]


def fixed_rows(inspection: Inspection) -> List[LayerRow]:
    """Return the row of what an inference takes beside the layers, so that shares are of the
    whole; none if there is no such part.
    """
    rest = inspection.fixed_ms
    if rest <= SMALLEST_MS:
        return []
    share = rest / max(inspection.latency_ms, rest)
    what = "preparing an input, the runtime's call"
    row = LayerRow(FIXED, what, "host", "", 0, 0, round(rest, 6), round(share, 4), "", "")
    return [row]


def layer_table(inspection: Inspection) -> Table:
    """Return the table of the layers and the fixed part, without remarks if there are none."""
    head = ["layer", "kind", "runs on", "output", "MACs", "parameters"]
    columns = [*head, "predicted time", "share", "limited by", "remark"]
    rows = [*layer_rows(inspection), *fixed_rows(inspection)]
    cells = [
        [
            r.name,
            r.kind,
            r.device,
            r.output,
            words.count(r.macs),
            words.count(r.params),
            words.milliseconds(r.latency_ms),
            words.percent(r.share, 1),
            r.bound or None,
            r.remark or None,
        ]
        for r in rows
    ]
    width = len(columns) - (not any(r.remark for r in rows))
    shown = [row[:width] for row in cells]
    return Table(columns[:width], shown, numeric=(4, 5, 6, 7), name="layers", aside="remark")


def speed_advice(inspection: Inspection) -> Table:
    """Return what would make the most costly layers cheaper."""
    rows = [[s.layer, words.milliseconds(s.latency_ms), s.text] for s in inspection.suggestions]
    return Table(("layer", "predicted time", "suggestion"), rows, numeric=(1,), name="suggestions")
