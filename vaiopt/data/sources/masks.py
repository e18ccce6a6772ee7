"""A folder of images and their masks: ``images/*.jpg`` and ``masks/*.png`` of the same names, also
for ``train``, ``val`` and ``test``.
"""

from __future__ import annotations

import functools
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from vaiopt.data.dataset import Dataset, Request, make_dataset
from vaiopt.data.image_files import SUFFIXES, read_header, read_mask
from vaiopt.data.images import fit_masks
from vaiopt.data.left_out import Leavings
from vaiopt.data.limit import limit_dataset
from vaiopt.data.listing import list_images
from vaiopt.data.sources import folder as folders
from vaiopt.data.sources.mask_layout import Place, places
from vaiopt.data.sources.source import Source, files_below
from vaiopt.data.unreadable import gather
from vaiopt.errors import DataError
from vaiopt.reading import read_text
from vaiopt.tasks.task import UNSCORED

MASK_SUFFIXES = (".png", ".bmp", ".gif", ".tif", ".tiff")
"""Of files that keep numbers as they are."""

CLASSES = "classes.txt"
"""The file with the names of the classes."""

Pairs = List[Tuple[Path, Path]]


def load_masks(request: Request, folder: Path) -> Dataset:
    """Load a folder of images and masks of the same names.

    A mask has one number a pixel: grey, or the number in a palette. Images are read as
    :func:`vaiopt.data.sources.folder.load_folder` does; with ``request.image_size`` masks are
    brought to it in the same way, each pixel the nearest. A ``classes.txt`` beside them names the
    classes, one a line.

    Raises:
        DataError: an image has no mask, a mask no image, the sizes of the two differ, or a file
            cannot be read, and such are not to be left out.
    """
    with folders.reading(folder):
        return _load(request, folder)


def _load(request: Request, folder: Path) -> Dataset:
    leavings = Leavings(folder)
    wrong: Dict[Path, DataError] = {}
    found = places(folder)
    beside = [path.parent for place in found.values() for path in place]
    folders.tell_loose([folder, *beside], leavings, known=(CLASSES,))
    pairs = {prefix: _pairs(place, leavings, wrong) for prefix, place in found.items()}
    # The same limit as for any dataset, with file numbers in the place of samples.
    numbers: Dict[str, Any] = {}
    for prefix, of_it in pairs.items():
        numbers[f"{prefix}x"] = np.arange(len(of_it), dtype=np.int64)[:, np.newaxis]
        numbers[f"{prefix}y"] = np.zeros(len(of_it), np.int64)
    every = Dataset(name=folder.name, classes=("all",), task="segmentation", **numbers)
    kept = limit_dataset(every, request.limit, request.seed)
    chosen = {
        prefix: [of_it[i] for i in getattr(kept, f"{prefix}x")[:, 0]]
        for prefix, of_it in pairs.items()
    }
    mask_of = dict(pair for of_it in chosen.values() for pair in of_it)
    whole = [image for image in mask_of if image not in wrong]
    masks, unread = gather(whole, functools.partial(_mask, mask_of, request))
    wrong.update(unread)
    images = {prefix: [image for image, _ in of_it] for prefix, of_it in chosen.items()}
    read = folders.decoded(folder, images, request, wrong, leavings)
    labels: Dict[str, Any] = {}
    for prefix, rows in read.kept.items():
        rows_of_it = [masks[image] for image, is_kept in zip(images[prefix], rows) if is_kept]
        labels[f"{prefix}y"] = _stacked(rows_of_it, prefix)
    highest = max(int(m.max(initial=0, where=m != UNSCORED)) for m in labels.values())
    files = read.files(folder, leavings)
    made = make_dataset(
        folder.name,
        read.arrays["x"],
        labels["y"],
        test_x=read.arrays.get("test_x"),
        test_y=labels.get("test_y"),
        validation_x=read.arrays.get("validation_x"),
        validation_y=labels.get("validation_y"),
        classes=_names(folder, highest + 1),
        task="segmentation",
        notes=files.notes,
    )
    headers = [*read.headers, *(read_header(mask_of[header.path]) for header in read.headers)]
    return replace(
        made, fingerprint=folders.files_sha256(folder, headers, request.hashed), files=files
    )


def _stacked(masks: Sequence[np.ndarray], prefix: str) -> np.ndarray:
    if not masks:
        which = f"the given {prefix[:-1]} set" if prefix else "the folder"
        raise DataError(
            f"no image of {which} can be read with its mask",
            "Replace them; without data.skip_corrupt they are named, with the reasons.",
        )
    return np.stack(masks)


