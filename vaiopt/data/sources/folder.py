"""A folder of images: ``folder/class/*.png``, or such folders in ``train``, ``val``, ``test``."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    MutableMapping,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import numpy as np

from vaiopt.data.dataset import HASHED_WHOLE, Dataset, Request
from vaiopt.data.image_files import (
    BACKGROUND,
    DEEP_MODES,
    GREY_MODES,
    SUFFIXES,
    Header,
    read_header,
    read_picture,
    read_pixels,
)
from vaiopt.data.images import FEW_LEVELS, check_memory
from vaiopt.data.left_out import LOOSE, UNREADABLE, FilesRead, Leavings, kind_of
from vaiopt.data.limit import limit_dataset
from vaiopt.data.listing import list_images, subfolders
from vaiopt.data.other_kinds import cure_of_folder
from vaiopt.data.sources.layout import roots
from vaiopt.data.sources.source import Source, files_below
from vaiopt.data.sources.table_file import ENDINGS as LISTS
from vaiopt.data.store import scratch
from vaiopt.data.threads import in_order
from vaiopt.data.unreadable import gather, refuse
from vaiopt.errors import DataError
from vaiopt.reading import parts
from vaiopt.tasks import AUTO
from vaiopt.tasks.class_labels import check_names


def load_folder(request: Request, folder: Path) -> Dataset:
    """Load a folder of images, one subfolder per class; classes are numbered in the sorted order of
    their names.

    Images are read as RGB, or as one channel if all of them are grey or ``request.grayscale`` is
    set, and brought to ``request.image_size``; without it they must all have one size. With a
    limit, only the images that are kept are read. The dataset's fingerprint is that of the files,
    not of the pixels: decoders of different versions may differ in the last bit.

    Raises:
        DataError: there are no class folders or a class has no image, files cannot be read and are
            not to be left out, or sizes differ.
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


SOURCE = Source("FOLDER", _matches, load_folder, files=files_below)


@dataclass(frozen=True)
class Chosen:
    """The files of a folder of images that are to be read.

    Attributes:
        dataset: with file numbers in the place of images, as many as are asked for.
        paths: of the files, by the first letters of the fields of their set.
        problems: of what is called like an image and cannot be read, by path.
        leavings: what is no image.
    """

    dataset: Dataset
    paths: Mapping[str, List[Path]]
    problems: Mapping[Path, DataError]
    leavings: Leavings


@dataclass(frozen=True)
class Decoded:
    """Images that were read.

    Attributes:
        arrays: of each set, uint8 (N, H, W, C), by the names of their fields in a dataset.
        headers: of all of these, in order.
        kept: which of the files were read, by the first letters of the fields of their set; all
            but those that cannot be, where these are to be left out.
    """

    arrays: Dict[str, Any]
    headers: List[Header]
    kept: Dict[str, np.ndarray]

    def files(self, folder: Path, leavings: Leavings) -> FilesRead:
        """Return what was read of a folder."""
        names = tuple(header.path.relative_to(folder).as_posix() for header in self.headers)
        return FilesRead(names, tuple(header.size for header in self.headers), leavings.all())


def _load(request: Request, folder: Path) -> Dataset:
    chosen = choose(request, folder)
    made = decoded(folder, chosen.paths, request, chosen.problems, chosen.leavings)
    found = chosen.dataset
    labels = {
        f"{prefix}y": getattr(found, f"{prefix}y")[rows] for prefix, rows in made.kept.items()
    }
    check_all_left(labels, found.classes)
    files = made.files(folder, chosen.leavings)
    sha256 = files_sha256(folder, made.headers, request.hashed)
    arrays = {**made.arrays, **labels}
    notes = (*files.notes, *_deep_notes(made), *_lacking(labels, found.classes))
    return replace(found, fingerprint=sha256, files=files, notes=notes, **arrays)


