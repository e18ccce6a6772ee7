"""Files written whole or not at all; JSON and arrays read with an error that says what cures it."""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, Mapping, Optional, Type

from vaiopt.errors import RunError, VaioptError, nearest
from vaiopt.json_text import parse_json
from vaiopt.locks import is_file_of, lock
from vaiopt.npz import NpzError, load_npz
from vaiopt.reading import LARGEST, read_text
from vaiopt.reading import PathLike as PathLike

FORMAT_VERSION = 1
"""Of every file in a run folder. Raised when old readers would misread a new file."""

TEMPORARY = ".vaiopt."
"""What the names of files and folders begin with that are being written."""

_ASIDE = "~"
"""What the name of a folder ends with that was set aside for its temporary."""


def require(path: Path, command: str) -> Path:
    """Return ``path`` if it exists.

    Raises:
        RunError: it does not; the hint names the ``command`` that makes it.
    """
    if not path.exists():
        raise RunError(f"'{path}' is missing", f"Make it first with: {command}")
    return path


def looked_for(path: PathLike) -> str:
    """Return where a path that is not there was looked for, and what is there with a name like it:
    for a hint.
    """
    return " ".join(filter(None, [f"Looked for '{os.path.abspath(str(path))}'.", meant_by(path)]))


def meant_by(path: PathLike) -> str:
    """Return a question for what is there with a name like that of a path that is not; nothing
    where there is none.
    """
    whole = Path(os.path.abspath(str(path)))
    missing = whole
    while missing != missing.parent and not missing.parent.is_dir():
        missing = missing.parent
    try:
        names = [name for name in os.listdir(str(missing.parent)) if not name.startswith(".")]
    except OSError:
        names = []
    rest = whole.relative_to(missing)
    similar = [missing.parent / name / rest for name in nearest(missing.name, names)]
    meant = " or ".join(f"'{from_here(path)}'" for path in similar if path.exists())
    return f"Did you mean {meant}?" if meant else ""


def from_here(path: PathLike) -> str:
    """Return a path, also one that more is written behind (``FILE.py:FUNCTION``), as it is named
    from the current folder if it is below it; else as it is.
    """
    here = Path.cwd()
    return str(Path(path).relative_to(here) if here in Path(path).parents else path)


def check_file(path: PathLike) -> Path:
    """Return a path if a file can be written there. Raises RunError for a folder, and for what
    would lie in a file.
    """
    path = Path(path)
    if path.is_dir():
        raise RunError(f"'{path}' is a folder", "Give the name of a file to write.")
    check_folder(path.parent, "Give the name of a file in a folder.")
    return path


def check_folder(folder: PathLike, hint: str) -> Path:
    """Return a path if a folder is there or can be made. Raises RunError, with the hint, where it
    is a file, lies in one, or cannot be written to.
    """
    whole = Path(os.path.abspath(str(folder)))
    for path in (whole, *whole.parents):
        if path.exists() and not path.is_dir():
            raise RunError(f"'{path}' is a file", hint)
    there = next(path for path in (whole, *whole.parents) if path.exists())
    if not os.access(str(there), os.W_OK):
        raise RunError(f"nothing can be written to '{there}'", hint)
    return Path(folder)