def _matches(text: str, path: Optional[Path]) -> bool:
    if path is None or not path.is_dir():
        return False
    try:
        return bool(places(path))
    except DataError:  # it holds some
        return True
    except OSError:
        return False


SOURCE = Source("FOLDER/images+masks", _matches, load_masks, files=files_below)


def _pairs(place: Place, leavings: Leavings, wrong: Dict[Path, DataError]) -> Pairs:
    """Return each image with its mask, sorted by name; take note of those that lack the other."""
    image_folder, mask_folder = place
    images = list_images(image_folder, SUFFIXES, leavings)
    masks = list_images(mask_folder, MASK_SUFFIXES, leavings)
    if not images.paths and not images.problems:
        raise DataError(
            f"'{image_folder}' holds no image", f"Put {', '.join(SUFFIXES)} files into it."
        )
    wrong.update({**images.problems, **masks.problems})
    keys, by_key = _matched(
        {_key(image_folder, path): path for path in [*images.paths, *images.problems]},
        {_key(mask_folder, path): path for path in [*masks.problems, *masks.paths]},
    )
    key_of, known = {path: key for key, path in keys.items()}, set(keys)
    pairs = []
    for path in images.paths:
        mask = by_key.get(key_of[path])
        if mask is None:
            wrong[path] = _without_mask(mask_folder, path, _key(image_folder, path))
        elif mask in wrong:
            wrong[path] = wrong.pop(mask)
        pairs.append((path, path if mask is None else mask))
    for key in sorted(set(by_key) - known):
        wrong[by_key[key]] = DataError(
            f"'{image_folder}' holds no image for the mask '{by_key[key].name}'",
            f"Give each mask an image of its name ({', '.join(SUFFIXES)}), or remove it.",
        )
    return pairs


def _without_mask(mask_folder: Path, image: Path, key: str) -> DataError:
    """Return the error of an image without a mask; it may have one that keeps no numbers."""
    others = (mask_folder / f"{key}{suffix}" for suffix in SUFFIXES)
    lossy = next((path for path in others if path.is_file()), None)
    if lossy is not None:
        return DataError(
            f"the mask '{lossy}' is of a format that changes numbers",
            f"Make the masks anew as {', '.join(MASK_SUFFIXES)}; converting them is too late.",
        )
    return DataError(
        f"'{mask_folder}' holds no mask for '{image.name}'",
        f"Give each image a mask of its name ({', '.join(MASK_SUFFIXES)}), or remove it.",
    )


def _key(folder: Path, path: Path) -> str:
    """Return what an image and its mask have in common."""
    return path.relative_to(folder).with_suffix("").as_posix()


def _matched(
    images: Dict[str, Path], masks: Dict[str, Path]
) -> Tuple[Dict[str, Path], Dict[str, Path]]:
    """Return images and masks by what they have in common: where no name is the same, without the
    words that all names of a folder begin or end with, such as ``_mask``.
    """
    if set(images) & set(masks):
        return images, masks
    bare = tuple(_bare(found) for found in (images, masks))
    return (bare[0], bare[1]) if set(bare[0]) & set(bare[1]) else (images, masks)


def _bare(found: Dict[str, Path]) -> Dict[str, Path]:
    """Return files by their names without the words that all of these begin and end with."""
    names = list(found)
    start, end = (_shared([name[::step] for name in names]) for step in (1, -1))
    return {name[start : len(name) - end]: path for name, path in found.items()}


def _shared(names: List[str]) -> int:
    """Return how many letters of whole words all names begin with."""
    shared = os.path.commonprefix(names) if len(names) > 1 else ""
    return max((i + 1 for i, letter in enumerate(shared) if letter in "_-. "), default=0)


def _mask(mask_of: Mapping[Path, Path], request: Request, image: Path) -> np.ndarray:
    """Return the mask of an image in the size that is wanted, uint8 (H, W)."""
    path = mask_of[image]
    mask = read_mask(path)
    width, height = read_header(image).size
    if mask.shape != (height, width):
        raise DataError(
            f"'{path}' is {mask.shape[1]}x{mask.shape[0]}, its image {width}x{height}",
            "Give both of one size, as a viewer shows them.",
        )
    size = tuple(request.image_size) or mask.shape
    return mask if mask.shape == size else fit_masks(mask[np.newaxis], size, request.resize)[0]


def _names(folder: Path, count: int) -> Optional[List[str]]:
    """Return the names in ``classes.txt``; None without. 255 is no class."""
    path = folder / CLASSES
    if not path.is_file():
        return None
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    if len(lines) < count:
        raise DataError(
            f"'{path}' names {len(lines)} classes, and the masks hold class {count - 1}",
            "Write a name for each number from 0, one a line.",
        )
    return lines
