"""Where the sets of samples lie in a folder: in the folder itself, or in its ``train``, ``val`` and
``test``, as people and archives name them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence

from vaiopt.data.listing import subfolders
from vaiopt.errors import DataError

IsSet = Callable[[Path], bool]

TRAIN = ("train", "training")
"""Names of the folder of a given training set, in small letters."""

GIVEN = {"test_": ("test", "testing"), "validation_": ("val", "valid", "validation", "dev")}
"""Names of the folders of given sets beside it, by the first letters of their fields."""

SETS: Dict[str, Sequence[str]] = {"": TRAIN, **GIVEN}
"""Names by the first letters of the fields, the training set's included."""

DEEPEST = 4
"""Folders that hold nothing but the next, as archives are unpacked, at most."""


def set_of(name: str) -> Optional[str]:
    """Return the first letters of the fields of the set that a folder's name tells: it, or exactly
    one of its words, as in ``seg_train``; None if it tells none.
    """
    words = [word for word in re.split(r"[^a-z]+", name.lower()) if word]
    told = [prefix for word in words for prefix, known in SETS.items() if word in known]
    return told[0] if len(told) == 1 else None


def train_folder(folder: Path) -> Optional[Path]:
    """Return the folder of a given training set in a folder; None without, or if two are called
    so.
    """
    found = [path for path in subfolders(folder) if set_of(path.name) == ""]
    plain = [path for path in found if path.name.lower() in TRAIN]
    if plain:
        return plain[0]
    return found[0] if len(found) == 1 else None


def unpacked(folder: Path, is_set: IsSet) -> Path:
    """Return the set that a folder holds where it holds nothing but a folder, as archives are
    unpacked: ``seg_train/seg_train``; the folder itself otherwise.
    """
    path = folder
    for _ in range(DEEPEST + 1):
        inside = subfolders(path)
        if len(inside) != 1:
            return path if is_set(path) else folder
        if not subfolders(inside[0]):
            return path
        path = inside[0]
    return folder  # a link to itself, or deeper than any archive


def roots(folder: Path, is_set: IsSet) -> Dict[str, Path]:
    """Return the folder of each set, by the first letters of its fields in a dataset: the folder
    itself, or its ``train`` and what stands beside it.

    Args:
        folder: with the data.
        is_set: whether a folder holds such a set.

    Raises:
        DataError: there are other folders beside ``train``.
    """
    top = unpacked(folder, lambda path: is_set(path) or _has_train(path, is_set))
    train = train_folder(top)
    if train is None or not is_set(unpacked(train, is_set)):
        return {"": top}
    found: Dict[str, Path] = {"": train}
    for path in _others(top, train):
        prefix = set_of(path.name)
        if prefix is None or prefix in found:
            other = f"'{found[prefix or ''].name}'"
            raise DataError(
                f"'{top}' holds {other} and also '{path.name}'",
                "Keep only 'train', 'val' and 'test' (both optional); without 'val' the validation"
                " part is split off from 'train' by data.split.",
            )
        found[prefix] = path
    return {prefix: unpacked(found[prefix], is_set) for prefix in SETS if prefix in found}


def _has_train(folder: Path, is_set: IsSet) -> bool:
    train = train_folder(folder)
    return train is not None and is_set(unpacked(train, is_set))


def _others(folder: Path, train: Path) -> List[Path]:
    return [path for path in subfolders(folder) if path != train]
