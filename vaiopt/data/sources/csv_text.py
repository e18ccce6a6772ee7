"""A table as text: ``FILE.csv`` or ``FILE.tsv``, also packed by gzip, with a line of names."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from vaiopt import memory
from vaiopt.data.sources.cells import GAPS, LOOKED_AT, CellTable, check_header, check_names
from vaiopt.errors import DataError
from vaiopt.reading import LARGEST, PART, open_regular

DELIMITERS = (",", ";", "\t", "|")

ERRORS = frozenset(("#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"))
"""What a spreadsheet writes for a formula that failed."""

WITH_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
"""A number of a table whose cells are parted by something else than a comma."""

BYTES_OF_A_BYTE = 12
"""Memory that a byte of a table takes while it is read: each cell becomes a Python text."""


def read_text(path: Path, where: str) -> CellTable:
    """Return a table of text. Raises DataError: it cannot be read, a line is longer or shorter than
    the first, or a cell is a formula; the line is named.
    """
    return _table(_text(path, where), where)


def first_of_text(path: Path) -> Dict[str, List[str]]:
    """Return the columns of the first lines of a table by name, cells as they are; none of what is
    no table.
    """
    try:
        head = next(iter(_unpacked(path)), b"")
        text = head.decode("utf-8-sig", "replace")
        lines = text.splitlines()[: LOOKED_AT + 1]
        found = list(csv.reader(lines, delimiter=_delimiter(text)))
    except (OSError, EOFError, zlib.error, csv.Error):
        return {}
    if not found:
        return {}
    rows = [row for row in found[1:] if len(row) == len(found[0])]
    return {name.strip(): [row[i] for row in rows] for i, name in enumerate(found[0])}


def _text(path: Path, where: str) -> str:
    """Return the text of a file. Raises DataError."""
    cure = "Is it damaged, too large or something else? Save the table again as CSV (UTF-8)."
    try:
        content = b"".join(_unpacked(path))
        reason = memory.shortage(BYTES_OF_A_BYTE * len(content))
        if reason:
            raise DataError(f"{where} does not fit into memory: {reason}", "Use fewer lines of it.")
        if b"\0" in content:
            raise DataError(f"{where} holds zero bytes: it is no UTF-8 text", cure)
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where} is not UTF-8 (byte {error.start})",
            "Save it as UTF-8: pandas.read_csv(FILE, encoding=...).to_csv(FILE, index=False), or in"
            " a spreadsheet as 'CSV UTF-8'.",
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{where} cannot be read ({error})", cure) from error


def _unpacked(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, unpacked if it is gzip's; no more than a limit."""
    with open_regular(path) as file:
        stream: Any = file
        if path.name.lower().endswith(".gz"):
            stream = gzip.GzipFile(fileobj=file, mode="rb")
        read = 0
        for part in iter(lambda: stream.read(PART), b""):
            read += len(part)
            if read > LARGEST:
                raise OSError(f"it is larger than {LARGEST / 2**20:.0f} MB")
            yield part


def _table(text: str, where: str) -> CellTable:
    """Return the names of the columns, and the cells of each line; None for gaps."""
    delimiter = _delimiter(text)
    comma = delimiter != ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: List[List[Optional[str]]] = []
    names: List[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue  # an empty line, or one of delimiters only
            if not names:
                names = check_names([cell.strip() for cell in cells], where)
                continue
            if len(cells) != len(names):
                raise DataError(
                    f"line {reader.line_num} of {where} has {len(cells)} cells, the first line"
                    f" {len(names)}",
                    "Mend that line: a text that holds the delimiter stands in double quotes.",
                )
            rows.append([_cell(cell, comma, reader.line_num, where) for cell in cells])
    except csv.Error as error:
        raise DataError(
            f"line {reader.line_num} of {where} cannot be read ({error})",
            "Mend that line; it may lack a quote at its end.",
        ) from error
    if not rows:
        raise DataError(f"{where} holds no line of data", "Give a line of names, then the data.")
    return check_header(CellTable(names, rows), where)


def _delimiter(text: str) -> str:
    """Return what parts the cells: what the first line holds most of."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    plain = re.sub(r'"[^"]*"', "", first)
    return max(DELIMITERS, key=plain.count)


def _cell(cell: str, comma: bool, line: int, where: str) -> Optional[str]:
    """Return a cell without spaces around it, None for a gap. Raises DataError for a formula."""
    cell = cell.strip()
    if cell in GAPS:
        return None
    if cell.startswith("=") or cell in ERRORS:
        raise DataError(
            f"line {line} of {where} holds a formula, '{cell[:40]}'",
            "Save the table with the values of its formulas.",
        )
    return cell.replace(",", ".") if comma and WITH_COMMA.fullmatch(cell) else cell
