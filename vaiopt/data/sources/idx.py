"""Arrays in IDX files, as MNIST and its kin are given away: ``train-images-idx3-ubyte`` and
``train-labels-idx1-ubyte`` beside it, packed (``.gz``) or not, in a folder.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, List, Optional

from vaiopt.data.dataset import Dataset, Request
from vaiopt.data.idx_files import read_idx
from vaiopt.data.sources.arrays import dataset_of
from vaiopt.data.sources.source import Source
from vaiopt.errors import DataError

NAME = re.compile(
    r"(?P<before>.*?)(?P<set>train|t10k|test)[-_.](?P<kind>images|labels)[-_.]"
    r"idx\d(-ubyte)?(\.gz)?",
    re.IGNORECASE,
)

CURE = "Download it again: train-images-idx3-ubyte.gz and the others, as they are."


def load_idx(request: Request, path: Path) -> Dataset:
    """Load the training set, and the test set where there is one, that lie in a folder, or beside a
    file and are called like it.

    Raises:
        DataError: a file cannot be read, the folder holds several data sets, or an array is missing
            or cannot be used.
    """
    folder = path if path.is_dir() else path.parent
    files = _files(folder)
    groups = sorted({_name(file)["before"] for file in files})
    if path.is_file():
        groups = [_name(path)["before"]]
    if len(groups) > 1:
        training = [file for file in files if _name(file)["set"].lower() == "train"]
        raise DataError(
            f"'{path}' holds {len(groups)} data sets, {', '.join(repr(g) for g in groups[:3])}",
            f"Name a file of the one that is meant: data.source = '{(training or files)[0]}'.",
        )
    arrays: Dict[str, Any] = {}
    for file in files:
        said = _name(file)
        if said["before"] == groups[0]:
            kind = "x" if said["kind"].lower() == "images" else "y"
            key = kind if said["set"].lower() == "train" else f"{kind}_test"
            if key in arrays:
                raise DataError(
                    f"'{folder}' holds {said['kind']} of '{said['set']}' twice, once as '{file}'",
                    "Keep one of the files.",
                )
            arrays[key] = read_idx(file, CURE)
    return dataset_of(path.name, arrays, f"'{path}'", request.task)


def _name(path: Path) -> Dict[str, str]:
    found = NAME.fullmatch(path.name)
    return {k: v or "" for k, v in found.groupdict().items()} if found else {}


def _files(folder: Path) -> List[Path]:
    """Return the IDX files of a folder, or else those in folders called so."""
    called = sorted(path for path in folder.iterdir() if _name(path))
    files = [path for path in called if path.is_file()]
    return files or [path / path.name for path in called if (path / path.name).is_file()]


def _matches(text: str, path: Optional[Path]) -> bool:
    if path is None:
        return False
    if path.is_file():
        return bool(_name(path))
    try:
        return path.is_dir() and bool(_files(path))
    except OSError:
        return False  # the folder is read, and the reason told, as any other


SOURCE = Source("FOLDER of IDX files", _matches, load_idx)
