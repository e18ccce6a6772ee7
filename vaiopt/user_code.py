"""A person's own Python, loaded as Python itself would, and what goes wrong in it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import os
import re
import sys
import traceback
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple

from vaiopt.errors import SettingsError, VaioptError
from vaiopt.reading import check_regular

PREFIX = "vaiopt_user_"

Stamp = Optional[Tuple[int, int]]
"""Time and size of a file."""

_CALLED_WITH = re.compile(r"^\s*(?:Call arguments|Arguments) received\b", re.MULTILINE)
_CAUSES = (
    ("in user code:", 1, re.compile(r"\w+(?:Error|Exception|Exit|Interrupt): ")),
    ("raph execution error:", 0, re.compile(r"(?!\[\[|File |Node: |Detected at |\d+ successful )")),
)
"""How messages of TensorFlow begin whose cause comes last: lines before that are kept, and how the
line of the cause begins.
"""
_LONGEST = 400

_neighbours: Dict[str, Path] = {}
"""Modules that were imported from the folder of a person's file, and that folder."""

_stamps: Dict[str, Tuple[str, Stamp]] = {}
"""The files of these modules and of those within them, as they were when they were imported."""


_codes: Dict[str, Tuple[bytes, CodeType]] = {}
"""What the files that were imported hold, and what Python made of it, by path."""


def check_python_file(setting: str, source: str) -> None:
    """Check that the file of a setting's ``file.py:function`` is there. Raises SettingsError."""
    path = source.partition(":")[0]
    if not path.endswith(".py") or not Path(path).is_file():
        raise SettingsError(
            f"{setting} names no Python file: '{path}'",
            "Give file.py:function; it is looked for beside the settings file, then here.",
        )


class _OfOneCode(SourceFileLoader):
    """Runs a file anew, by the code that was made of it the first time, unless it has changed.

    TensorFlow keeps the code of whatever called it for good: code made anew for each trial would
    grow the process by 30 kB a trial.
    """

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the file as it is now."""
        source = self.get_data(self.path)
        if self.path not in _codes or _codes[self.path][0] != source:
            _codes[self.path] = source, self.source_to_code(source, self.path)
        return _codes[self.path][1]


def load_file(path: Path) -> ModuleType:
    """Import a person's file anew, under a name of its own; its folder counts for its imports.

    Two files of the same name in different folders are different modules, and so are the files of
    one name beside them. To be called within :func:`running`.

    Raises:
        ImportError: it is not a Python file.
        OSError: it is no file.
        Whatever it raises.
    """
    check_regular(path)  # Python would wait for a pipe
    importlib.invalidate_caches()  # files beside it may be seconds old
    path = path.resolve()
    digest = hashlib.sha256(str(path).encode("utf-8", "surrogateescape")).hexdigest()
    name = f"{PREFIX}{path.stem}_{digest[:8]}"
    spec = importlib.util.spec_from_file_location(name, str(path))
    if spec is None or not isinstance(spec.loader, SourceFileLoader):
        raise ImportError(f"'{path}' is not a Python file")
    spec.loader = _OfOneCode(name, str(path))
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickle look a class's module up here.
    sys.modules[name] = module
    try:
        with _importing_from([str(path.parent)]):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextlib.contextmanager
def running(fail: Callable[[str], VaioptError], *where: Any) -> Iterator[None]:
    """Run a person's code: what it prints goes to stderr, since stdout belongs to the command's
    result, and what it raises becomes an error of ours.

    Args:
        fail: makes that error of a line that says what was raised and where.
        where: folders that modules are imported from, and functions or objects of the person's
            own, for the folders of their files.
    """
    folders = [str(w) if isinstance(w, (str, Path)) else home(w) for w in where]
    try:
        with contextlib.redirect_stdout(sys.stderr), _importing_from([f for f in folders if f]):
            yield
    except VaioptError:
        raise
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # theirs to mend, whatever it is
        raise fail(describe(error)) from error


def home(value: Any) -> str:
    """Return the folder of the person's file that a function or object came with, or ""."""
    name = str(getattr(getattr(value, "__self__", value), "__module__", ""))
    if name.startswith(PREFIX) and name in sys.modules:
        return str(Path(str(sys.modules[name].__file__)).parent)
    return str(_neighbours.get(name.split(".")[0], ""))


@contextlib.contextmanager
def _importing_from(folders: List[str]) -> Iterator[None]:
    if not folders:
        yield
        return
    path, before = list(sys.path), set(sys.modules)
    _forget_changed()
    for folder in folders:
        _forget_namesakes(Path(folder))
    sys.path[:0] = folders
    try:
        yield
    finally:
        sys.path[:] = path
        _remember_neighbours(folders, before)


def _forget_namesakes(folder: Path) -> None:
    """Forget modules that came from beside another file and are called like one in ``folder``."""
    for name, origin in list(_neighbours.items()):
        if origin != folder and ((folder / f"{name}.py").is_file() or (folder / name).is_dir()):
            _forget(name)


def _forget_changed() -> None:
    """Forget the modules from a folder of which one has another file now: in a notebook, which
    lives on while a person edits; others of them may have taken something of it.
    """
    changed = [name for name, (file, stamp) in _stamps.items() if _stamp(file) != stamp]
    folders = {_neighbours[name.partition(".")[0]] for name in changed}
    for name, origin in list(_neighbours.items()):
        if origin in folders:
            _forget(name)


def _forget(name: str) -> None:
    del _neighbours[name]
    for modules in (sys.modules, _stamps):
        for key in [k for k in modules if k == name or k.startswith(f"{name}.")]:
            del modules[key]


def _stamp(file: str) -> Stamp:
    """Return what changes with the content of a file; None if it is gone."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _remember_neighbours(folders: List[str], before: Set[str]) -> None:
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        for folder in map(Path, folders):
            if file and Path(file) in (folder / f"{name}.py", folder / name / "__init__.py"):
                _neighbours[name] = folder
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and name.partition(".")[0] in _neighbours:
            _stamps[name] = str(file), _stamp(str(file))


def describe(error: BaseException) -> str:
    """Return one line that says what was raised, and in which line of whose file."""
    ours = str(Path(__file__).parent)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not ("site-packages" in frame.filename or "importlib" in frame.filename)
        and not frame.filename.startswith(ours)
        and frame.filename != contextlib.__file__
    ]
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{named(error)}{place}"


def named(error: BaseException) -> str:
    """Return in one line an error's kind and what it says, which may name the kind itself."""
    kind, text = type(error).__name__, message(error)
    return text if text.startswith(f"{kind}: ") else f"{kind}: {text}"


def message(error: BaseException) -> str:
    """Return in one line what an error says, with its cause.

    Keras's first line often names the layer alone, TensorFlow puts the cause within a person's code
    or within a graph last, and both add what the layer was called with, or where it was made.
    """
    try:
        text = str(error).strip()
    except Exception:  # noqa: BLE001  an error that cannot say what it is
        text = ""
    lines = [line.strip() for line in _CALLED_WITH.split(text)[0].splitlines() if line.strip()]
    for start, kept, cause in _CAUSES:
        first = next((i for i, line in enumerate(lines) if line.endswith(start)), None)
        if first is not None:
            told = [i for i, line in enumerate(lines) if cause.match(line)]
            lines = lines[:first][:kept] + lines[told[-1] if told else -1 :]
    return " ".join(lines)[:_LONGEST] or "no message"
