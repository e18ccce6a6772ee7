"""A folder of images: ``folder/class/*.png``, or such folders in ``train``, ``val``, ``test``."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from vaiopt.data.dataset import Dataset, Request, limit_dataset
from vaiopt.data.image_files import (
    GREY_MODES,
    OTHER_SUFFIXES,
    SUFFIXES,
    Header,
    read_header,
    read_pixels,
)
from vaiopt.data.images import check_memory, load_pillow
from vaiopt.data.sources.source import Source
from vaiopt.errors import DataError
from vaiopt.reading import Refused, check_regular, parts
from vaiopt.tasks.class_labels import check_names


def load_folder(request: Request, folder: Path) -> Dataset:
    """Load a folder of images, one subfolder per class; classes are numbered in the sorted order of
    their names.

    Images are read as RGB, or as one channel if all of them are grey or ``request.grayscale`` is
    set, and resized to ``request.image_size``; without it they must all have one size. With a
    limit, only the images that are kept are read. The dataset's fingerprint is that of the files,
    not of the pixels: decoders of different versions may differ in the last bit.

    Raises:
        DataError: there are no class folders or a class has no image, a file cannot be read, or
            sizes differ.
    """
    with reading(folder):
        return _load(request, folder)


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[None]:
    """While a folder is read, raise :class:`DataError` for what the system refuses."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"'{folder}' cannot be read ({error})",
            "Check that you may read the folder and all in it.",
        ) from error


def _matches(text: str, path: Optional[Path]) -> bool:
    return path is not None and path.is_dir()


SOURCE = Source("FOLDER", _matches, load_folder)


def file_names(request: Request, folder: Path) -> List[str]:
    """Return the path, within the folder, of each image that :func:`load_folder` loads for a
    request, in the order of the dataset's samples: its own, then the given sets. Nothing is
    decoded. Raises as that.
    """
    _, chosen = _chosen(request, folder)
    return [p.relative_to(folder).as_posix() for paths in chosen.values() for p in paths]


def _load(request: Request, folder: Path) -> Dataset:
    kept, chosen = _chosen(request, folder)
    arrays, headers = decoded(folder, chosen, request)
    return replace(kept, fingerprint=files_sha256(folder, headers), **arrays)


def _chosen(request: Request, folder: Path) -> Tuple[Dataset, Dict[str, List[Path]]]:
    """Return a dataset with file numbers in the place of images, as many as are asked for, and its
    files, by the first letters of the fields of their set.
    """
    found = roots(folder, lambda root: bool(_subfolders(root)))
    classes = _class_folders(found[""])
    for prefix, root in found.items():
        if prefix:
            _check_same_classes(found[""], root, classes)
    listed = {prefix: _list_files(root, classes) for prefix, root in found.items()}
    # The same limit as for any dataset, with file numbers in the place of samples.
    numbers: Dict[str, Any] = {}
    for prefix, (paths, labels) in listed.items():
        numbers[f"{prefix}x"] = np.arange(len(paths), dtype=np.int64)[:, np.newaxis]
        numbers[f"{prefix}y"] = np.asarray(labels, dtype=np.int64)
    every = Dataset(name=folder.name, classes=tuple(classes), **numbers)
    kept = limit_dataset(every, request.limit, request.seed)
    chosen = {
        prefix: [paths[i] for i in getattr(kept, f"{prefix}x")[:, 0]]
        for prefix, (paths, _) in listed.items()
    }
    return kept, chosen


def decoded(
    folder: Path, chosen: Mapping[str, Sequence[Path]], request: Request
) -> Tuple[Dict[str, Any], List[Header]]:
    """Return the images of each set, uint8 (N, H, W, C), by the names of their fields in a dataset,
    and the headers of all.

    Args:
        folder: that they are of. chosen: files by the first letters of the fields of their set.
        request: says size and colour.

    Raises:
        DataError: a file cannot be read, sizes differ, or they do not fit into memory.
    """
    headers = [read_header(path) for paths in chosen.values() for path in paths]
    is_grey = request.grayscale or all(header.mode in GREY_MODES for header in headers)
    size = request.image_size or _common_size(headers)
    mode = "L" if is_grey else "RGB"
    check_memory(folder.name, (len(headers), *size, _channels(mode)), 1)
    return {f"{prefix}x": _decode(paths, mode, size) for prefix, paths in chosen.items()}, headers


def _subfolders(folder: Path) -> List[str]:
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


GIVEN = {"test_": ("test",), "validation_": ("val", "valid", "validation")}
"""Names of the folders of given sets beside ``train``, by the first letters of their fields."""


