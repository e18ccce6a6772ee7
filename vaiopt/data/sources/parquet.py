"""A table in a Parquet file, read by pyarrow (the extra ``parquet``)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from vaiopt import memory
from vaiopt.data.sources.cells import GAPS, LOOKED_AT, CellTable, check_names
from vaiopt.errors import DataError, MissingToolError
from vaiopt.reading import open_regular

SAFE = (14, 0, 1)
"""The first version of pyarrow that runs no code of a file (CVE-2023-47248)."""

BYTES_OF_A_CELL = 80
"""Memory that a cell takes while it is read: a Python text and its place in a list."""

BYTES_OF_A_BYTE = 4
"""Memory that a byte of long texts takes: as a column, and as texts."""

INDEX = re.compile(r"__index_level_\d+__")
"""What pandas calls the columns of an index without a name."""


def read_parquet(path: Path, where: str) -> CellTable:
    """Return the table of a Parquet file; numbers as the texts that give them exactly.

    Raises:
        DataError: it cannot be read, does not fit into memory, or a column is neither of numbers
            nor of texts.
        MissingToolError: pyarrow is not installed, or too old.
    """
    arrow = _arrow(where)
    try:
        with open_regular(path) as stream:
            file = arrow.parquet.ParquetFile(stream)
            names = _columns(arrow, file, where)
            reason = memory.shortage(_bytes(file.metadata))
            if reason:
                raise DataError(
                    f"{where} does not fit into memory: {reason}", "Use fewer lines of it."
                )
            columns = _texts(file.read(columns=names))
    except (OSError, ValueError, arrow.ArrowException) as error:
        raise _unreadable(where, error) from error
    rows = [list(row) for row in zip(*columns)]
    if not rows:
        raise DataError(f"{where} holds no line of data", "Write some into it.")
    return CellTable(names, rows)


def first_of_parquet(path: Path) -> Dict[str, List[str]]:
    """Return the columns of the first lines by name; none of what is no such table."""
    try:
        arrow = _arrow("")
    except MissingToolError:
        return {}
    try:
        with open_regular(path) as stream:
            file = arrow.parquet.ParquetFile(stream)
            names = _columns(arrow, file, "")
            batch = next(file.iter_batches(batch_size=LOOKED_AT, columns=names), None)
            columns = [] if batch is None else _texts(batch)
    except (OSError, ValueError, DataError, arrow.ArrowException):
        return {}
    return {name: [cell or "" for cell in cells] for name, cells in zip(names, columns)}


def _arrow(where: str) -> Any:
    """Return pyarrow. Raises MissingToolError."""
    cure = "Install it: pip install 'vaiopt[parquet]'. Or save the table as CSV."
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingToolError(f"{where} is a Parquet file, which pyarrow reads", cure) from error
    version = tuple(int(number) for number in re.findall(r"\d+", pyarrow.__version__)[:3])
    if version < SAFE:
        raise MissingToolError(
            f"pyarrow {pyarrow.__version__} may run code of the files that it reads",
            "Use 14.0.1 or newer: pip install -U pyarrow. Or save the table as CSV.",
        )
    return pyarrow


def _columns(arrow: Any, file: Any, where: str) -> List[str]:
    """Return the names of the columns but for pandas' index. Raises DataError."""
    types = arrow.types
    allowed = (
        *(types.is_integer, types.is_floating, types.is_decimal, types.is_boolean),
        *(types.is_string, types.is_large_string, types.is_temporal, types.is_null),
    )
    names = []
    for field in file.schema_arrow:
        if INDEX.fullmatch(field.name):
            continue
        kind = field.type.value_type if types.is_dictionary(field.type) else field.type
        if not any(is_kind(kind) for is_kind in allowed):
            raise DataError(
                f"column '{field.name}' of {where} holds {str(field.type)[:60]}, neither numbers"
                " nor texts",
                "Leave it out; images are files, whose names stand in a column.",
            )
        names.append(field.name)
    return check_names(names, where)


def _bytes(metadata: Any) -> int:
    """Return what a file takes in memory: packed columns of few different cells are small there."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    packed = sum(group.total_byte_size for group in groups)
    cells = metadata.num_rows * metadata.num_columns
    return int(BYTES_OF_A_CELL * cells + BYTES_OF_A_BYTE * packed)


def _texts(table: Any) -> List[Tuple[Optional[str], ...]]:
    """Return the cells of each column."""
    return [tuple(map(_text, column.to_pylist())) for column in table.columns]


def _text(value: Any) -> Optional[str]:
    text = "" if value is None else str(value).strip()
    return None if text in GAPS else text


def _unreadable(where: str, error: Exception) -> DataError:
    text = str(error).split("\n")[0][:120]
    return DataError(f"{where} cannot be read as Parquet ({text})", "Save the table again.")
