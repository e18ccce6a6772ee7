"""Arrays read from an ``.npz`` file of anybody's: nothing in it is executed, and what it says of
itself is looked at before it is unpacked.

An ``.npz`` file is a zip archive of ``.npy`` files, each a short header (a Python dictionary as
text: type, order and shape) before the values. A few kilobytes can be unpacked to many gigabytes,
and numpy evaluates the text of a header; before numpy 1.24 a text of any length.
"""

from __future__ import annotations

import functools
import io
import operator
import os
import re
import struct
import sys
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO, Callable, Container, Dict, Iterable, Tuple

from vaiopt import memory
from vaiopt.reading import PathLike, open_regular

NPZ_ERRORS = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RuntimeError),
    *(ArithmeticError, AssertionError, zipfile.BadZipFile, zlib.error, struct.error),
)
"""What numpy and zipfile raise for a file that is cut off, damaged or something else."""

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 10_000
"""Characters; numpy's own limit since 1.24."""

MOST_AT_ONCE = 2 * 2**20
"""Bytes that zipfile is given at once. It asks for the list of the members as a whole: this is that
of some 20,000."""

LOCAL_HEADER, LOCAL_LENGTHS = 30, 26
"""Bytes of what stands before a member of an archive, and where in it the lengths of the name and
of the extra field are that follow it (PKWARE's APPNOTE, 4.3.7)."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What numpy writes. The others are unpacked without a bound."""

_HEADER = re.compile(
    r"\{ ?'descr' ?: ?'(?P<descr>[^'\\]{1,40})' ?, ?'fortran_order' ?: ?(?P<fortran>True|False) ?,"
    r" ?'shape' ?: ?\((?P<shape>[0-9L, ]{0,400})\) ?,? ?\}"
)
"""The header of an array of plain values, its white space made single spaces. The keys are in this
order (numpy sorts them); Python 2 wrote an L after whole numbers."""


class NpzError(Exception):
    """An ``.npz`` file that cannot be read; the text says why.

    Attributes:
        array: the array that cannot be read, "" for the whole file.
        kind: ``unread`` (no file, or one that may not be read), ``single`` (an ``.npy`` file),
            ``pickled``, ``large`` (more than fits into memory) or ``damaged``.
    """

    def __init__(self, reason: str, kind: str = "damaged", array: str = "") -> None:
        super().__init__(reason)
        self.kind = kind
        self.array = array


class _Bounded(io.BufferedReader):
    """A file that gives no more than :data:`MOST_AT_ONCE` bytes at once."""

    def read(self, size: Any = -1) -> bytes:
        most = MOST_AT_ONCE + 1
        content = super().read(most if size is None or size < 0 else min(size, most))
        if len(content) == most:
            raise NpzError("it holds too many arrays")
        return content


@dataclass(frozen=True)
class Member:
    """An array in a file, of which only the header was read.

    Attributes:
        shape: of the array.
        dtype: numpy's text of its type.
        fortran: whether its first index moves fastest.
        size: bytes of its values.
        start: bytes of the file before them; -1 if they are packed.
    """

    shape: Tuple[int, ...]
    dtype: str
    fortran: bool
    size: int
    start: int


@dataclass(frozen=True)
class _Packed:
    """An array in the archive."""

    info: zipfile.ZipInfo
    member: Member


def look_at(path: PathLike, wanted: Container[str]) -> Dict[str, Member]:
    """Return where the arrays of an ``.npz`` file are, or the one, called "", of an ``.npy`` file;
    no value is read, and how many there are does not matter.

    Raises:
        NpzError: as :func:`load_npz`.
    """
    try:
        with _opened(path) as file:
            if file.read(len(MAGIC)) == MAGIC:
                file.seek(0)
                size = os.fstat(file.fileno()).st_size
                return {"": _guarded("", _member, file, size, 0)}
            file.seek(0)
            bounded: Any = _Bounded(file.raw)  # type: ignore[attr-defined]
            with zipfile.ZipFile(bounded) as archive:
                found = _infos(archive, wanted)
                return {
                    name: _guarded(name, _look_at, archive, info).member
                    for name, info in found.items()
                    if name in wanted
                }
    except NPZ_ERRORS as error:
        raise _damaged(error) from error


def load_npy(path: PathLike) -> Any:
    """Return the array of an ``.npy`` file. Raises as :func:`load_npz`."""
    import numpy as np

    try:
        with _opened(path) as file:
            _member(file, os.fstat(file.fileno()).st_size, 0, _check_fits)
            file.seek(0)
            array = np.lib.format.read_array(file, allow_pickle=False)
            _check_texts(array)
            return array
    except MemoryError as error:
        raise NpzError("it does not fit into memory", "large") from error
    except NPZ_ERRORS as error:
        raise _damaged(error) from error


def _opened(path: PathLike) -> BinaryIO:
    try:
        return open_regular(path)
    except OSError as error:
        raise NpzError(str(error), "unread") from error


def load_npz(path: PathLike, wanted: Container[str]) -> Dict[str, Any]:
    """Read an ``.npz`` file. Pickled objects are never read.

    Returns:
        Every array that the file holds by its name; None for those that are not ``wanted``.

    Raises:
        NpzError: it is no file, cut off, damaged, something else, or larger than the memory; or a
            wanted array holds pickled objects or records.
    """
    try:
        with _opened(path) as file:
            if file.read(len(MAGIC)) == MAGIC:
                raise NpzError("it holds a single array", "single")
            file.seek(0)
            return _read(file, wanted)
    except NPZ_ERRORS as error:
        raise _damaged(error) from error