def _lacking(labels: Mapping[str, np.ndarray], classes: Sequence[str]) -> Tuple[str, ...]:
    """Return a note of each given set that has no sample of some classes."""
    notes = []
    for name, y in labels.items():
        lacking = [repr(classes[i]) for i in range(len(classes)) if not np.any(y == i)]
        if lacking:
            more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            shown = ", ".join(lacking[:3]) + more
            notes.append(f"the given {name[:-2]} set has no sample of class {shown}")
    return tuple(notes)


LOOKED_AT = 64
"""Images whose levels are looked at."""


def _deep_notes(made: Decoded) -> Tuple[str, ...]:
    """Return a note if images of 16 bits use only the lowest levels."""
    if not any(header.mode in DEEP_MODES for header in made.headers[:LOOKED_AT]):
        return ()
    highest = int(np.max(made.arrays["x"][:LOOKED_AT], initial=0))
    if highest >= FEW_LEVELS:
        return ()
    return (
        f"of images of 16 bits the upper 8 are read, and these use only 0 to {highest} of 255:"
        " save them with their values stretched to the whole range",
    )


def check_all_left(labels: Mapping[str, np.ndarray], classes: Sequence[str]) -> None:
    """Raise :class:`DataError` if leaving files out has left a class or a set without an image."""
    y = labels["y"]
    is_classes = y.ndim == 1 and y.dtype.kind in "iu"
    count = np.bincount(y, minlength=len(classes)) if is_classes else np.ones(len(classes))
    empty = [f"class '{name}'" for name, n in zip(classes, count) if not n]
    empty += [f"the given {name[:-2]} set" for name, y in labels.items() if not len(y)]
    if empty:
        raise DataError(
            f"no image of {empty[0]} can be read",
            "Replace them; without data.skip_corrupt they are named, with the reasons.",
        )


def choose(request: Request, folder: Path) -> Chosen:
    """Return the files that :func:`load_folder` reads for a request. Nothing is decoded.

    Raises:
        DataError: there are no class folders, or a class has no image.
        OSError: a folder may not be read.
    """
    leavings = Leavings(folder)
    found = roots(folder, lambda root: bool(subfolders(root)))
    classes = _class_folders(found[""])
    for prefix, root in found.items():
        if prefix:
            _check_known_classes(found[""], root, classes)
    tell_loose([folder, *found.values()], leavings)
    problems: Dict[Path, DataError] = {}
    listed = {p: _list_files(root, classes, leavings, problems) for p, root in found.items()}
    _check_classes_full(found[""], classes, listed[""][1], problems)
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
    return Chosen(kept, chosen, problems, leavings)


def decoded(
    folder: Path,
    chosen: Mapping[str, Sequence[Path]],
    request: Request,
    problems: Mapping[Path, DataError],
    leavings: Leavings,
) -> Decoded:
    """Read the images of each set.

    Args:
        folder: that they are of.
        chosen: files by the first letters of the fields of their set.
        request: says size, colour, whether files that cannot be read are left out, and above which
            size images are kept in a file.
        problems: that are known of files, chosen or not.
        leavings: is told what is left out for that.

    Raises:
        DataError: files cannot be read and are not to be left out, sizes differ, or they do not fit
            into memory.
    """
    every = [path for paths in chosen.values() for path in paths if path not in problems]
    headers, unread = gather(every, read_header)
    wrong = {**problems, **unread}
    if wrong and not request.skip_corrupt:  # all that is wrong is told at once
        refuse(folder, {**wrong, **gather(headers, lambda path: read_pixels(path, "L").size)[1]})
    if not headers:
        refuse(folder, wrong)
    grey = request.grayscale or all(header.mode in GREY_MODES for header in headers.values())
    size = request.image_size or _common_size(list(headers.values()))
    shape = (*size, 1 if grey else 3)
    most = request.in_memory_mb * 10**6
    if len(headers) * int(np.prod(shape, dtype=np.int64)) <= most:
        check_memory(folder.name, (len(headers), *shape), 1)
    read = functools.partial(read_picture, grey=grey, size=size, resize=request.resize)
    arrays = {
        f"{prefix}x": _decode([p for p in paths if p in headers], read, shape, wrong, most)
        for prefix, paths in chosen.items()
    }
    if not request.skip_corrupt:
        refuse(folder, wrong)
    for path in wrong:
        leavings.add(UNREADABLE, path)
    left = [headers[p] for paths in chosen.values() for p in paths if p not in wrong]
    kept = {
        prefix: np.asarray([path not in wrong for path in paths], bool)
        for prefix, paths in chosen.items()
    }
    return Decoded(arrays, left, kept)


