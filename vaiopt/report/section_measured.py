"""The section on what the bundle reported from where it ran."""

from __future__ import annotations

from typing import List

from vaiopt.present.html import details, table
from vaiopt.present.table import Table, flatten
from vaiopt.report.data import ReportData
from vaiopt.report.section import Block, Section, waiting
from vaiopt.sheets.measurement import measured_facts

_APART = ("per_class", "modules")
"""Fields of a measurement that are no single figures."""


def measured(data: ReportData) -> Section:
    """Return accuracy, agreement, latency, throughput and golden outputs of each kit."""
    lead = "What the bundle's own scripts reported from where they ran."
    if not data.measured:
        command = f"{data.command('measure')} --target {data.settings.hardware.target}"
        if not data.bundles:
            return Section(lead)
        return waiting(data, lead, "Nothing was measured yet.", command)
    facts = {target: measured_facts(record) for target, record in data.measured.items()}
    quantities = dict.fromkeys(quantity for found in facts.values() for quantity in found)
    rows = [[quantity, *[f.get(quantity) for f in facts.values()]] for quantity in quantities]
    numeric = tuple(range(1, len(facts) + 1))
    blocks: List[Block] = [Table(("quantity", *facts), rows, name="measured", numeric=numeric)]
    for target, record in data.measured.items():
        content = record.to_json().items()
        known = {k: v for k, v in content if k not in _APART and v not in (None, "", [])}
        everything = table(Table(("quantity", "value"), flatten(known)))
        blocks.append(details(f"everything that {target} reported", everything))
    return Section(lead, blocks)
