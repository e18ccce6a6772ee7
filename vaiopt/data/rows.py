"""Samples that stay in a file: read a batch at a time, never whole.

They are read by ``pread``, not mapped into memory: what the system keeps of the file is there once
for all processes and can be given up for other things, no process grows by what it has read, and a
file that somebody cuts off meanwhile is an error, where a mapped one would end the process.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Tuple

import numpy as np

from vaiopt.errors import DataError
from vaiopt.reading import open_regular

CHUNK = 32 * 2**20
"""Bytes, as they are worked with, that are read together where all of a file is gone through."""

CHANGED = "Leave the file as it is while it is read; start again with the file that is meant."


@dataclass(frozen=True)
class Place:
    """Where samples lie in a file, one after the other.

    Attributes:
        path: the file.
        offset: bytes before the first.
        shape: (samples, ...).
        stored: numpy's name of the type that they have there, byte order included.
        temporary: whether it is a copy of ours, whose name and time say nothing.
    """

    path: str
    offset: int
    shape: Tuple[int, ...]
    stored: str
    temporary: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes of all."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.stored).itemsize


class Rows:
    """Samples in a file. Stands where an array (samples, ...) stands, as far as it is asked for its
    shape or for some of its samples, of which it makes an array.

    Args:
        place: where they are.
        dtype: that they are given as; by default as they are stored.
        shape: of one sample, if it shall be another with as many values.
        indices: int64, which of them, in which order; None for all.
        file: open, if it is already; it stays open as long as there are samples of it.

    Raises:
        DataError: the file cannot be read, or is shorter than the samples.
    """

    def __init__(
        self,
        place: Place,
        *,
        dtype: Any = None,
        shape: Optional[Tuple[int, ...]] = None,
        indices: Optional[np.ndarray] = None,
        file: Any = None,
    ) -> None:
        self.place = place
        self.indices = indices
        self.dtype = np.dtype(place.stored if dtype is None else dtype)
        self._sample = tuple(place.shape[1:]) if shape is None else tuple(shape)
        self._stored = np.dtype(place.stored)
        self._row = place.nbytes // max(1, place.shape[0])
        self._open(file)

    def _open(self, file: Any) -> None:
        path = self.place.path
        try:
            self._file = open_regular(path) if file is None else file
            self._stat = os.fstat(self._file.fileno())
        except OSError as error:
            raise DataError(f"'{path}' cannot be read: {error}", "Check the path.") from error
        needed = self.place.offset + self.place.nbytes
        if self._stat.st_size < needed:
            raise DataError(
                f"'{path}' has {self._stat.st_size} bytes, but its samples end at {needed}",
                "The file is incomplete: copy or save it again.",
            )

    def __getstate__(self) -> Dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_file"}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        vars(self).update(state)
        self._open(None)

    def __len__(self) -> int:
        return int(self.place.shape[0] if self.indices is None else len(self.indices))

    @property
    def shape(self) -> Tuple[int, ...]:
        """(samples, ...)."""
        return (len(self), *self._sample)

    @property
    def ndim(self) -> int:
        """Axes, that of the samples included."""
        return 1 + len(self._sample)

    @property
    def size(self) -> int:
        """Values of all samples."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of all samples, as they are given."""
        return self.size * self.dtype.itemsize

    @property
    def stamp(self) -> str:
        """Name, size and time of the file: what tells that it is the same without reading it."""
        stat, place = self._stat, self.place
        told = (Path(place.path).name, stat.st_size, stat.st_mtime_ns, place.offset, place.stored)
        return " ".join(map(str, told))

    def astype(self, dtype: Any) -> Rows:
        """Return them as another type."""
        return self.as_samples(dtype, self._sample)

    def as_samples(self, dtype: Any, shape: Tuple[int, ...]) -> Rows:
        """Return them as another type, each in another shape with as many values."""
        return Rows(self.place, dtype=dtype, shape=shape, indices=self.indices, file=self._file)

    def chosen(self, indices: np.ndarray) -> Rows:
        """Return some of them, (n,) in this order, as samples in the file."""
        own = np.asarray(indices, np.int64) if self.indices is None else self.indices[indices]
        return Rows(self.place, dtype=self.dtype, shape=self._sample, indices=own, file=self._file)

    def __getitem__(self, which: Any) -> np.ndarray:
        """Return some samples as a new array: a slice, integers (n,), or one integer."""
        if isinstance(which, slice):
            return self.take(np.arange(*which.indices(len(self)), dtype=np.int64))
        if isinstance(which, (int, np.integer)):
            found: np.ndarray = self.take(np.asarray([which], np.int64))[0]
            return found
        which = np.asarray(which)
        return self.take(np.flatnonzero(which) if which.dtype == np.bool_ else which)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype)

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Return samples (n, ...) as a new array.

        Raises:
            DataError: the file has changed since it was opened.
        """
        indices = np.asarray(indices, np.int64)
        if len(indices) and not -len(self) <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"there are {len(self)} samples")
        indices = np.where(indices < 0, indices + len(self), indices)
        if self.indices is not None:
            indices = self.indices[indices]
        found = np.empty((len(indices), *self.place.shape[1:]), self._stored)
        if found.size:
            self._fill(found, indices)
        return found.astype(self.dtype, copy=False).reshape((len(indices), *self._sample))

    def _fill(self, found: np.ndarray, indices: np.ndarray) -> None:
        """Read samples into an array; neighbours in one go."""
        into = found.reshape(-1).view(np.uint8).data
        starts = np.flatnonzero(np.diff(indices, prepend=indices[0] - 2) != 1)
        ends = np.append(starts[1:], len(indices))
        row, handle, before = self._row, self._file.fileno(), self.place.offset
        firsts = (indices[starts] * row + before).tolist()
        for first, start, end in zip(firsts, (starts * row).tolist(), (ends * row).tolist()):
            self._read(handle, into[start:end], first)

    def _read(self, handle: int, part: memoryview, first: int) -> None:
        done = _pread(handle, part, first)
        while done < len(part):  # the system gives no more than 2 GB at once
            more = _pread(handle, part[done:], first + done)
            if more == 0:
                raise DataError(f"'{self.place.path}' was cut off while it was read", CHANGED)
            done += more

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield all samples in their order, some megabytes at a time."""
        size = max(1, self.size // max(1, len(self)) * max(4, self._stored.itemsize))
        step = max(1, CHUNK // size)
        for start in range(0, len(self), step):
            yield self[start : start + step]


def _pread(handle: int, part: memoryview, first: int) -> int:
    """Read a part of a file straight to where it belongs; return how many bytes there were."""
    if hasattr(os, "preadv"):
        return os.preadv(handle, [part], first)
    content = os.pread(handle, len(part), first)
    part[: len(content)] = content
    return len(content)


def rows_of_memmap(x: np.memmap) -> Optional[Rows]:
    """Return the samples of a memory-mapped array as they are in its file; None if they do not lie
    there one after the other, or the file is gone.
    """
    mapped = getattr(x, "_mmap", None)
    name = getattr(x, "filename", None)
    if mapped is None or name is None or not x.flags.c_contiguous or not os.path.isfile(name):
        return None
    # ``x.offset`` is that of the whole map, of which ``x`` may be a part.
    start = x.offset - x.offset % mmap.ALLOCATIONGRANULARITY
    first = np.frombuffer(mapped, np.uint8).__array_interface__["data"][0]
    offset = start + x.__array_interface__["data"][0] - first
    if not 0 <= offset <= os.path.getsize(name) - x.nbytes:
        return None
    return Rows(Place(str(name), offset, tuple(x.shape), x.dtype.str))


def chosen(x: Any, indices: np.ndarray) -> Any:
    """Return some samples of an array, as an array; of samples in a file as such."""
    return x.chosen(indices) if isinstance(x, Rows) else x[indices]


def chunks(x: Any) -> Iterator[np.ndarray]:
    """Yield the samples of an array or a file in their order, some at a time."""
    if isinstance(x, Rows):
        yield from x.chunks()
    else:
        yield x