def _decode(
    paths: Sequence[Path],
    read: Callable[[Path], np.ndarray],
    shape: Tuple[int, ...],
    wrong: MutableMapping[Path, DataError],
    most: float,
) -> Any:
    """Return the images that can be read, uint8 (N, *shape), and take note of what is wrong with
    others. Those of more than ``most`` bytes are in a file.
    """
    if len(paths) * int(np.prod(shape, dtype=np.int64)) > most:
        images = (pixels.reshape((1, *shape)) for pixels in _pixels(paths, read, wrong))
        return scratch().append_parts(images, shape, np.dtype(np.uint8))
    result = np.empty((len(paths), *shape), dtype=np.uint8)
    count = 0
    for pixels in _pixels(paths, read, wrong):
        result[count] = pixels
        count += 1
    return result[:count]


def _pixels(
    paths: Sequence[Path],
    read: Callable[[Path], np.ndarray],
    wrong: MutableMapping[Path, DataError],
) -> Iterator[np.ndarray]:
    """Yield the images that can be read, in order; they are decoded by several threads."""

    def decode(path: Path) -> Union[np.ndarray, DataError]:
        try:
            return read(path)
        except DataError as error:
            return error

    with warnings.catch_warnings():  # each thread has filters of its own, which are these
        for path, found in zip(paths, in_order(decode, paths)):
            if isinstance(found, DataError):
                wrong[path] = found
            else:
                yield found


def tell_loose(folders: Iterable[Path], leavings: Leavings, known: Sequence[str] = ()) -> None:
    """Take note of the files straight in folders of which only the folders in them are read, but
    those of known names.
    """
    for folder in dict.fromkeys(folders):
        for path in sorted(folder.iterdir()):
            if not path.is_dir() and path.name not in known:
                leavings.add(LOOSE if path.suffix.lower() in SUFFIXES else kind_of(path), path)


def _class_folders(root: Path) -> List[str]:
    names = [path.name for path in subfolders(root)]
    if len(names) < 2:
        found = f"a single class folder, '{names[0]}'" if names else "no class folders"
        raise DataError(
            f"'{root}' holds {found}",
            "Put the images of each class into a folder of its own: FOLDER/CLASS/*.png"
            f"{_or_a_list(root)}.",
        )
    check_names(names, f"'{root}'")
    return names


def _or_a_list(root: Path) -> str:
    """Return the hint that a table beside the images may list them; nothing without one."""
    found = sorted(path for path in root.iterdir() if path.name.lower().endswith(LISTS))
    return f"; or give the list of the images: data.source = '{found[0]}'" if found else ""


def _check_known_classes(train: Path, test: Path, classes: Sequence[str]) -> None:
    """Refuse a given set without folders, or of other classes. A small one may lack some."""
    hint = f"Give train and {test.name} the same class folders."
    found = [path.name for path in subfolders(test)]
    if not found:
        raise DataError(
            f"'{test}' has no class folder '{classes[0]}': it has no folders at all",
            f"{hint} Images without classes are predicted later (vaiopt predict RUN {test.name});"
            " move them out of the folder.",
        )
    others = sorted(set(found) - set(classes))
    if others:
        more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        raise DataError(f"'{test}' holds a class '{others[0]}'{more} that '{train}' does not", hint)


