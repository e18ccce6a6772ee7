"""The section on the data: samples by class and part, pictures of some, what is there twice."""

from __future__ import annotations

from typing import List, Sequence

from vaiopt.present.html import Markup, heading, join, note, tag, tiles
from vaiopt.report.data import ReportData
from vaiopt.report.samples import SamplePicture
from vaiopt.report.section import Block, Section
from vaiopt.sheets.data import data as sheet_of
from vaiopt.sheets.data import tables_of


def data_section(data: ReportData) -> Section:
    """Return the data sheet of the search; nothing for a run of an earlier version."""
    found = data.sheet
    lead = "What the search learned from, as it was before the first trial."
    if found is None:
        return Section(lead)
    blocks: List[Block] = [tiles(sheet_of(found).facts)]
    blocks += [note(f"WARNING: {line}") for line in found.warnings]
    blocks += [note(line) for line in found.remarks]
    if data.samples:
        blocks += [heading("Some training samples"), _gallery(data.samples)]
    for title, table in tables_of(found):
        if table.rows:
            blocks += [heading(title), table]
    return Section(lead, blocks)


def _gallery(samples: Sequence[SamplePicture]) -> Markup:
    """Return samples as pictures, with what they are."""
    cards = []
    for sample in samples:
        image = tag("img", src=sample.image, alt=f"Training sample {sample.told}", loading="lazy")
        lines = [tag("div", sample.told), tag("div", sample.name, class_="remark")]
        cards.append(tag("li", join([Markup(str(image).replace("></img>", ">")), *lines])))
    return tag("ul", join(cards), class_="gallery")