def roots(folder: Path, is_set: Callable[[Path], bool]) -> Dict[str, Path]:
    """Return the folder of each set, by the first letters of its fields in a dataset: the folder
    itself, or its ``train`` and what stands beside it.

    Args:
        folder: with the data.
        is_set: whether a folder holds such a set.

    Raises:
        DataError: there are other folders beside ``train``.
    """
    names = _subfolders(folder)
    if "train" not in names or not is_set(folder / "train"):
        return {"": folder}
    found = {"": folder / "train"}
    for name in [name for name in names if name != "train"]:
        prefix = next((p for p, known in GIVEN.items() if name.lower() in known), None)
        if prefix is None or prefix in found:
            other = "'train'" if prefix is None else f"'{found[prefix].name}'"
            raise DataError(
                f"'{folder}' holds {other} and also '{name}'",
                "Keep only 'train', 'val' and 'test' (both optional); without 'val' the validation"
                " part is split off from 'train' by data.split.",
            )
        found[prefix] = folder / name
    return {prefix: found[prefix] for prefix in ("", *GIVEN) if prefix in found}


def _class_folders(root: Path) -> List[str]:
    names = _subfolders(root)
    if len(names) < 2:
        found = f"a single class folder, '{names[0]}'" if names else "no class folders"
        raise DataError(
            f"'{root}' holds {found}",
            "Put the images of each class into a folder of its own: FOLDER/CLASS/*.png.",
        )
    check_names(names, f"'{root}'")
    return names


def _check_same_classes(train: Path, test: Path, classes: Sequence[str]) -> None:
    hint = f"Give train and {test.name} the same class folders."
    for name in _subfolders(test):
        if name not in classes:
            raise DataError(f"'{test}' holds a class '{name}' that '{train}' does not", hint)
    for name in classes:
        if not (test / name).is_dir():
            raise DataError(f"'{test}' has no class folder '{name}'", hint)


def _list_files(root: Path, classes: Sequence[str]) -> Tuple[List[Path], List[int]]:
    """Return all image files, sorted by class and name, and the class number of each."""
    paths: List[Path] = []
    numbers: List[int] = []
    for number, name in enumerate(classes):
        found = image_files(root / name, SUFFIXES)
        if not found:
            raise DataError(
                f"class folder '{root / name}' holds no image",
                f"Put {', '.join(SUFFIXES)} files straight into it, or remove it.",
            )
        paths += found
        numbers += [number] * len(found)
    return paths, numbers


def image_files(folder: Path, suffixes: Sequence[str]) -> List[Path]:
    """Return the image files straight in a folder, sorted.

    Raises:
        DataError: one is of a format that is not read, or is no regular file.
    """
    shown = [p for p in folder.iterdir() if not p.name.startswith(".")]
    _check_all_read([p for p in shown if p.suffix.lower() in OTHER_SUFFIXES])
    found = sorted(p for p in shown if p.suffix.lower() in suffixes)
    for path in found:
        _check_file(path)
    return found


def _check_all_read(others: Sequence[Path]) -> None:
    """Refuse images of formats that are not read; a class would lose them without a word."""
    if others:
        more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        raise DataError(
            f"'{min(others)}' is an image of a format that is not read{more}",
            f"Save it as {', '.join(SUFFIXES)}, or move it out of the folder.",
        )


def _check_file(path: Path) -> None:
    """Refuse what is called like an image but is none: a pipe would be waited for."""
    try:
        check_regular(path)
    except FileNotFoundError as error:
        raise DataError(
            f"'{path}' is a link to nothing", "Remove it, or restore what it leads to."
        ) from error
    except Refused as error:
        raise DataError(
            f"'{path}' cannot be read: {error}", "Move it out of the folder."
        ) from error


def _common_size(headers: Sequence[Header]) -> Tuple[int, ...]:
    """Return the one (height, width) of all images."""
    first = headers[0]
    width, height = first.size
    for other in headers:
        if other.size != first.size:
            raise DataError(
                f"images differ in size: '{first.path}' is {width}x{height}, '{other.path}' is"
                f" {other.size[0]}x{other.size[1]}",
                "Set the size that all are brought to: data.image_size = [height, width], such as"
                f" [{height}, {width}].",
            )
    return height, width


def _decode(paths: Sequence[Path], mode: str, size: Tuple[int, ...]) -> np.ndarray:
    """Return the images as uint8 (N, H, W, C)."""
    height, width = size
    result = np.empty((len(paths), height, width, _channels(mode)), dtype=np.uint8)
    for i, path in enumerate(paths):
        pixels = read_pixels(path, mode)
        if pixels.size != (width, height):
            pixels = pixels.resize((width, height), load_pillow().BILINEAR)
        result[i] = np.asarray(pixels).reshape(result.shape[1:])
    return result


def _channels(mode: str) -> int:
    return 1 if mode == "L" else 3


def files_sha256(folder: Path, headers: Iterable[Header]) -> str:
    """Return the SHA-256 over the path in the folder and the bytes of every file, and over how it
    is turned, if it is.
    """
    digest = hashlib.sha256()
    for header in headers:
        path, turned = header.path, header.orientation
        head = f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0"
        digest.update(head.encode("utf-8", "surrogateescape"))
        digest.update(f"turned {turned}\0".encode("ascii") if turned != 1 else b"")
        for part in parts(path):
            digest.update(part)
    return digest.hexdigest()
