"""What a section of the report is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, List, Optional, Sequence, Union

from vaiopt.present.figure import Figure
from vaiopt.present.html import Markup, to_do
from vaiopt.present.table import Table
from vaiopt.report.data import ReportData


@dataclass(frozen=True)
class Group:
    """Figures side by side, under one title and one caption, which may be empty; ``wide`` ones
    stand two in a row at most. With ``folded``, a line, only that line is seen until it is clicked.
    """

    title: str
    caption: str
    figures: Sequence[Figure]
    wide: bool = False
    folded: str = ""


Block = Union[Markup, Figure, Table, Group]


@dataclass(frozen=True)
class Section:
    """One section of the report.

    Attributes:
        lead: a sentence under its heading, plain text.
        blocks: its content in order; a section without any is left out.
        missing: the command that would fill it, if it is not filled.
        key, title: anchor and heading, those of its row.
    """

    lead: str = ""
    blocks: Sequence[Block] = ()
    missing: str = ""
    key: str = ""
    title: str = ""

    def figures(self) -> List[Figure]:
        """Return all figures of the section, grouped ones included."""
        found: List[Figure] = []
        for block in self.blocks:
            if isinstance(block, Figure):
                found.append(block)
            elif isinstance(block, Group):
                found.extend(block.figures)
        return found

    def tables(self) -> List[Table]:
        """Return the tables that are exported."""
        return [block for block in self.blocks if isinstance(block, Table) and block.name]


@dataclass(frozen=True)
class SectionRow:
    """A section that the report can have.

    Attributes:
        key, title: anchor and heading.
        make: what makes it.
        task: that it belongs to; empty for all tasks.
        slow: whether making it takes seconds.
        figure: of a task's section, what stands under the sheet of an evaluation in a notebook.
    """

    key: str
    title: str
    make: Callable[[ReportData], Section]
    task: str = ""
    slow: bool = False
    figure: Optional[Callable[[Any], Figure]] = None

    def section(self, data: ReportData) -> Section:
        """Return the section; without blocks if it has nothing to show."""
        return replace(self.make(data), key=self.key, title=self.title)


def waiting(data: ReportData, lead: str, what: str, command: str) -> Section:
    """Return a section that a stage has not filled yet: it names the stage's command, once a model
    is chosen.
    """
    if data.chosen is None:
        return Section(lead)
    return Section(lead, [to_do(what, command)], missing=command)