@contextlib.contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """Give a temporary path; rename it to ``path`` when the block ends well, else delete it."""
    path = check_file(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(path.parent, path.stem, _make_file(path.suffix)) as temporary:
        yield temporary
        os.chmod(str(temporary), 0o666 & ~_umask())
        os.replace(str(temporary), str(path))


@contextlib.contextmanager
def atomic_folder(folder: PathLike) -> Iterator[Path]:
    """Give an empty temporary folder beside ``folder``; swap it into place when the block ends
    well, delete it otherwise.

    A folder that was there before is replaced as a whole, and only once the new one is complete.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with scratch(folder.parent, folder.name) as temporary:
        yield temporary
        os.chmod(str(temporary), 0o777 & ~_umask())
        put_in_place(temporary, folder)


def check_replaceable(folder: PathLike, names: Iterable[str], option: str) -> None:
    """Check, before long work, that a folder can be written whole and nothing of a person's is lost
    by it: it is new, empty, or holds nothing but what was written there before.

    Args:
        folder: to be written. names: of the files that are written there. option: that names it.

    Raises:
        RunError: it is a file, lies in one, or holds other files.
    """
    check_folder(folder, f"Give a folder for the result: {option} DIR")
    whole = Path(os.path.abspath(str(folder)))
    others = sorted(set(os.listdir(str(whole))) - set(names)) if whole.is_dir() else []
    if others or whole == Path.cwd():
        holds = f"holds '{others[0]}'" if others else "is the current one"
        raise RunError(
            f"the folder '{folder}' is replaced as a whole, and {holds}",
            f"Give a new or an empty folder: {option} DIR",
        )


@contextlib.contextmanager
def scratch(beside: Path, name: str) -> Iterator[Path]:
    """Give an empty temporary folder in the folder ``beside``, which is deleted at the end. That of
    a process that was killed is deleted by the next one of the same name, or by
    :func:`delete_leftovers`.
    """
    with _temporary(beside, name, tempfile.mkdtemp) as temporary:
        yield temporary


@contextlib.contextmanager
def _temporary(folder: Path, name: str, make: Callable[..., str]) -> Iterator[Path]:
    """Make a temporary, hold its lock while the block runs, and delete what has its name then."""
    delete_leftovers(folder, name)
    path, held = None, None
    try:  # a signal may raise anywhere
        while held is None:  # else another process took it for a leftover before it was locked
            path = Path(make(prefix=f"{TEMPORARY}{name}.", dir=str(folder)))
            held = _held(path)
        assert path is not None
        yield path
    finally:
        if path is not None:
            _delete(path)
        if held is not None:
            os.close(held)


def _held(path: Path) -> Optional[int]:
    """Open and lock a new file or folder; None if it is gone."""
    try:
        handle = _open(path)
    except FileNotFoundError:
        return None
    with contextlib.suppress(OSError):
        lock(handle, wait=True)
    if is_file_of(handle, path):
        return handle
    os.close(handle)
    return None


def _make_file(suffix: str) -> Callable[..., str]:
    def make(prefix: str, dir: str) -> str:
        handle, name = tempfile.mkstemp(suffix, prefix, dir)
        os.close(handle)
        return name

    return make


def delete_leftovers(folder: Path, name: str = "") -> None:
    """Delete what processes that were killed had begun to write in a folder.

    What another process is writing is left alone, and so is everything where the file system has
    no locks to tell it by.

    Args:
        folder: in which files and folders were written; those in it are not looked into.
        name: of what was to be written, without its ending; by default anything.
    """
    prefix = glob.escape(f"{TEMPORARY}{name}." if name else TEMPORARY)
    for path in folder.glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            handle = _open(path)
            try:
                lock(handle)
                _restore(path)
                _delete(path)
            finally:
                os.close(handle)


def _open(path: Path) -> int:
    """Open a file or folder as is needed to lock it."""
    return os.open(str(path), os.O_RDONLY if path.is_dir() else os.O_RDWR)


def put_in_place(new: Path, place: Path) -> None:
    """Rename ``new`` to ``place``; what was there before is at ``new`` afterwards. There is no
    moment at which nothing is there, unless the file system cannot exchange two names.
    """
    while True:
        try:
            return _exchange(str(new), str(place))
        except FileNotFoundError:
            pass  # nothing is there yet
        except OSError:
            return _replace_in_two_steps(new, place)
        try:
            return os.rename(str(new), str(place))
        except OSError as error:
            # Another process has made it in between.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise


def _exchange(one: str, other: str) -> None:
    """Exchange what two paths name, in one step.

    Raises:
        FileNotFoundError: there is nothing at one of them.
        OSError: the system or the file system cannot do it.
    """
    import ctypes

    here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux's headers
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError as error:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from error
    if rename(here, os.fsencode(one), here, os.fsencode(other), exchange) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), one, None, other)


def _replace_in_two_steps(new: Path, place: Path) -> None:
    """As :func:`put_in_place`; for a moment nothing is there. What is killed in it is put back by
    :func:`delete_leftovers`, and until then what was there is named as :data:`_ASIDE` says.
    """
    aside = new.with_name(f"{new.name}{_ASIDE}")
    handle = os.open(str(place), os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            lock(handle)
        os.rename(str(place), str(aside))
        try:
            os.rename(str(new), str(place))
        except BaseException:
            os.rename(str(aside), str(place))
            raise
        os.rename(str(aside), str(new))
    finally:
        os.close(handle)


def _restore(leftover: Path) -> None:
    """Put back what was set aside by a process that was killed before it put the new in place."""
    place = leftover.with_name(leftover.name[len(TEMPORARY) :].rpartition(".")[0])
    if leftover.name.endswith(_ASIDE) and not os.path.lexists(str(place)):
        os.rename(str(leftover), str(place))


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(str(path), ignore_errors=True)
    elif os.path.lexists(str(path)):
        path.unlink()


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


def json_object(
    path: Path, hint: str, error: Type[VaioptError] = RunError, largest: int = LARGEST
) -> Dict[str, Any]:
    """Read a file that holds a JSON object.

    Args:
        path: the file.
        hint: what cures a damaged one.
        error: what is raised.
        largest: bytes that it may have.

    Raises:
        VaioptError: of that class: it cannot be read, is no file, is too large, is not JSON, or
            holds something else.
    """
    try:
        content = parse_json(read_text(path, largest))
    except OSError as caught:
        raise error(f"'{path}' cannot be read ({caught})", hint) from caught
    except ValueError as caught:
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


def read_arrays(
    path: PathLike,
    names: Iterable[str],
    command: str,
    error: Type[VaioptError] = RunError,
    optional: Iterable[str] = (),
) -> Dict[str, Any]:
    """Return arrays of an ``.npz`` file of a run by their names.

    Args:
        path: the file.
        names: of the arrays. optional: of others, which are returned if they are there.
        command: the command that makes it, for the hint.
        error: what is raised when it is damaged.

    Raises:
        RunError: it is missing.
        VaioptError: of that class: it is damaged, or lacks one of the arrays.
    """
    path, names, optional = require(Path(path), command), list(names), tuple(optional)
    hint = f"Make it again with: {command}"
    try:
        arrays = load_npz(path, (*names, *optional))
    except NpzError as caught:
        raise error(f"'{path}' is damaged ({caught})", hint) from caught
    for name in names:
        if name not in arrays:
            raise error(f"'{path}' is damaged (it holds no array '{name}')", hint)
    return {name: arrays[name] for name in (*names, *optional) if name in arrays}


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
