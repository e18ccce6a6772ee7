"""Cells of a table as they come from its file: texts, and None where nothing is known."""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional

from vaiopt.errors import DataError

GAPS = frozenset(
    ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "NULL", "null", "None", "?")
)
"""Cells that say that nothing is known: those of pandas and R, and the question mark of UCI's."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

LOOKED_AT = 100
"""Lines by which it is told what a table holds."""


class CellTable(NamedTuple):
    """What a file says, before it is known what its columns are."""

    names: List[str]
    rows: List[List[Optional[str]]]
    """The cells of each line; None for gaps."""


def check_names(names: List[str], where: str) -> List[str]:
    """Return the names of the columns. Raises DataError: they are none."""
    hint = "Write the names of the columns into the first line, each once."
    if len(names) < 2:
        raise DataError(
            f"{where} has a single column, '{names[0][:60]}'",
            "Part the cells by commas, semicolons or tabs; it takes a column besides the target.",
        )
    if all(NUMBER.fullmatch(name) or name in GAPS for name in names):
        raise DataError(f"{where} begins with numbers, not with the names of the columns", hint)
    for i, name in enumerate(names):
        if not name and i > 0:
            raise DataError(f"column {i + 1} of {where} has no name", hint)
        if name in names[:i]:
            raise DataError(f"{where} has two columns '{name}'", hint)
    return names


def check_header(table: CellTable, where: str) -> CellTable:
    """Return a table. Raises DataError: its first line is one of data, which holds numbers, and a
    text that its column holds too.
    """
    texts = [i for i, name in enumerate(table.names) if name and not NUMBER.fullmatch(name)]
    if len(texts) < len(table.names) - bool("" in table.names):
        for i in texts:
            if any(row[i] == table.names[i] for row in table.rows):
                raise DataError(
                    f"{where} begins with a line of data, not with the names of the columns"
                    f" ('{table.names[i][:40]}' is in the column, too)",
                    "Write the names of the columns into the first line, each once.",
                )
    return table
