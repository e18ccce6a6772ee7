"""Where images and their masks lie in a folder.

Four ways are in use: ``images`` and ``masks``; both in ``train``, ``val`` and ``test``; ``train``
and so on in both; and ``train`` beside ``trainannot`` or ``train_masks``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from vaiopt.data.listing import subfolders
from vaiopt.data.sources.layout import SETS, roots, set_of, train_folder
from vaiopt.errors import DataError

IMAGES = ("images", "image", "imgs", "img", "jpegimages", "leftimg8bit")
MASKS = (
    "masks",
    "mask",
    "labels",
    "annotations",
    "annot",
    "segmentationclass",
    "targets",
    "groundtruth",
    "gtfine",
    "gt",
)
"""Names of the folders of images and of masks, in small letters and without signs."""


class Place(NamedTuple):
    """The folders of a set: of its images and of their masks."""

    images: Path
    masks: Path


def places(folder: Path) -> Dict[str, Place]:
    """Return the folders of each set, by the first letters of its fields in a dataset; nothing
    where a folder does not hold images and masks.

    Raises:
        DataError: a set has no masks, or there is something else beside ``train``.
        OSError: a folder may not be read.
    """
    return _by_name(folder) or _by_place(folder)


def is_set(root: Path) -> bool:
    """Tell whether a folder holds images and masks, a folder for each."""
    try:
        return root.is_dir() and all(_one_of(root, names) for names in (IMAGES, MASKS))
    except OSError:  # the source of any other folder says that it cannot be read
        return False


def _one_of(root: Path, names: Sequence[str]) -> Optional[Path]:
    return next((p for p in subfolders(root) if _plain(p.name) in names), None)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _by_place(folder: Path) -> Dict[str, Place]:
    """Return the sets of folders that hold ``images`` and ``masks``."""
    found = {prefix: _place(root) for prefix, root in roots(folder, is_set).items() if is_set(root)}
    whole = found.get("")
    if list(found) == [""] and whole is not None and train_folder(whole.images) is not None:
        return _within(whole)
    return found


def _place(root: Path) -> Place:
    images, masks = (_one_of(root, names) for names in (IMAGES, MASKS))
    assert images is not None and masks is not None  # is_set
    return Place(images, masks)


def _within(whole: Place) -> Dict[str, Place]:
    """Return the sets whose folders lie within those of all images and of all masks."""
    images, masks = ({set_of(p.name): p for p in subfolders(folder)} for folder in whole)
    _check_masked(images, masks, whole.masks)
    return {prefix: Place(images[prefix], masks[prefix]) for prefix in SETS if prefix in images}


def _by_name(folder: Path) -> Dict[str, Place]:
    """Return the sets whose folders tell what they hold: ``train`` and ``trainannot``."""
    found: Dict[bool, Dict[Optional[str], Path]] = {False: {}, True: {}}
    for path in subfolders(folder):
        told = _told(path.name)
        if told is not None:
            prefix, holds_masks = told
            found[holds_masks].setdefault(prefix, path)
    images, masks = found[False], found[True]
    if "" not in images or "" not in masks:
        return {}
    _check_masked(images, masks, folder)
    return {prefix: Place(images[prefix], masks[prefix]) for prefix in SETS if prefix in images}


def _told(name: str) -> Optional[Tuple[str, bool]]:
    """Return which set a folder's name tells, and whether it holds masks; None if it tells none."""
    plain = _plain(name)
    for prefix, word in _longest_first():
        for rest in _rests(plain, word):
            if not rest or rest in IMAGES or rest in MASKS:
                return prefix, rest in MASKS
    return None


def _longest_first() -> List[Tuple[str, str]]:
    every = [(prefix, word) for prefix, words in SETS.items() for word in words]
    return sorted(every, key=lambda pair: -len(pair[1]))


def _rests(name: str, word: str) -> Iterable[str]:
    """Yield what a name has besides a word at its start or its end."""
    if name.startswith(word):
        yield name[len(word) :]
    if name.endswith(word):
        yield name[: -len(word)]


def _check_masked(
    images: Dict[Optional[str], Path], masks: Dict[Optional[str], Path], where: Path
) -> None:
    """Refuse a set of images whose masks are not there, or a folder that tells no set."""
    for prefix, path in images.items():
        if prefix not in SETS or prefix not in masks:
            raise DataError(
                f"'{where}' holds no masks for '{path.name}'",
                "Give each of train, val and test a folder of masks, or move it out of the folder;"
                " images without masks are predicted later (vaiopt predict).",
            )
