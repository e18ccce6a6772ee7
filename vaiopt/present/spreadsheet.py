"""CSV for spreadsheets, which take a cell that begins like a formula for one and run it."""

from __future__ import annotations

import csv
import unicodedata
from typing import Any, Iterable, List, Sequence, TextIO

from vaiopt.text import printable

STARTS_FORMULA = "=+-@\t\r"
"""First characters of a cell that a spreadsheet computes; also in their full-width forms."""


def write_csv(file: TextIO, columns: Sequence[Any], rows: Iterable[Sequence[Any]]) -> None:
    """Write CSV: comma, a heading line, an empty cell for no value.

    Args:
        file: a text file that was opened with ``newline=""``, or stdout.
        columns: the headings.
        rows: numbers as they are; a text that a spreadsheet would run, or that a terminal would
            obey, is written so that neither does.
    """
    writer = csv.writer(file)
    writer.writerow(_cells(columns))
    writer.writerows(_cells(row) for row in rows)


def _cells(row: Sequence[Any]) -> List[Any]:
    return ["" if value is None else cell(value) for value in row]


def cell(value: Any) -> Any:
    """Return a value as it may stand in a cell: an apostrophe, which spreadsheets take for the sign
    of a text, is put before one that begins like a formula and is no number.
    """
    if isinstance(value, (int, float)):
        return value
    text = str(value)
    first = unicodedata.normalize("NFKC", text.lstrip(" ")[:1])
    is_formula = bool(first) and first in STARTS_FORMULA and not _is_number(text)
    return "'" * is_formula + printable(text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
