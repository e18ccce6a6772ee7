"""Data from a function of the user's own: ``module:function`` or ``path.py:function``."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Iterator

from vaiopt.data.dataset import Dataset, make_dataset
from vaiopt.data.paths import find_path
from vaiopt.errors import DataError, VaioptError, did_you_mean

RETURNS = "Return (x, y), ((x, y), (x_test, y_test)) or a vaiopt.data.Dataset."


def load_function(module: str, function: str, base: str) -> Dataset:
    """Call the user's function without arguments and check what it returns.

    Args:
        module: an importable module, or the path of a ``.py`` file.
        function: its name there.
        base: the folder that a relative path starts at and that modules are also imported from, ""
            for the current one.

    Raises:
        DataError: the module or function is not there, raises, or returns something else.
    """
    source = f"{module}:{function}"
    with _user_code(source, base):
        loaded = (
            _import_file(module, base, source)
            if module.endswith(".py")
            else importlib.import_module(module)
        )
    found = getattr(loaded, function, None)
    if not callable(found):
        known = [
            name
            for name in vars(loaded)
            if callable(getattr(loaded, name)) and not name.startswith("_")
        ]
        raise DataError(
            f"'{module}' has no function '{function}'",
            did_you_mean(function, known) if known else RETURNS,
        )
    return _checked(_call(found, source, base), source)


def _call(function: Callable[[], Any], source: str, base: str) -> Any:
    with _user_code(source, base):
        return function()


@contextlib.contextmanager
def _user_code(source: str, base: str) -> Iterator[None]:
    """Run user code: modules beside the settings can be imported, what it prints goes to stderr,
    what it raises becomes a DataError.
    """
    path = list(sys.path)
    sys.path.insert(0, base or str(Path.cwd()))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except VaioptError:
        raise
    except (Exception, SystemExit) as error:  # user code may raise anything, and leave by sys.exit
        raise DataError(
            f"'{source}' raised {type(error).__name__}: {error}{_last_line(error)}",
            "Correct the function. " + RETURNS,
        ) from error
    finally:
        sys.path[:] = path


def _last_line(error: BaseException) -> str:
    """Return where in the user's file it happened, as far as is known."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if f.filename != __file__ and "importlib" not in f.filename
    ]
    return f" (at {frames[-1].filename}:{frames[-1].lineno})" if frames else ""


def _import_file(name: str, base: str, source: str) -> ModuleType:
    """Import a file as a module of its own name, anew each time."""
    path, looked = find_path(name, base)
    if path is None or not path.is_file():
        raise DataError(
            "there is no file '{}' (looked at {})".format(name, ", ".join(str(p) for p in looked)),
            f"Correct data.source = '{source}'.",
        )
    key = "vaiopt_data_{}_{}".format(
        path.stem,
        hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:8],
    )
    spec = importlib.util.spec_from_file_location(key, str(path))
    if spec is None or spec.loader is None:
        raise DataError(f"'{path}' is not a Python file", "Give a .py file.")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickle look a class's module up here.
    sys.modules[key] = module
    spec.loader.exec_module(module)
    return module


def _checked(result: Any, source: str) -> Dataset:
    """Make a checked dataset of what the function returned."""
    if isinstance(result, Dataset):
        return make_dataset(
            result.name or source,
            result.x,
            result.y,
            test_x=result.test_x,
            test_y=result.test_y,
            classes=result.classes or None,
            value_range=result.value_range,
            feature_names=result.feature_names,
        )
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise DataError(f"'{source}' returned {_kind(result)}", RETURNS)
    if all(
        isinstance(part, (tuple, list)) and len(part) == 2 and hasattr(part[0], "__len__")
        for part in result
    ):
        (x, y), (test_x, test_y) = result
        return make_dataset(source, x, y, test_x=test_x, test_y=test_y)
    return make_dataset(source, result[0], result[1])


def _kind(result: Any) -> str:
    if result is None:
        return "None"
    if isinstance(result, (tuple, list)):
        return f"a {type(result).__name__} of {len(result)}"
    return f"a {type(result).__name__}"
