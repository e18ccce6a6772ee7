"""What a process puts on the disk for itself and its workers: a file without a name, which is gone
with the last process that has it open, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, Iterable, Iterator, Tuple

import numpy as np

from vaiopt import memory
from vaiopt.data.rows import Place, Rows, chunks
from vaiopt.errors import DataError
from vaiopt.locks import lock

ALIGNED = 4096
"""Bytes; arrays begin at multiples of that."""

SPARE = 256 * 2**20
"""Bytes that stay free on the disk."""

LOOK_AFTER = 64 * 2**20
"""Bytes that are written between two looks at what is free."""

OPENED = "/proc/{}/fd/{}"
"""Where Linux has the open files of a process; others may open them there, name or not."""


class Scratch:
    """A file that arrays are appended to.

    Args:
        path: of that of another process; without it a new one is made, in the folder for temporary
            files (``TMPDIR``).
        folder: that it is in, if it is not that one.

    Raises:
        DataError: it cannot be made.
        OSError: that of another process cannot be opened.
    """

    def __init__(self, path: str = "", folder: str = "") -> None:
        self._file: Any
        self._folder = folder or tempfile.gettempdir()
        if path:
            self._file = open(path, "r+b", buffering=0)  # noqa: SIM115  it stays open
            self.path = path
            return
        try:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        except OSError as error:
            raise DataError(
                f"no temporary file can be made ({error})",
                "Set TMPDIR to a folder that you may write to.",
            ) from error
        self.path = OPENED.format(os.getpid(), self._file.fileno())
        if not os.path.exists(self.path):  # no Linux: it has a name, and loses it when it is closed
            self._file = tempfile.NamedTemporaryFile(buffering=0)  # noqa: SIM115
            self.path = self._file.name

    def append(self, array: Any) -> Rows:
        """Append an array, and return it as it is there. Raises DataError: the disk is full."""
        check_room(int(array.nbytes), self._folder)
        return self.append_parts(chunks(array), tuple(array.shape[1:]), np.dtype(array.dtype))

    def append_parts(
        self, parts: Iterable[np.ndarray], sample: Tuple[int, ...], dtype: np.dtype
    ) -> Rows:
        """Append samples that come in parts (n, ...), one after the other.

        Args:
            parts: of the samples.
            sample: shape of one.
            dtype: of all.

        Raises:
            DataError: the disk is full.
        """
        handle, folder = self._file.fileno(), self._folder
        start = end = -(-os.fstat(handle).st_size // ALIGNED) * ALIGNED
        looked = samples = 0
        for part in parts:
            content = np.ascontiguousarray(part, dtype).reshape(-1).view(np.uint8).data
            if end + len(content) > looked:
                check_room(len(content), folder)
                looked = end + LOOK_AFTER
            samples += len(part)
            try:
                while len(content):
                    done = os.pwrite(handle, content, end)
                    content, end = content[done:], end + done
            except OSError as error:
                raise _full(str(error), folder) from error
        os.ftruncate(handle, max(end, start + 1))  # the next ones begin behind
        place = Place(self.path, start, (samples, *sample), dtype.str, temporary=True)
        return Rows(place, file=self._file)  # which keeps it open

    @contextlib.contextmanager
    def locked(self) -> Iterator[BinaryIO]:
        """Hold the lock of the file, opened anew; others wait."""
        with open(self.path, "r+b") as file:
            with contextlib.suppress(OSError):  # no locks here
                lock(file.fileno(), wait=True)
            yield file


def check_room(size: int, folder: str) -> None:
    """Raise :class:`DataError` unless ``size`` bytes fit on the disk of a folder."""
    free = shutil.disk_usage(folder).free
    if size + SPARE > free:
        raise _full(f"{memory.in_words(free)} are free", folder, f" {memory.in_words(size)} of")


def _full(reason: str, folder: str, size: str = "") -> DataError:
    return DataError(
        f"there is no room for{size or ' the'} samples in '{Path(folder)}' ({reason})",
        "Free some, set TMPDIR to a folder on a larger disk, or use less data (data.limit).",
    )
