"""A list of images: ``FILE.csv`` or ``FILE.tsv`` with a column of image files, named from its
folder or from one in it, and what is to be learned of each; a column ``split`` may say which are
given for what.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

import numpy as np

from vaiopt.data.dataset import Dataset, Request, make_dataset
from vaiopt.data.image_files import SUFFIXES
from vaiopt.data.left_out import Leavings
from vaiopt.data.limit import limit_dataset
from vaiopt.data.listing import subfolders
from vaiopt.data.sources.cells import LOOKED_AT
from vaiopt.data.sources.folder import decoded, files_sha256, reading
from vaiopt.data.sources.given_parts import given_parts
from vaiopt.data.sources.layout import GIVEN
from vaiopt.data.sources.source import Source, files_below
from vaiopt.data.sources.table_file import (
    drop_index,
    first_columns,
    has_ending,
    labels_of,
    read_table,
    targets_of,
)
from vaiopt.errors import DataError

Cells = Sequence[Optional[str]]


def load_list(request: Request, path: Path) -> Dataset:
    """Load the images that a table lists, with the target ``request.target``, by default its last
    column: classes or a quantity; several columns are as many quantities or labels. Columns that
    are neither are not used.

    Raises:
        DataError: the table or a file cannot be read, a file lies outside the table's folder, or a
            column cannot be used.
    """
    with reading(path):
        return _load(request, path)


def _load(request: Request, path: Path) -> Dataset:
    where, folder = f"'{path}'", path.parent
    names, rows = read_table(path)
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    notes = drop_index(columns, where)
    files = files_column(columns)
    if files is None:  # its first lines had one
        raise DataError(f"{where} has no column of image files", "Save the list again.")
    paths = _paths(columns.pop(files), files, folder, where)
    parts = given_parts(columns, where)
    if not columns:
        raise DataError(
            f"{where} says nothing of its images", "Add a column of what is to be learned."
        )
    targets, told = targets_of(request.target, [files, *columns], where)
    if files in targets:
        raise DataError(f"data.target names the images of {where}", "Name another column.")
    labels = {name: columns.pop(name) for name in targets}
    y, classes, task = labels_of(labels, where, request.task)
    if columns:
        told = [*told, f"columns of {where} that are not used: {', '.join(columns)}"]
    numbers = {prefix: np.flatnonzero(parts == prefix) for prefix in ("", *GIVEN)}
    sets: Dict[str, Any] = {}
    for prefix in GIVEN:
        if len(numbers[prefix]):
            sets[f"{prefix}x"] = numbers[prefix][:, np.newaxis]
            sets[f"{prefix}y"] = np.asarray(y)[numbers[prefix]]
    own = numbers[""]
    every = make_dataset(
        path.name,
        own[:, np.newaxis],
        np.asarray(y)[own],
        classes=classes,
        task=task,
        notes=(*notes, *told),
        **sets,
    )
    return _with_images(limit_dataset(every, request.limit, request.seed), paths, folder, request)


def _with_images(every: Dataset, paths: Sequence[Path], folder: Path, request: Request) -> Dataset:
    """Return a dataset whose samples are numbers of files with the images of these files."""
    there = [p for p in ("", *GIVEN) if getattr(every, f"{p}x") is not None]
    chosen = {p: [paths[int(number)] for number in getattr(every, f"{p}x")[:, 0]] for p in there}
    leavings = Leavings(folder)
    made = decoded(folder, chosen, request, {}, leavings)
    labels = {f"{p}y": getattr(every, f"{p}y")[made.kept[p]] for p in there}
    if not all(len(y) for y in labels.values()):
        raise DataError(
            "no image of a given set can be read",
            "Replace them; without data.skip_corrupt they are named, with the reasons.",
        )
    files = made.files(folder, leavings)
    return replace(
        every,
        fingerprint=files_sha256(folder, made.headers, request.hashed),
        files=files,
        notes=(*every.notes, *files.notes),
        feature_names=(),
        **made.arrays,
        **labels,
    )


def files_column(columns: Mapping[str, Cells]) -> Optional[str]:
    """Return the name of the first column whose cells all end like image files; None without."""
    for name, cells in columns.items():
        known = [str(cell).strip().lower() for cell in cells[:LOOKED_AT] if cell]
        if known and all(cell.endswith(SUFFIXES) for cell in known):
            return name
    return None


def _paths(cells: Cells, name: str, folder: Path, where: str) -> List[Path]:
    """Return the files of a column. Raises DataError: a gap, or a file outside the folder."""
    paths = []
    base = _base(cells, folder)
    for number, cell in enumerate(cells):
        if cell is None:
            raise DataError(
                f"column '{name}' of {where} has a gap in sample {number} (counted from 0)",
                "Name the image of that line, or leave the line out.",
            )
        given = Path(cell.replace("\\", "/"))
        if given.is_absolute() or ".." in given.parts:
            raise DataError(
                f"{where} lists '{cell[:80]}', which is not within its folder",
                "Put the list into a folder that holds the images, and name them from there.",
            )
        paths.append(base / given)
    return paths


def _base(cells: Cells, folder: Path) -> Path:
    """Return the folder that a list names its images from: its own, or the only one beside it that
    holds the first of them.
    """
    first = next((cell for cell in cells if cell), "").replace("\\", "/")
    if not first or (folder / first).exists():
        return folder
    found = [path for path in subfolders(folder) if (path / first).exists()]
    return found[0] if len(found) == 1 else folder


def _matches(text: str, path: Optional[Path]) -> bool:
    if path is None or not path.is_file() or not has_ending(path):
        return False
    return files_column(first_columns(path)) is not None


def _files(path: Path) -> Iterator[Path]:
    """Yield the list, and the images that it may name."""
    yield path
    for file in files_below(path.parent):
        if file.name.lower().endswith(SUFFIXES):
            yield file


SOURCE = Source("FILE.csv of images", _matches, load_list, takes_target=True, files=_files)