def _damaged(error: Exception, array: str = "") -> NpzError:
    said = str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
    return NpzError(said[:200], array=array)  # zipfile repeats what stands in the place of a name


def _read(file: BinaryIO, wanted: Container[str]) -> Dict[str, Any]:
    bounded = _Bounded(file.raw)  # type: ignore[attr-defined]
    with zipfile.ZipFile(bounded) as archive:  # type: ignore[arg-type]
        found = _infos(archive, wanted)
        members: Dict[str, _Packed] = {}
        for name in [name for name in found if name in wanted]:
            members[name] = _guarded(name, _look_at, archive, found[name], _check_fits)
        _check_fits(sum(packed.member.size for packed in members.values()))
        arrays: Dict[str, Any] = dict.fromkeys(found)
        for name, member in members.items():
            arrays[name] = _guarded(name, _unpack, archive, member)
        return arrays


def _check_fits(size: int) -> None:
    reason = memory.shortage(size)
    if reason:
        raise NpzError(reason, "large")


def _guarded(name: str, action: Any, *arguments: Any) -> Any:
    """Call; what goes wrong names the array."""
    try:
        return action(*arguments)
    except NpzError as error:
        raise NpzError(str(error), error.kind, name) from error
    except MemoryError as error:
        raise NpzError("it does not fit into memory", "large", name) from error
    except NPZ_ERRORS as error:
        raise _damaged(error, name) from error


def _infos(archive: zipfile.ZipFile, wanted: Container[str]) -> Dict[str, zipfile.ZipInfo]:
    """Return what the archive says of its members, by the names of the arrays."""
    found: Dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename[:-4] if info.filename.endswith(".npy") else info.filename
        if name in found and name in wanted:
            raise NpzError("it is there twice", array=name)
        found[name] = info
    return found


def _any_size(size: int) -> None:
    """Take an array of any size."""


def _look_at(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, check: Callable[[int], None] = _any_size
) -> _Packed:
    """Read the header of an array and check that archive and header agree on its size."""
    if info.flag_bits & 1 or info.compress_type not in METHODS:
        raise NpzError("it is encrypted, or packed in a way that numpy does not know")
    start = -1
    if info.compress_type == zipfile.ZIP_STORED and archive.fp is not None:
        archive.fp.seek(info.header_offset + LOCAL_LENGTHS)
        start = info.header_offset + LOCAL_HEADER + sum(struct.unpack("<HH", archive.fp.read(4)))
    with archive.open(info) as stream:
        return _Packed(info, _member(stream, info.file_size, start, check))


def _member(
    stream: Any, length: int, start: int, check: Callable[[int], None] = _any_size
) -> Member:
    """Return what the header of an array says, checked.

    Args:
        stream: of the ``.npy`` file.
        length: bytes of that.
        start: where it begins in the whole file; -1 if it is packed.
        check: called with the bytes that the header says, before they are compared.
    """
    import numpy as np

    head, text = _header(stream)
    match = _HEADER.fullmatch(" ".join(text.split()))
    if match is None:
        is_record = re.search(r"'descr'\s*:\s*\[", text)
        raise NpzError("it holds records" if is_record else "its header is not one of numpy's")
    dtype = np.dtype(match.group("descr"))
    if dtype.hasobject:
        raise NpzError("it holds pickled objects", "pickled")
    shape = tuple(map(int, re.findall(r"\d+", match.group("shape"))))
    count = functools.reduce(operator.mul, shape, 1)
    size, held = count * dtype.itemsize, length - head
    check(size)
    # Of values without a byte there could be any number.
    if size != held or (dtype.itemsize == 0 and count):
        raise NpzError(
            f"its header says shape {shape} of {dtype}, {size} bytes, but it holds {held}"
        )
    fortran = match.group("fortran") == "True"
    return Member(shape, dtype.str, fortran, size, start if start < 0 else start + head)


def _header(stream: Any) -> Tuple[int, str]:
    """Return where the values of an ``.npy`` file start, and the text of its header."""
    head = stream.read(len(MAGIC) + 2)
    if head[: len(MAGIC)] != MAGIC or len(head) < len(MAGIC) + 2:
        raise NpzError("it is no array")
    form = "<H" if head[-2] == 1 else "<I"  # the major version
    (length,) = struct.unpack(form, stream.read(struct.calcsize(form)))
    if length > LONGEST_HEADER:
        raise NpzError(f"its header is {length} characters long")
    text = stream.read(length)
    if len(text) < length:
        raise NpzError("it is cut off")
    return len(head) + struct.calcsize(form) + length, text.decode("latin-1")


def _unpack(archive: zipfile.ZipFile, member: _Packed) -> Any:
    import numpy as np

    with archive.open(member.info) as stream:
        array = np.lib.format.read_array(stream, allow_pickle=False)
        stream.read(1)  # at the end its checksum is compared
    _check_texts(array)
    return array


def _check_texts(array: Any) -> None:
    """Raise :class:`NpzError` for texts with codes that are no characters: numpy fails on them
    only when they are looked at.
    """
    import numpy as np

    if array.dtype.kind == "U" and array.size and array.dtype.itemsize:
        codes = np.frombuffer(array.tobytes(), array.dtype.byteorder + "u4")
        if np.any((codes > sys.maxunicode) | ((codes >= 0xD800) & (codes < 0xE000))):
            raise NpzError("a text in it is none")


def few_names(names: Iterable[str], most: int = 10) -> str:
    """Return the names of arrays for a message, the first of many."""
    every = sorted(names)
    more = len(every) - most
    return ", ".join(every[:most]) + (f", and {more} more" if more > 0 else "") or "nothing"
