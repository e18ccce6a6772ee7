"""Files written whole or not at all; JSON and arrays read with an error that says what cures it."""

from __future__ import annotations

import contextlib
import json
import lzma
import os
import re
import shutil
import struct
import sys
import tempfile
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any, Container, Dict, Iterable, Iterator, Mapping, Type, Union

from vaiopt.errors import RunError, VaioptError

FORMAT_VERSION = 1
"""Of every file in a run folder. Raised when old readers would misread a new file."""


NPZ_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
    *(OSError, RuntimeError, SyntaxError, TypeError, ValueError),
    *(lzma.LZMAError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)
"""What numpy, and the modules that it reads archives and heads of arrays with, raise for an
``.npz`` file that is cut off, damaged or something else.
"""

DEEPEST = 100
"""Levels of a JSON value. No file of ours has a tenth of it; what walks through a value may call
itself for each level.
"""


PathLike = Union[str, "os.PathLike[str]"]


def require(path: Path, command: str) -> Path:
    """Return ``path`` if it exists.

    Raises:
        RunError: it does not; the hint names the ``command`` that makes it.
    """
    if not path.exists():
        raise RunError(f"'{path}' is missing", f"Make it first with: {command}")
    return path


@contextlib.contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """Give a temporary path; rename it to ``path`` when the block ends well, else delete it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{path.stem}.", suffix=path.suffix, dir=str(path.parent)
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(str(temporary), 0o666 & ~_umask())
        os.replace(str(temporary), str(path))
    finally:
        if temporary.exists():
            temporary.unlink()


@contextlib.contextmanager
def atomic_folder(folder: PathLike) -> Iterator[Path]:
    """Give an empty temporary folder beside ``folder``; swap it into place when the block ends
    well, delete it otherwise.

    A folder that was there before is replaced as a whole, and only once the new one is complete.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = str(folder.parent)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=beside))
    try:
        yield temporary
        os.chmod(str(temporary), 0o777 & ~_umask())
        old = None
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".old.{folder.name}.", dir=beside))
            os.replace(str(folder), str(old))
        try:
            os.replace(str(temporary), str(folder))
        except BaseException:
            if old is not None and not folder.exists():
                os.replace(str(old), str(folder))
            raise
        if old is not None:
            shutil.rmtree(str(old), ignore_errors=True)
    finally:
        shutil.rmtree(str(temporary), ignore_errors=True)


@contextlib.contextmanager
def locked(folder: PathLike) -> Iterator[None]:
    """Hold the lock of a folder; another process waits for it. The system releases it when this
    one dies. Where the file system has no such locks there is none.
    """
    import fcntl

    handle = os.open(str(folder), os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: PathLike, text: str) -> None:
    """Write a UTF-8 text file whole."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: PathLike, content: Dict[str, Any]) -> None:
    """Write a JSON object whole, ``version`` first. NaN and infinity, no JSON, are refused."""
    text = json.dumps({"version": FORMAT_VERSION, **content}, indent=1, allow_nan=False)
    write_text(path, text + "\n")


def parse_json(text: Union[str, bytes]) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is no JSON, no UTF-8, nested deeper than :data:`DEEPEST`, or a text in it
            holds half a character (a lone surrogate), which no file can be written with.
    """
    text = text.decode("utf-8") if isinstance(text, bytes) else text
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    check_depth(content)
    if _HALVES.search(text):
        check_texts(content)
    return content


_HALVES = re.compile(r"\\u[dD][89a-fA-F]")
"""Escapes that may be half a character."""


def check_depth(content: Any) -> None:
    """Raise ValueError for a JSON value that is nested deeper than :data:`DEEPEST`."""
    level, depth = [content], 0
    while level:
        if depth >= DEEPEST:
            raise ValueError("it is nested too deep")
        level = [inner for item in level for inner in _inside(item)]
        depth += 1


def check_texts(content: Any) -> None:
    """Raise ValueError for a JSON value with half a character in a text."""
    try:
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("a text in it holds half a character") from error


def _inside(value: Any) -> Iterable[Any]:
    """Return what a JSON value holds, as far as that can hold something."""
    values = value.values() if isinstance(value, dict) else value
    return [v for v in values if isinstance(v, (dict, list))] if values else []


