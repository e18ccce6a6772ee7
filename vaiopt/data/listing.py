"""The image files in a folder and the folders in it; what else is there is counted by kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence

from vaiopt.data.image_files import OTHER_SUFFIXES, SUFFIXES
from vaiopt.data.left_out import HIDDEN, LINKS, Leavings, kind_of
from vaiopt.errors import DataError
from vaiopt.reading import Refused, check_regular

SYSTEM_FOLDERS = ("__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found")
"""Names, in small letters, of folders that systems make beside a person's."""

SYSTEM = "folders of the system"


class Listed(NamedTuple):
    """The image files of a folder.

    Attributes:
        paths: sorted.
        problems: of what is called like an image and cannot be read, by path.
    """

    paths: List[Path]
    problems: Dict[Path, DataError]


def subfolders(folder: Path) -> List[Path]:
    """Return the folders in a folder, sorted, without hidden ones and those of the system."""
    found = (p for p in folder.iterdir() if p.is_dir() and not is_foreign(p.name))
    return sorted(found)


def is_foreign(name: str) -> bool:
    """Return whether a folder of this name is hidden, or one of the system's."""
    return name.startswith(".") or name.lower() in SYSTEM_FOLDERS


def list_images(folder: Path, suffixes: Sequence[str], leavings: Leavings) -> Listed:
    """Return the images of a folder and of the folders in it.

    Links to folders are not followed: they may lead in circles.

    Args:
        folder: to look in.
        suffixes: endings of images that are read, in small letters.
        leavings: is told what is no image.

    Raises:
        OSError: a folder may not be read.
    """
    listed = Listed([], {})
    for place, folders, files in os.walk(str(folder), onerror=_fail):
        here = Path(place)
        for name in sorted(folders):
            if not _is_entered(here / name, suffixes, leavings, listed.problems):
                folders.remove(name)
        for name in files:
            _take(here / name, suffixes, leavings, listed)
    listed.paths.sort()
    return listed


def _fail(error: OSError) -> None:
    raise error


def _is_entered(
    path: Path, suffixes: Sequence[str], leavings: Leavings, problems: Dict[Path, DataError]
) -> bool:
    """Return whether a folder is looked into."""
    if is_foreign(path.name):
        leavings.add(HIDDEN if path.name.startswith(".") else SYSTEM, path)
    elif path.suffix.lower() in suffixes:
        _check_file(path, problems)
    elif path.is_symlink():
        leavings.add(LINKS, path)
    else:
        return True
    return False


def _take(path: Path, suffixes: Sequence[str], leavings: Leavings, listed: Listed) -> None:
    """Take a file for an image, a problem or something else."""
    ending = path.suffix.lower()
    if path.name.startswith("."):
        leavings.add(HIDDEN, path)
    elif ending in suffixes:
        if _check_file(path, listed.problems):
            listed.paths.append(path)
    elif ending in OTHER_SUFFIXES:
        listed.problems[path] = DataError(
            f"'{path}' is an image of a format that is not read",
            f"Save it as {', '.join(SUFFIXES)}, or move it out of the folder.",
        )
    else:
        leavings.add(kind_of(path), path)


def _check_file(path: Path, problems: Dict[Path, DataError]) -> bool:
    """Return whether what is called like an image is a file: a pipe would be waited for."""
    try:
        check_regular(path)
    except FileNotFoundError:
        problems[path] = DataError(
            f"'{path}' is a link to nothing", "Remove it, or restore what it leads to."
        )
    except OSError as error:
        said = str(error) if isinstance(error, Refused) else str(error.strerror)
        problems[path] = DataError(f"'{path}' cannot be read: {said}", "Move it out of the folder.")
    return path not in problems
