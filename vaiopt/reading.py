"""A person's files, opened so that nothing waits or fills the memory: only regular files, and of
those that are read whole no more than a limit.

A pipe would be waited for without end, ``/dev/zero`` never ends, and a device may do something when
it is opened; each is refused before.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Any, BinaryIO, Callable, Iterator, Tuple, Union

PathLike = Union[str, "os.PathLike[str]"]

LARGEST = 512 * 2**20
"""Bytes of a file that is read whole, such as a JSON file of a run: the confusion of the most
classes that there can be takes a third of it."""

LARGEST_WRITTEN = 4 * 2**20
"""Bytes of a file that a person writes: settings, a target."""

PART = 2**20
"""Bytes of a file that are read at once where it need not be whole."""

KINDS: Tuple[Tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
"""What a path may lead to that is no file."""


class Refused(OSError):
    """A path that is not read; the text says why, without the path."""

    def __str__(self) -> str:
        return str(self.strerror)


def check_regular(path: PathLike) -> None:
    """Look at a path, which is followed where it is a link, without opening it.

    Raises:
        Refused: it leads to something that is no file, such as a pipe.
        OSError: it leads to nothing, or may not be looked at.
    """
    try:
        _check_mode(os.stat(os.fspath(path)).st_mode, path)
    except ValueError as error:  # a NUL, or what the file system's encoding lacks
        raise Refused(errno.EINVAL, f"it is no path ({error})", os.fspath(path)) from error


def _check_mode(mode: int, path: PathLike) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for test, name in KINDS if test(mode)), "something else")
        raise Refused(errno.EINVAL, f"it is {kind}, not a file", os.fspath(path))


def open_regular(path: PathLike) -> BinaryIO:
    """Open a regular file for reading; never waits. Raises as :func:`check_regular`."""
    check_regular(path)
    # Looked at again: it may have been replaced since, and then opening must not wait.
    handle = os.open(os.fspath(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        _check_mode(os.fstat(handle).st_mode, path)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def check_size(file: BinaryIO, largest: int = LARGEST) -> None:
    """Raise :class:`Refused` if an open file has more than ``largest`` bytes."""
    if os.fstat(file.fileno()).st_size > largest:
        raise _too_large(largest, file.name)


def _too_large(largest: int, path: Any) -> Refused:
    return Refused(errno.EFBIG, f"it is larger than {largest / 2**20:.0f} MB", path)


def parts(path: PathLike) -> Iterator[bytes]:
    """Yield what a regular file holds, part by part. Raises as :func:`open_regular`."""
    with open_regular(path) as file:
        yield from iter(lambda: file.read(PART), b"")


def read_bytes(path: PathLike, largest: int = LARGEST) -> bytes:
    """Return what a regular file holds.

    Args:
        path: the file.
        largest: bytes that it may have.

    Raises:
        Refused: it is no file, or larger.
        OSError: it is missing, or may not be read.
    """
    content = bytearray()
    with open_regular(path) as file:
        check_size(file, largest)
        for part in iter(lambda: file.read(PART), b""):
            content += part
            if len(content) > largest:  # it was longer than it said, or grows
                raise _too_large(largest, path)
    return bytes(content)


def read_text(path: PathLike, largest: int = LARGEST) -> str:
    """Return the text in a regular file of UTF-8.

    Raises:
        ValueError: it is not UTF-8; and as :func:`read_bytes`.
    """
    return read_bytes(path, largest).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
