"""A list of images: ``FILE.csv`` or ``FILE.tsv`` with a column of image files, named from its
folder or from one in it, with or without their endings, and what is to be learned of each; a
column ``split`` may say which are given for what.
"""

from __future__ import annotations

import os
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
from vaiopt.data.sources.folder import check_all_left, decoded, files_sha256, reading
from vaiopt.data.sources.given_parts import given_parts
from vaiopt.data.sources.layout import GIVEN, train_folder
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

MOST_COLUMNS = 12
"""Columns of a table whose first one is taken for names of images without their endings, at most: a
wider one describes its samples by itself, and images may still lie beside it.
"""

ENOUGH = 5
"""So many of its first cells must be names of images."""


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
    images = Images(folder)
    files = files_column(columns, images)
    if files is None:  # its first lines had one
        raise DataError(f"{where} has no column of image files", "Save the list again.")
    paths = _paths(columns.pop(files), files, images, where)
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
    return with_images(limit_dataset(every, request.limit, request.seed), paths, folder, request)


def with_images(
    every: Dataset,
    paths: Sequence[Path],
    folder: Path,
    request: Request,
    leavings: Optional[Leavings] = None,
) -> Dataset:
    """Return a dataset whose samples are numbers of files with the images of these files.

    Args:
        every: with numbers of ``paths`` in the place of samples. folder: that the files are of.
        request: says how they are read.
        leavings: what was left out before.

    Raises:
        DataError: files cannot be read and are not to be left out, or sizes differ.
    """
    there = [p for p in ("", *GIVEN) if getattr(every, f"{p}x") is not None]
    chosen = {p: [paths[int(number)] for number in getattr(every, f"{p}x")[:, 0]] for p in there}
    leavings = leavings or Leavings(folder)
    made = decoded(folder, chosen, request, {}, leavings)
    labels = {f"{p}y": getattr(every, f"{p}y")[made.kept[p]] for p in there}
    check_all_left(labels, every.classes)
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


class Images:
    """The images that a list may name: those of its folder and of the folders in it.

    Attributes:
        folder: where the list lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: Dict[Path, Dict[str, List[str]]] = {}

    def find(self, path: Path) -> Optional[Path]:
        """Return the file of this name, with an ending if it has none; None if there is not one.

        Raises:
            DataError: several have this name without their endings.
        """
        if path.name.lower().endswith(SUFFIXES):
            return path if os.path.exists(str(path)) else None  # of any text: raises nothing
        names = self._named(path.parent).get(path.name, [])
        if len(names) > 1:
            raise DataError(
                f"'{path}' may be {' or '.join(names)}", "Name the images with their endings."
            )
        return path.with_name(names[0]) if names else None

    def base(self, cells: Cells) -> Optional[Path]:
        """Return the folder that a list names its images from: its own, or the one beside it that
        holds the first of them; of several the training set's. None without such a one.
        """
        first = next((cell for cell in cells if cell), "").replace("\\", "/")
        if not first or self.find(self.folder / first):
            return self.folder
        found = [path for path in subfolders(self.folder) if self.find(path / first)]
        train = train_folder(self.folder)
        return train if train in found else found[0] if len(found) == 1 else None

    def _named(self, folder: Path) -> Dict[str, List[str]]:
        """Return the names of the images in a folder by those without their endings."""
        if folder not in self._names:
            found: Dict[str, List[str]] = {}
            for file in sorted(folder.iterdir()) if os.path.isdir(str(folder)) else ():
                if file.name.lower().endswith(SUFFIXES):
                    found.setdefault(file.stem, []).append(file.name)
            self._names[folder] = found
        return self._names[folder]


def files_column(columns: Mapping[str, Cells], images: Images) -> Optional[str]:
    """Return the name of the first column whose cells all end like image files, or else of the
    first one where its cells, all different, are names of images without their endings; None
    without.
    """
    for name, cells in columns.items():
        known = [str(cell).strip().lower() for cell in cells[:LOOKED_AT] if cell]
        if known and all(cell.endswith(SUFFIXES) for cell in known):
            return name
    named = [name for name in columns if name]  # pandas's index has none
    cells = columns[named[0]][:LOOKED_AT] if named else []
    if not cells or len(set(cells)) < len(cells) or len(named) > MOST_COLUMNS:
        return None
    first = [str(cell) for cell in cells[:ENOUGH] if cell]
    base = images.base(first) if first else None
    if base is not None and all(images.find(base / cell) for cell in first):
        return named[0]
    return None


def _paths(cells: Cells, name: str, images: Images, where: str) -> List[Path]:
    """Return the files of a column. Raises DataError: a gap, or a file outside the folder."""
    paths = []
    base = images.base(cells) or images.folder
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
        paths.append(images.find(base / given) or base / given)
    return paths


def _matches(text: str, path: Optional[Path]) -> bool:
    if path is None or not path.is_file() or not has_ending(path):
        return False
    try:
        return files_column(first_columns(path), Images(path.parent)) is not None
    except DataError:
        return True  # which of two images a name means is asked when the list is loaded
    except OSError:
        return False  # a folder whose files may not be listed


def _files(path: Path) -> Iterator[Path]:
    """Yield the list, and the images that it may name."""
    yield path
    for file in files_below(path.parent):
        if file.name.lower().endswith(SUFFIXES):
            yield file


SOURCE = Source("FILE.csv of images", _matches, load_list, takes_target=True, files=_files)
