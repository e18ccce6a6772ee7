"""The section on what int8 cost."""

from __future__ import annotations

from typing import List

from vaiopt.present.html import heading, note
from vaiopt.present.table import Table
from vaiopt.report.data import ReportData
from vaiopt.report.figures_model import quantization_loss
from vaiopt.report.section import Block, Section, waiting
from vaiopt.sheets.quantization import quantization_advice, quantization_facts


def quantization(data: ReportData) -> Section:
    """Return what int8 cost, layer by layer, and how the calibration went."""
    lead, record = "What 8 bits cost the chosen model.", data.quantized
    if record is None:
        return waiting(data, lead, "Not quantized yet.", data.command("quantize"))
    figure, advice = quantization_loss(record), quantization_advice(record)
    blocks: List[Block] = [figure] if figure is not None else []
    if advice.rows:
        blocks += [heading("Where it hurts most"), advice]
    blocks += [note(warning) for warning in record.warnings]
    facts = Table(("", ""), quantization_facts(record), name="quantization")
    return Section(lead, [*blocks, heading("How"), facts])