def _list_files(
    root: Path, classes: Sequence[str], leavings: Leavings, problems: Dict[Path, DataError]
) -> Tuple[List[Path], List[int]]:
    """Return all image files, sorted by class and name, and the class number of each; take note of
    others. Raises DataError: there are none.
    """
    paths: List[Path] = []
    numbers: List[int] = []
    broken = 0
    for number, name in enumerate(classes):
        if not (root / name).is_dir():
            continue
        found = list_images(root / name, SUFFIXES, leavings)
        problems.update(found.problems)
        broken += len(found.problems)
        paths += found.paths
        numbers += [number] * len(found.paths)
    if not paths and not broken:
        raise DataError(
            f"the class folders of '{root}' hold no image",
            cure_of_folder(files_below(root), f"Put {', '.join(SUFFIXES)} files there."),
        )
    _check_depth(root, classes, paths)
    return paths, numbers


def _check_classes_full(
    root: Path, classes: Sequence[str], numbers: Sequence[int], problems: Mapping[Path, DataError]
) -> None:
    """Refuse a class without an image to learn from."""
    there = set(numbers)
    empty = [
        root / name
        for number, name in enumerate(classes)
        if number not in there and not any(root / name in path.parents for path in problems)
    ]
    if empty:
        more = f" (and {len(empty) - 1} more)" if len(empty) > 1 else ""
        raise DataError(
            f"class folder '{empty[0]}' holds no image{more}",
            f"Put {', '.join(SUFFIXES)} files into it, or remove it.",
        )


def _check_depth(root: Path, classes: Sequence[str], paths: Sequence[Path]) -> None:
    """Refuse class folders that hold nothing but folders: these may be the classes."""
    if paths and all(path.parent.parent != root for path in paths):
        deeper = paths[0].parent
        raise DataError(
            f"the class folders of '{root}' ('{classes[0]}', '{classes[1]}', ...) hold no images"
            f" themselves, but folders of images, such as '{deeper}'",
            "Give the folder whose folders are the classes"
            f" (data.source = '{root / classes[0]}'), or move the images up by one folder.",
        )


def _common_size(headers: Sequence[Header]) -> Tuple[int, ...]:
    """Return the one (height, width) of all images."""
    first = headers[0]
    width, height = first.size
    sizes = {header.size for header in headers}
    other = next((header for header in headers if header.size != first.size), None)
    if other is not None:
        more = f" ({len(sizes):,} sizes in all)" if len(sizes) > 2 else ""
        raise DataError(
            f"images differ in size: '{first.path}' is {width}x{height}, '{other.path}' is"
            f" {other.size[0]}x{other.size[1]}{more}",
            "Set the size that all are brought to: data.image_size = [height, width], such as"
            f" [{height}, {width}]; data.resize says how.",
        )
    return height, width


def files_sha256(folder: Path, headers: Iterable[Header], hashed: str = AUTO) -> str:
    """Return the SHA-256 over the path in the folder and the bytes of every file, and over what is
    done to show it: how it is turned, and what is seen where it is transparent.

    Args:
        folder: that they are of. headers: of the files.
        hashed: ``auto`` takes the times of files for the bytes, if these are very many.
    """
    digest = hashlib.sha256()
    found = [(header, header.path.stat()) for header in headers]
    stamped = hashed == AUTO and sum(stat.st_size for _, stat in found) > HASHED_WHOLE
    for header, stat in found:
        path, turned = header.path, header.orientation
        head = f"{path.relative_to(folder).as_posix()}\0{stat.st_size}\0"
        digest.update(head.encode("utf-8", "surrogateescape"))
        digest.update(f"turned {turned}\0".encode("ascii") if turned != 1 else b"")
        digest.update(f"on {BACKGROUND}\0".encode("ascii") if header.transparent else b"")
        if stamped:
            digest.update(f"{stat.st_mtime_ns}\0".encode("ascii"))
            continue
        for part in parts(path):
            digest.update(part)
    return digest.hexdigest()
