"""What a section of the report is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List, Sequence, Union

from vaiopt.present.figure import Figure
from vaiopt.present.html import Markup
from vaiopt.present.table import Table


@dataclass(frozen=True)
class Group:
    """Figures side by side, under one title and one caption, which may be empty; ``wide`` ones
    stand two in a row at most.
    """

    title: str
    caption: str
    figures: Sequence[Figure]
    wide: bool = False


Block = Union[Markup, Figure, Table, Group]


@dataclass(frozen=True)
class Section:
    """One section of the report.

    Attributes:
        key: its anchor. title: its heading. lead: a sentence under it, plain text.
        blocks: its content in order. missing: the command that would fill it, if it is not filled.
    """

    key: str
    title: str
    lead: str = ""
    blocks: Sequence[Block] = field(default_factory=tuple)
    missing: str = ""

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
