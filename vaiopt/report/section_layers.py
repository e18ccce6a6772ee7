"""The section on what each layer costs on the target."""

from __future__ import annotations

from typing import List

from vaiopt.hardware.inspection import Inspection
from vaiopt.present.html import heading, note, tag
from vaiopt.report.data import ReportData
from vaiopt.report.figures_model import layer_costs
from vaiopt.report.model_graph import model_graph
from vaiopt.report.section import Block, Section
from vaiopt.sheets.inspection import layer_table, speed_advice


def layers(data: ReportData) -> Section:
    """Return what each layer costs on the target, and what would make it cheaper."""
    found = data.inspection
    lead = f"What each layer of the chosen model is predicted to cost on {data.target}."
    if found is None or not found.layers:
        return Section(lead)
    figure, advice = layer_costs(found), speed_advice(found)
    graph = model_graph(found)
    blocks: List[Block] = [graph] if graph is not None else []
    blocks += [figure] if figure is not None else []
    blocks += [*_remarks(found), heading("Layers"), layer_table(found)]
    if advice.rows:
        blocks += [heading("What would make it faster"), advice]
    return Section(lead, blocks)


def _remarks(inspection: Inspection) -> List[Block]:
    """Return how far the prediction can be trusted, and what a DPU leaves to the CPU."""
    basis, left = inspection.validation, inspection.fallback_layers
    blocks: List[Block] = [
        tag("p", f"The latency model is {basis}.")
        if inspection.validated
        else note(f"Read the times as a guess. {basis[:1].upper()}{basis[1:]}.")
    ]
    if left:
        named = ", ".join(left[:8]) + (", …" if len(left) > 8 else "")
        blocks.append(note(f"Left to the CPU: {named}."))
    return blocks + [note(warning) for warning in inspection.warnings]
