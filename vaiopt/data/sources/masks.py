"""A folder of images and their masks: ``images/*.jpg`` and ``masks/*.png`` of the same names, or
such folders in ``train``, ``val`` and ``test``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from vaiopt.data.dataset import Dataset, Request, limit_dataset, make_dataset
from vaiopt.data.image_files import SUFFIXES, read_header, read_mask
from vaiopt.data.images import fit_masks
from vaiopt.data.sources import folder as folders
from vaiopt.data.sources.source import Source
from vaiopt.errors import DataError
from vaiopt.reading import read_text
from vaiopt.tasks.task import UNSCORED

IMAGES = ("images", "image", "imgs", "jpegimages")
MASKS = ("masks", "mask", "labels", "annotations", "annot", "segmentationclass", "targets")
"""Names of the folders of images and of masks, in small letters."""

MASK_SUFFIXES = (".png", ".bmp", ".gif")
"""Of files that keep numbers as they are."""

Pairs = List[Tuple[Path, Path]]


def load_masks(request: Request, folder: Path) -> Dataset:
    """Load a folder of images and masks of the same names.

    A mask has one number a pixel: grey, or the number in a palette. Images are read as
    :func:`vaiopt.data.sources.folder.load_folder` does; with ``request.image_size`` masks are
    resized to it too, each pixel the nearest. A ``classes.txt`` beside them names the classes, one
    a line.

    Raises:
        DataError: an image has no mask, a mask no image, the sizes of the two differ, or a file
            cannot be read.
    """
    with folders.reading(folder):
        return _load(request, folder)


def _load(request: Request, folder: Path) -> Dataset:
    pairs = {prefix: _pairs(root) for prefix, root in folders.roots(folder, _is_set).items()}
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
    images = {prefix: [image for image, _ in of_it] for prefix, of_it in chosen.items()}
    arrays, headers = folders.decoded(folder, images, request)
    size = arrays["x"].shape[1:3]
    masks = {f"{prefix}y": _decode(of_it, size) for prefix, of_it in chosen.items()}
    highest = max(int(m.max(initial=0, where=m != UNSCORED)) for m in masks.values())
    made = make_dataset(
        folder.name,
        arrays["x"],
        masks["y"],
        test_x=arrays.get("test_x"),
        test_y=masks.get("test_y"),
        validation_x=arrays.get("validation_x"),
        validation_y=masks.get("validation_y"),
        classes=_names(folder, highest + 1),
        task="segmentation",
    )
    headers += [read_header(path) for of_it in chosen.values() for _, path in of_it]
    return replace(made, fingerprint=folders.files_sha256(folder, headers))


def _subfolder(root: Path, names: Tuple[str, ...]) -> Optional[Path]:
    folders_of_it = (p for p in sorted(root.iterdir()) if p.is_dir())
    return next((p for p in folders_of_it if p.name.lower() in names), None)


def _is_set(root: Path) -> bool:
    try:
        return root.is_dir() and all(_subfolder(root, names) for names in (IMAGES, MASKS))
    except OSError:  # the source of any other folder says that it cannot be read
        return False


def _matches(text: str, path: Optional[Path]) -> bool:
    return path is not None and path.is_dir() and (_is_set(path) or _is_set(path / "train"))


SOURCE = Source("FOLDER/images+masks", _matches, load_masks)


def _pairs(root: Path) -> Pairs:
    """Return each image with its mask, sorted by name."""
    image_folder, mask_folder = (_subfolder(root, names) for names in (IMAGES, MASKS))
    assert image_folder is not None and mask_folder is not None  # the source was found by them
    images = folders.image_files(image_folder, SUFFIXES)
    masks = {path.stem: path for path in folders.image_files(mask_folder, MASK_SUFFIXES)}
    missing = [path for path in images if path.stem not in masks]
    lone = sorted(set(masks) - {path.stem for path in images})
    if missing or not images:
        what = f"no mask for '{missing[0].name}'" if missing else "no image"
        raise DataError(
            f"'{mask_folder if missing else image_folder}' holds {what}",
            f"Give each image a mask of its name ({', '.join(MASK_SUFFIXES)}), or remove it.",
        )
    if lone:
        raise DataError(
            f"'{image_folder}' holds no image for the mask '{masks[lone[0]].name}'",
            f"Give each mask an image of its name ({', '.join(SUFFIXES)}), or remove it.",
        )
    return [(path, masks[path.stem]) for path in images]


def _decode(pairs: Pairs, size: Tuple[int, ...]) -> np.ndarray:
    """Return the masks as uint8 (N, H, W)."""
    result = np.empty((len(pairs), *size), np.uint8)
    for i, (image, path) in enumerate(pairs):
        mask = read_mask(path)
        width, height = read_header(image).size
        if mask.shape != (height, width):
            raise DataError(
                f"'{path}' is {mask.shape[1]}x{mask.shape[0]}, its image {width}x{height}",
                "Give both of one size.",
            )
        result[i] = mask if mask.shape == size else fit_masks(mask[np.newaxis], size)[0]
    return result


def _names(folder: Path, count: int) -> Optional[List[str]]:
    """Return the names in ``classes.txt``; None without. 255 is no class."""
    path = folder / "classes.txt"
    if not path.is_file():
        return None
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    if len(lines) < count:
        raise DataError(
            f"'{path}' names {len(lines)} classes, and the masks hold class {count - 1}",
            "Write a name for each number from 0, one a line.",
        )
    return lines
