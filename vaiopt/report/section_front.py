"""The section on several points of the front, side by side."""

from __future__ import annotations

from typing import List

from vaiopt.report.data import ReportData
from vaiopt.report.figures_delivered import front_figure
from vaiopt.report.section import Block, Section
from vaiopt.sheets.front import front_table


def front_on_target(data: ReportData) -> Section:
    """Return the chosen points of the front before quantization, after it and where they ran."""
    lead = (
        "Points of the front that were chosen together, the best first: scores on the test split,"
        " on this machine before and after quantization; measured is what the bundle's scripts"
        " reported."
    )
    if not data.carried:
        return Section(lead)
    figure = front_figure(data.carried)
    blocks: List[Block] = [] if figure is None else [figure]
    return Section(lead, [*blocks, front_table(data.carried, name="front_on_target_table")])