def json_object(path: Path, hint: str, error: Type[VaioptError] = RunError) -> Dict[str, Any]:
    """Read a file that holds a JSON object.

    Args:
        path: the file.
        hint: what cures a damaged one.
        error: what is raised.

    Raises:
        VaioptError: of that class: it cannot be read, is not JSON, or holds something else.
    """
    try:
        content = parse_json(path.read_bytes())
    except (ValueError, OSError) as caught:
        raise error(f"'{path}' is not valid JSON ({caught})", hint) from caught
    if not isinstance(content, dict):
        raise error(f"'{path}' does not hold a JSON object", hint)
    return content


def read_json(path: PathLike, command: str) -> Dict[str, Any]:
    """Read a JSON object that :func:`write_json` wrote.

    Args:
        path: the file.
        command: the command that makes it, for the hint.

    Raises:
        RunError: it is missing, not JSON, or of another version.
    """
    path = require(Path(path), command)
    content = json_object(path, f"Make it again with: {command}")
    check_version(content.get("version"), path, command)
    return content


class NpzError(Exception):
    """An ``.npz`` file that cannot be read; the text says why.

    Attributes:
        array: the array that cannot be read, "" for the whole file.
        kind: ``single`` (an ``.npy`` file), ``pickled`` or ``damaged``.
    """

    def __init__(self, reason: str, kind: str = "damaged", array: str = "") -> None:
        super().__init__(reason)
        self.kind = kind
        self.array = array


def load_npz(path: PathLike, wanted: Container[str]) -> Dict[str, Any]:
    """Read an ``.npz`` file. Pickled objects are never read.

    Returns:
        Every array that the file holds by its name; None for those that are not ``wanted``.

    Raises:
        NpzError: it is cut off, damaged, something else, or a wanted array holds pickled objects.
    """
    import numpy as np

    name = ""
    arrays: Dict[str, Any] = {}
    try:
        opened = np.load(str(path), allow_pickle=False)
        if isinstance(opened, np.ndarray):
            raise NpzError("it holds a single array", "single")
        with opened as file:
            for name in file.files:
                arrays[name] = file[name] if name in wanted else None
                if name in wanted:
                    _check_array(arrays[name])
    except NPZ_ERRORS as error:
        kind = "pickled" if "pickle" in str(error) else "damaged"
        said = str(error)[:200]  # zipfile repeats what stands in the place of a name
        raise NpzError(f"{type(error).__name__}: {said}", kind, name) from error
    return arrays


def _check_array(array: Any) -> None:
    """Raise ValueError for what is no array, or one of texts with codes that are no characters:
    numpy fails on them only when they are looked at.
    """
    import numpy as np

    if not isinstance(array, np.ndarray):
        raise ValueError("it is no array")
    if array.dtype.kind == "U" and array.size and array.dtype.itemsize:
        codes = np.frombuffer(array.tobytes(), array.dtype.byteorder + "u4")
        if np.any((codes > sys.maxunicode) | ((codes >= 0xD800) & (codes < 0xE000))):
            raise ValueError("a text in it is none")


def read_arrays(
    path: PathLike, names: Iterable[str], command: str, error: Type[VaioptError] = RunError
) -> Dict[str, Any]:
    """Return arrays of an ``.npz`` file of a run by their names.

    Args:
        path: the file.
        names: of the arrays.
        command: the command that makes it, for the hint.
        error: what is raised when it is damaged.

    Raises:
        RunError: it is missing.
        VaioptError: of that class: it is damaged, or lacks one of the arrays.
    """
    path, names = require(Path(path), command), list(names)
    hint = f"Make it again with: {command}"
    try:
        arrays = load_npz(path, names)
    except NpzError as caught:
        raise error(f"'{path}' is damaged ({caught})", hint) from caught
    for name in names:
        if name not in arrays:
            raise error(f"'{path}' is damaged (it holds no array '{name}')", hint)
    return {name: arrays[name] for name in names}


def write_arrays(path: PathLike, arrays: Mapping[str, Any]) -> None:
    """Write arrays to a compressed ``.npz`` file, whole."""
    import numpy as np

    with atomic_path(path) as temporary:
        save: Any = np.savez_compressed  # NumPy's types take no dictionary of arrays
        save(str(temporary), **arrays)


def check_version(version: object, path: PathLike, command: str) -> None:
    """Raise :class:`RunError` unless ``version`` is the one this vaiopt reads."""
    if version != FORMAT_VERSION:
        raise RunError(
            f"'{path}' has format version {version}, this vaiopt reads {FORMAT_VERSION}",
            f"Use the vaiopt that made the run, or make it again with: {command}",
        )
