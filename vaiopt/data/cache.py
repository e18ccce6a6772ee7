"""Decoded samples that are kept from one command to the next: ``data.cache``.

A folder holds, for each data that were loaded with it, their samples in one file and all else of
them in another. Both are named by a hash of what was asked for and of the names, sizes and times of
the files that the samples were decoded from: data that changed are decoded anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Optional

from vaiopt import memory
from vaiopt._version import __version__
from vaiopt.data.dataset import ARRAYS, SAMPLES, Dataset, Request
from vaiopt.data.kinds import kind_of_shape
from vaiopt.data.rows import Rows
from vaiopt.data.scratch import Scratch
from vaiopt.data.store import StoredData, is_large, opened, stored
from vaiopt.errors import DataError, RunError
from vaiopt.files import atomic_path
from vaiopt.locks import locked
from vaiopt.record import read_optional, write_record

SAMPLES_IN, ALL_ELSE_IN = ".samples", ".json"
"""Endings of the two files."""


def cached(
    request: Request, files: Optional[Iterable[Path]], load: Callable[[Request], Dataset]
) -> Dataset:
    """Return the data of a request: those that are kept if there are some, else loaded and kept.

    Args:
        request: whose data, which names the folder; without one they are just loaded.
        files: all that decides what is loaded; None where that cannot be told by files, or where
            nothing has to be decoded.
        load: loads them.

    Raises:
        DataError: as of ``load``; the folder cannot be made, or its disk is full.
    """
    if not request.cache:
        return load(request)
    if files is None:
        note = f"data.cache has no effect: '{request.source}' is not decoded from files"
        found = load(request)
        return replace(found, notes=(*found.notes, note))
    cache = _Cache(Path(request.cache), files)
    try:
        cache.folder.mkdir(parents=True, exist_ok=True)
        with locked(cache.folder):
            return cache.kept(request) or cache.keep(load(request), request)
    except OSError as error:
        raise DataError(
            f"data.cache is '{cache.folder}', where nothing can be written ({error})",
            "Name a folder of your own on a disk with room, or leave data.cache out.",
        ) from error


class _Cache:
    """A folder of samples.

    Args:
        folder: where they are.
        files: that some of them were, or are to be, decoded from.
    """

    def __init__(self, folder: Path, files: Iterable[Path]) -> None:
        self.folder = folder
        digest = hashlib.sha256(f"{__version__}\0".encode("ascii"))
        for path in files:
            if folder in path.parents:  # the cache lies among the data
                continue
            try:
                stat = path.stat()
            except OSError:  # a link to nothing: it is seen when it is read
                continue
            told = f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\0"
            digest.update(told.encode("utf-8", "surrogateescape"))
        self._files = digest.hexdigest()

    def kept(self, request: Request) -> Optional[Dataset]:
        """Return what is kept for a request; None if nothing is, or not as it was."""
        try:
            known = read_optional(self._path(request, ALL_ELSE_IN), StoredData, "vaiopt search")
            # A file of the cache names no other: not one that somebody else wrote into it, either.
            if known is None or any(not self._has(a.path) for a in known.arrays.values()):
                return None
            return _opened(known, request, "from")
        except (RunError, DataError):
            return None

    def keep(self, dataset: Dataset, request: Request) -> Dataset:
        """Keep the data of a request, and return them as they are there."""
        # Later stages ask for the task and the kind that "auto" came to.
        exact = replace(request, task=dataset.task, kind=kind_of_shape(dataset.sample_shape))
        samples = self._path(exact, SAMPLES_IN)
        with atomic_path(samples) as unfinished:
            place = Scratch(str(unfinished), folder=str(self.folder))
            arrays: Dict[str, Any] = {
                name: _copied(getattr(dataset, name), place)
                for name in ARRAYS
                if getattr(dataset, name) is not None
            }
            known = stored(replace(dataset, **arrays), place)
        there = {}
        for name, array in known.arrays.items():
            moved = replace(array, path=str(samples))
            there[name] = replace(moved, stamp=Rows(moved.place).stamp)
        known = replace(known, arrays=there)
        for asked in exact, request:
            write_record(self._path(asked, ALL_ELSE_IN), known)
        return _opened(known, request, "to")

    def _has(self, path: str) -> bool:
        return Path(path).parent == self.folder and path.endswith(SAMPLES_IN)

    def _path(self, request: Request, ending: str) -> Path:
        asked = replace(request, in_memory_mb=0.0, cache="")
        text = f"{self._files}\0{asked!r}".encode("utf-8", "surrogateescape")
        return self.folder / (hashlib.sha256(text).hexdigest()[:32] + ending)


def _copied(array: Any, place: Scratch) -> Rows:
    if isinstance(array, Rows):
        return place.append_parts(array.chunks(), array.shape[1:], array.dtype)
    return place.append(array)


def _opened(known: StoredData, request: Request, way: str) -> Dataset:
    """Return data that are kept; their samples are in memory if they are few."""
    found = opened(known, "", request)
    if not is_large(found, request):
        rows = {name: getattr(found, name) for name in SAMPLES}
        arrays: Dict[str, Any] = {n: x[:] for n, x in rows.items() if isinstance(x, Rows)}
        found = replace(found, **arrays)
    path = next(iter(known.arrays.values())).path
    size = memory.in_words(Path(path).stat().st_size)
    note = f"decoded samples: {way} '{path}' ({size}): data.cache"
    return replace(found, notes=(*found.notes, note))
