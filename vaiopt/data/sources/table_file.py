"""A table in a file, with the names of its columns: the formats are rows of :data:`FORMATS`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from vaiopt.data.dataset import Dataset, Request, make_dataset
from vaiopt.data.sources.cells import NUMBER, CellTable
from vaiopt.data.sources.csv_text import first_of_text, read_text
from vaiopt.data.sources.given_parts import given_parts
from vaiopt.data.sources.layout import GIVEN
from vaiopt.data.sources.parquet import first_of_parquet, read_parquet
from vaiopt.data.sources.source import Source
from vaiopt.data.table import MOST_TEXTS, Cells, encode
from vaiopt.errors import DataError, did_you_mean
from vaiopt.tasks import AUTO

MOST_CLASS_NUMBERS = 100
"""Different whole numbers of a target that are taken for classes without asking."""
FEW_EACH = 20
"""Samples of each on average, below which more numbers than that are taken for a quantity."""

REGRESSION = "regression"


class TableFormat(NamedTuple):
    """How a table lies in a file."""

    endings: Tuple[str, ...]
    read: Callable[[Path, str], CellTable]
    """All of it, of a file that is called so in errors."""

    first: Callable[[Path], Dict[str, List[str]]]
    """The columns of the first lines by name; none of what is no table."""


FORMATS = (
    TableFormat((".csv", ".tsv", ".csv.gz", ".tsv.gz"), read_text, first_of_text),
    TableFormat((".parquet",), read_parquet, first_of_parquet),
)
ENDINGS = tuple(ending for row in FORMATS for ending in row.endings)


def load_table(request: Request, path: Path) -> Dataset:
    """Load a table whose first line names the columns.

    Columns of numbers are features as they are; those of at most
    :data:`vaiopt.data.table.MOST_TEXTS` different texts are one-hot coded. Gaps are filled by the
    median, or by the most frequent text. The target is the column ``request.target``, by default
    the last; its values are the names of the classes, or a quantity. Several columns, with commas
    between them, are as many quantities or labels. A column ``split`` of train, val and test says
    which lines are given for what.

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
    asked = [name.strip() for name in request.target.split(",")]
    others = {name: cells for name, cells in columns.items() if name not in asked}
    parts = given_parts(others, where, strict=False)
    columns = {name: cells for name, cells in columns.items() if name in others or name in asked}
    targets, told = targets_of(request.target, list(columns), where)
    labels = {name: columns.pop(name) for name in targets}
    y, classes, task = labels_of(labels, where, request.task)
    read = {n: _parsed(cells, n, where) for n, cells in columns.items()}
    found = encode(read, where)
    arrays = {"x": found.x, "y": np.asarray(y)}
    return make_dataset(
        path.name,
        **{f"{p}{k}": a[parts == p] for p in ("", *GIVEN) for k, a in arrays.items() if p in parts},
        classes=classes,
        feature_names=found.feature_names,
        columns=found.columns,
        notes=(*notes, *told, *found.notes, *counting_notes(read, where)),
        task=task,
    )


def counting_notes(columns: Mapping[str, Cells], where: str) -> List[str]:
    """Return a note of each column beside others that counts the lines, such as ``id``: in a table
    that is sorted by class it tells the class, as no later sample's will.
    """
    if len(columns) < 2:
        return []
    found = []
    for name, cells in columns.items():
        first, count = cells[0], len(cells)
        counts = isinstance(first, float) and list(cells) == [first + i for i in range(count)]
        if counts and count > 2:
            found.append(name)
    return [
        f"column '{name}' of {where} counts the lines and is a feature: take it out if it says"
        " nothing of a sample"
        for name in found
    ]


def read_columns(path: Path) -> Dict[str, Cells]:
    """Return the columns of a table by name, each as numbers or texts, None for gaps. Raises
    DataError: it cannot be read.
    """
    where = f"'{path}'"
    names, rows = read_table(path)
    return {name: _parsed([row[i] for row in rows], name, where) for i, name in enumerate(names)}


def read_table(path: Path) -> CellTable:
    """Return the names of the columns of a table, and the cells of each line. Raises DataError."""
    return _format(path).read(path, f"'{path}'")


def first_columns(path: Path) -> Dict[str, List[str]]:
    """Return the columns of the first lines of a table by name, cells as they are; none of what is
    no table.
    """
    return _format(path).first(path)


def _format(path: Path) -> TableFormat:
    """Return the format that a file's name tells; text where it tells none."""
    name = path.name.lower()
    return next((row for row in FORMATS if name.endswith(row.endings)), FORMATS[0])


def has_ending(path: Path) -> bool:
    """Tell whether a file is called like a table."""
    return path.name.lower().endswith(ENDINGS)


def _matches(text: str, path: Optional[Path]) -> bool:
    return path is not None and path.is_file() and has_ending(path)


SOURCE = Source("FILE.csv", _matches, load_table, takes_target=True)


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


TARGETS = ("target", "label", "labels", "class")
"""Names, in small letters, of a column that is the target wherever it stands, as the first one of
many public tables of pixels is. Not ``y``, which is as often a place.
"""


def targets_of(wanted: str, names: Sequence[str], where: str) -> Tuple[List[str], List[str]]:
    """Return the names of the targets, and what is to be said of them."""
    if not wanted:
        named = [name for name in names if name.strip().lower() in TARGETS]
        if len(named) == 1 and named[0] != names[-1]:
            told = f"the target is the column '{named[0]}' of {where}; another: data.target"
            return named, [told]
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
    if 2 * len(texts) < len(cells) and len(set(cells)) > min(MOST_TEXTS, len(cells) // 2):
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
