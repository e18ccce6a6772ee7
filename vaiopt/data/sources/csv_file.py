"""A table as text: ``FILE.csv`` or ``FILE.tsv``, also packed by gzip, with a line of names."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from vaiopt import memory
from vaiopt.data.dataset import Dataset, Request, make_dataset
from vaiopt.data.sources.source import Source
from vaiopt.data.table import MOST_TEXTS, Cells, encode
from vaiopt.errors import DataError, did_you_mean
from vaiopt.reading import LARGEST, PART, open_regular
from vaiopt.tasks import AUTO

ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
DELIMITERS = (",", ";", "\t", "|")

GAPS = frozenset(
    ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "NULL", "null", "None", "?")
)
"""Cells that say that nothing is known: those of pandas and R, and the question mark of UCI's."""

ERRORS = frozenset(("#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"))
"""What a spreadsheet writes for a formula that failed."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
WITH_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
"""A number of a table whose cells are parted by something else than a comma."""

MOST_CLASS_NUMBERS = 100
"""Different whole numbers of a target that are taken for classes without asking."""
FEW_EACH = 20
"""Samples of each on average, below which more numbers than that are taken for a quantity."""

REGRESSION = "regression"

LOOKED_AT = 100
"""Lines by which it is told what a table holds."""

BYTES_OF_A_BYTE = 12
"""Memory that a byte of a table takes while it is read: each cell becomes a Python text."""


def load_csv(request: Request, path: Path) -> Dataset:
    """Load a table whose first line names the columns.

    Columns of numbers are features as they are; those of at most
    :data:`vaiopt.data.table.MOST_TEXTS` different texts are one-hot coded. Gaps are filled by the
    median, or by the most frequent text. The target is the column ``request.target``, by default
    the last; its values are the names of the classes, or a quantity. Several columns, with commas
    between them, are as many quantities or labels.

    Raises:
        DataError: the file cannot be read, a line is longer or shorter than the first, names are
            missing or double, or a column cannot be used; line or column are named.
    """
    where = f"'{path}'"
    names, rows = read_table(path)
    columns: Dict[str, List[Optional[str]]] = {
        name: [row[i] for row in rows] for i, name in enumerate(names)
    }
    notes = drop_index(columns, where)
    targets, told = targets_of(request.target, list(columns), where)
    labels = {name: columns.pop(name) for name in targets}
    y, classes, task = labels_of(labels, where, request.task)
    found = encode({n: _parsed(cells, n, where) for n, cells in columns.items()}, where)
    return make_dataset(
        path.name,
        found.x,
        y,
        classes=classes,
        feature_names=found.feature_names,
        columns=found.columns,
        notes=(*notes, *told, *found.notes),
        task=task,
    )


def read_columns(path: Path) -> Dict[str, Cells]:
    """Return the columns of a table by name, each as numbers or texts, None for gaps. Raises
    DataError: it cannot be read.
    """
    where = f"'{path}'"
    names, rows = read_table(path)
    return {name: _parsed([row[i] for row in rows], name, where) for i, name in enumerate(names)}


def read_table(path: Path) -> Tuple[List[str], List[List[Optional[str]]]]:
    """Return the names of the columns of a table, and the cells of each line; None for gaps.
    Raises DataError.
    """
    where = f"'{path}'"
    return _table(_text(path, where), where)


def first_columns(path: Path) -> Dict[str, List[str]]:
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


def has_ending(path: Path) -> bool:
    """Tell whether a file is called like a table."""
    return path.name.lower().endswith(ENDINGS)


def _matches(text: str, path: Optional[Path]) -> bool:
    return path is not None and path.is_file() and has_ending(path)


SOURCE = Source("FILE.csv", _matches, load_csv, takes_target=True)


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


def _table(text: str, where: str) -> Tuple[List[str], List[List[Optional[str]]]]:
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
                names = _names([cell.strip() for cell in cells], where)
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
    return names, rows


def _delimiter(text: str) -> str:
    """Return what parts the cells: what the first line holds most of."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    plain = re.sub(r'"[^"]*"', "", first)
    return max(DELIMITERS, key=plain.count)


def _names(names: List[str], where: str) -> List[str]:
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


def drop_index(columns: Dict[str, List[Optional[str]]], where: str) -> List[str]:
    """Leave out the column without a name that pandas writes first, and return a note of it."""
    if "" not in columns:
        return []
    if columns[""] != [str(i) for i in range(len(columns[""]))]:
        raise DataError(
            f"column 1 of {where} has no name",
            "Name it; pandas leaves its index out with to_csv(FILE, index=False).",
        )
    del columns[""]
    if len(columns) < 2:
        raise DataError(f"{where} has a single column", "It takes one besides the target.")
    return [f"the first column of {where} numbers the lines: not used"]


def targets_of(wanted: str, names: Sequence[str], where: str) -> Tuple[List[str], List[str]]:
    """Return the names of the targets, and what is to be said of them."""
    if not wanted:
        last = names[-1]
        return [last], [f"the target is the last column of {where}, '{last}'; another: data.target"]
    found = [wanted] if wanted in names else [name.strip() for name in wanted.split(",")]
    for name in found:
        if name not in names:
            raise DataError(
                f"{where} has no column '{name}', which data.target names",
                did_you_mean(name, names),
            )
    if len(set(found)) != len(found) or len(found) == len(names):
        raise DataError(
            f"data.target is '{wanted}'", f"Name columns of {where} once each, and leave others."
        )
    return found, []


def _parsed(cells: Sequence[Optional[str]], name: str, where: str) -> Cells:
    """Return a column as numbers if all that is known of it are some, else as it is.

    Raises:
        DataError: most of it are numbers, and too many to be groups.
    """
    texts = [cell for cell in cells if cell is not None and not NUMBER.fullmatch(cell)]
    if not texts:
        return [None if cell is None else float(cell) for cell in cells]
    if 2 * len(texts) < len(cells) and len(set(cells)) > MOST_TEXTS:
        raise DataError(
            f"column '{name}' of {where} holds numbers and texts, such as '{texts[0][:40]}'",
            "Mend these cells, or empty them where nothing is known.",
        )
    return cells


def labels_of(
    columns: Mapping[str, Sequence[Optional[str]]], where: str, task: str
) -> Tuple[Any, Optional[Sequence[str]], str]:
    """Return the labels of one or several targets, the names of the outputs and the task."""
    for target, cells in columns.items():
        if None in cells:
            raise DataError(
                f"the target '{target}' of {where} has gaps: the first in sample"
                f" {cells.index(None)} (counted from 0), {sum(cell is None for cell in cells)} in"
                " all",
                "Leave those lines out, or write what they are.",
            )
    if len(columns) > 1:
        rows = [_numbers(cells, target, where) for target, cells in columns.items()]
        return np.asarray(rows, np.float64).T, tuple(columns), task
    target, cells = next(iter(columns.items()))
    texts = [str(cell) for cell in cells]
    is_number = all(map(NUMBER.fullmatch, texts))
    if task == REGRESSION or (task == AUTO and is_number and _is_quantity(list(map(float, texts)))):
        return np.asarray(_numbers(cells, target, where)), (target,), REGRESSION
    return (*_class_numbers(texts, is_number, target, where), task)


def _numbers(cells: Sequence[Optional[str]], target: str, where: str) -> List[float]:
    """Return a target as numbers. Raises DataError: it holds a text."""
    for cell in cells:
        if not NUMBER.fullmatch(str(cell)):
            raise DataError(
                f"the target '{target}' of {where} holds '{str(cell)[:40]}', which is no number",
                "Name a column of numbers: --set data.target=COLUMN",
            )
    return [float(str(cell)) for cell in cells]


def _class_numbers(
    texts: Sequence[str], is_number: bool, target: str, where: str
) -> Tuple[List[int], Tuple[str, ...]]:
    """Return the class numbers and names of a target; numbers are in their order."""
    if is_number:
        fraction = next((text for text in texts if not _is_whole(float(text))), None)
        if fraction is not None:
            raise DataError(
                f"the target '{target}' of {where} holds {fraction}, which is no class",
                "Name the column of the classes (--set data.target=COLUMN), or predict a quantity:"
                " --set task=regression",
            )
        texts = [str(int(float(text))) for text in texts]
    names = sorted(set(texts), key=(lambda text: float(text)) if is_number else None)
    if not is_number and len(names) > max(MOST_CLASS_NUMBERS, len(texts) // 2):
        raise DataError(
            f"the target '{target}' of {where} has {len(names):,} different texts in"
            f" {len(texts):,} lines",
            "Name the column of the classes: --set data.target=COLUMN",
        )
    position = {name: number for number, name in enumerate(names)}
    return [position[text] for text in texts], tuple(names)


def _is_whole(number: float) -> bool:
    return number.is_integer() and abs(number) < 2**53


def _is_quantity(numbers: Sequence[float]) -> bool:
    """Return whether numbers are no classes: one is no whole number, or they are many."""
    different = len(set(numbers))
    many = different > MOST_CLASS_NUMBERS and different * FEW_EACH > len(numbers)
    return many or not all(map(_is_whole, numbers))
