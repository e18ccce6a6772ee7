"""The section on how to make the run again."""

from __future__ import annotations

from typing import List

from vaiopt.present.html import details, heading, paragraph, tag
from vaiopt.present.table import Table, flatten
from vaiopt.report.data import ReportData
from vaiopt.report.section import Block, Section


def repeat(data: ReportData) -> Section:
    """Return the environment, the data, and the commands that make the run again."""
    facts = {key: value for key, value in flatten(data.environment) if value != ""}
    started = facts.pop("command", None)
    blocks: List[Block] = []
    if started is not None:
        blocks += [paragraph("It was started with:"), tag("pre", tag("code", started))]
    again = f"vaiopt run {data.folder}/run.toml --run NEW_FOLDER"
    blocks += [
        paragraph("The settings below, filled in as they ran, make the run again from nothing:"),
        tag("pre", tag("code", again)),
    ]
    if facts:
        environment = Table(("", ""), [list(item) for item in facts.items()], name="environment")
        blocks += [heading("Environment of the search"), environment]
    if data.data is not None:
        blocks += [heading("Data"), Table(("", ""), flatten(data.data.to_json()), name="data")]
    blocks += [heading("Settings"), details("run.toml", tag("pre", tag("code", data.toml)))]
    lead = "With the same versions, seed and data, one worker proposes the same trials."
    return Section(lead, blocks)
