"""A folder of images that have their classes in their names: ``cat.0.jpg``, ``great_dane_12.png``;
or ``train``, ``val`` and ``test`` of such.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np

from vaiopt.data.dataset import Dataset, Request, make_dataset
from vaiopt.data.image_files import SUFFIXES
from vaiopt.data.left_out import Leavings
from vaiopt.data.limit import limit_dataset
from vaiopt.data.listing import list_images, subfolders
from vaiopt.data.sources.folder import reading
from vaiopt.data.sources.image_list import with_images
from vaiopt.data.sources.layout import roots
from vaiopt.data.sources.source import Source, files_below
from vaiopt.errors import DataError

NAMED = re.compile(r"(?P<before>.*[^\W\d_].*?)[-._ (]+\d+\)?|(?P<word>[^\W\d_]+)\d+")
"""A name without its ending: a class, and the number of an image of it."""

NO_CLASSES = (
    *("img", "image", "images", "dsc", "dscn", "dscf", "pxl", "mvimg", "photo", "pic", "picture"),
    *("frame", "frames", "video", "scan", "screenshot", "capture", "cam", "camera", "page", "copy"),
    *("sample", "file", "train", "test", "val", "mask", "label"),
)
"""Words, in small letters, that cameras, programs and those who number their files write."""


def class_of(path: Path) -> Optional[str]:
    """Return the class that the name of an image begins with; None if it tells none."""
    found = NAMED.fullmatch(path.stem)
    if found is None:
        return None
    name = found.group("before") or found.group("word")
    words = re.split(r"[\W\d_]+", name.lower())
    return None if any(word in NO_CLASSES for word in words) else name


def is_named(folder: Path) -> bool:
    """Tell whether a folder holds images alone, each with a class in its name, of at least two
    classes that have at least two each.
    """
    if subfolders(folder):
        return False
    counts = Counter(class_of(path) for path in _images(folder, Leavings(folder)))
    return None not in counts and len(counts) > 1 and min(counts.values()) > 1


def load_named(request: Request, folder: Path) -> Dataset:
    """Load a folder of images by the classes in their names.

    Raises:
        DataError: a given set has a class that the training set has not, or files cannot be read
            and are not to be left out, or sizes differ.
    """
    with reading(folder):
        return _load(request, folder)


def _load(request: Request, folder: Path) -> Dataset:
    found = roots(folder, is_named)
    leavings = Leavings(folder)
    listed = {p: _images(root, leavings) for p, root in found.items()}
    classes = sorted({str(class_of(path)) for path in listed[""]})
    notes = [f"the classes of '{folder.name}' are what the names of its images begin with"]
    paths: List[Path] = []
    sets: Dict[str, Any] = {}
    for prefix, own in listed.items():
        names = [class_of(path) for path in own]
        if not any(names):
            where = f"'{found[prefix].name}'"
            notes.append(f"the images in {where} have no class in their names: not used")
            continue
        other = next((i for i, name in enumerate(names) if name not in classes), None)
        if other is not None:
            raise DataError(
                f"the name of '{own[other]}' begins with none of the {len(classes)} classes that"
                f" those in '{found[''].name}' have",
                "Rename it, or move it out of the folder.",
            )
        sets[f"{prefix}x"] = np.arange(len(paths), len(paths) + len(own))[:, np.newaxis]
        sets[f"{prefix}y"] = np.asarray([classes.index(str(name)) for name in names])
        paths += own
    x, y = sets.pop("x"), sets.pop("y")
    every = make_dataset(folder.name, x, y, classes=classes, task=request.task, notes=notes, **sets)
    every = limit_dataset(every, request.limit, request.seed)
    return with_images(every, paths, folder, request, leavings)


def _images(folder: Path, leavings: Leavings) -> List[Path]:
    """Return the images of a folder, with those of which it is known that they cannot be read."""
    listed = list_images(folder, SUFFIXES, leavings)
    return sorted([*listed.paths, *listed.problems])


def _matches(text: str, path: Optional[Path]) -> bool:
    if path is None or not path.is_dir():
        return False
    try:
        return is_named(roots(path, is_named)[""])
    except (DataError, OSError):
        return False  # the folder is read, and the reason told, as any other


SOURCE = Source("FOLDER of named images", _matches, load_named, files=files_below)
