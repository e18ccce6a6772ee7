"""Data from a function of the user's own: ``module:function`` or ``path.py:function``."""

from __future__ import annotations

import importlib
import re
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Optional

from vaiopt import user_code
from vaiopt.data.dataset import Dataset, Request, make_dataset
from vaiopt.data.paths import find_path
from vaiopt.data.sources.source import Source
from vaiopt.errors import DataError, did_you_mean
from vaiopt.reading import check_regular

PATTERN = re.compile(r"^(?P<module>.+):(?P<function>[A-Za-z_]\w*)$")
RETURNS = "Return (x, y), ((x, y), (x_test, y_test)) or a vaiopt.data.Dataset."


def _matches(text: str, path: Optional[Path]) -> bool:
    return path is None and PATTERN.match(text) is not None


def load_function(request: Request, path: Path) -> Dataset:
    """Call the user's function without arguments and check what it returns. Modules are imported
    from the folder of its file, and from ``request.base``.

    Raises:
        DataError: the module or function is not there, raises, or returns something else.
    """
    match = PATTERN.match(request.source)
    assert match is not None  # the source was found by this pattern
    module, name = match.group("module"), match.group("function")
    running = partial(user_code.running, partial(_failed, request.source), request.base)
    with running():
        loaded = (
            user_code.load_file(_find(module, request))
            if module.endswith(".py")
            else importlib.import_module(module)
        )
    function = getattr(loaded, name, None)
    if not callable(function):
        known = _functions(loaded)
        raise DataError(
            f"'{module}' has no function '{name}'", did_you_mean(name, known) if known else RETURNS
        )
    with running(function):
        result = function()
    return _checked(result, request.source)


SOURCE = Source("module:function", _matches, load_function)


def _failed(source: str, what: str) -> DataError:
    return DataError(f"'{source}' raised {what}", f"Correct the function. {RETURNS}")


def _find(name: str, request: Request) -> Path:
    path, looked = find_path(name, request.base)
    if path is None:
        raise DataError(
            f"there is no file '{name}' (looked at {', '.join(map(str, looked))})",
            f"Correct data.source = '{request.source}'.",
        )
    try:
        check_regular(path)
    except OSError as error:
        raise DataError(
            f"'{path}' cannot be read: {error}", "Give a Python file: FILE.py:FUNCTION."
        ) from error
    return path


def _functions(module: ModuleType) -> Any:
    return [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]


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
            task=result.task,
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
    size = f" of {len(result)}" if isinstance(result, (tuple, list)) else ""
    return f"a {type(result).__name__}{size}"
