"""A function that a person wrote in a notebook, in ``python -c`` or in the script that runs, as the
text of a file of its own: worker processes and later commands must find it, and running the whole
script again would begin another search.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from pathlib import Path
from types import FunctionType
from typing import Any, Dict, Iterator, List, Sequence, Set

from vaiopt.errors import ModelError
from vaiopt.reading import LARGEST_WRITTEN, read_bytes

PLAIN = (bool, int, float, str, bytes, type(None))
"""Values that stand in the file as they are now, however they came to be."""

TO_A_FILE = "Write the function into a file of its own, and give it as 'file.py:function'."


def place_of(function: Any) -> str:
    """Return where a function or class can be imported from, as ``file.py:name``; "" if it belongs
    to the script, notebook or prompt that runs, or to a package.

    Raises:
        ModelError: it has no name that it could be found by, such as a lambda.
    """
    name = str(getattr(function, "__qualname__", ""))
    if not isinstance(function, (FunctionType, type)) or not name.isidentifier():
        raise ModelError(
            f"{_called(function)} cannot be found by another process: it is no function or class at"
            " the top level of a module",
            f"Define it there with def and a name: def build_model(hp). {TO_A_FILE}",
        )
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    is_file = bool(file) and Path(str(file)).is_file() and str(file).endswith(".py")
    if function.__module__ == "__main__" or not is_file or getattr(module, "__package__", None):
        return ""
    if vars(module).get(name) is not function:
        return ""
    return f"{Path(str(file)).resolve()}:{name}"


def _called(function: Any) -> str:
    name = getattr(function, "__qualname__", "")
    return f"the function '{name}'" if name else f"a {type(function).__name__}"


def source_of(function: Any) -> str:
    """Return the text of a Python file that defines a function or class: its own source, and the
    imports, functions and values at the top level of its module that it uses.

    Raises:
        ModelError: its source is not known, or it uses something that is not in it.
    """
    module = sys.modules.get(function.__module__)
    if module is None:  # made by exec
        raise ModelError(f"the source of {_called(function)} is not known here", TO_A_FILE)
    package = getattr(module, "__package__", "")
    if package:
        name = function.__qualname__
        return f"from {function.__module__} import {name}\n"
    return _Extract(_texts(module, function), vars(module)).file_of(function.__qualname__)


def _texts(module: Any, function: Any) -> List[str]:
    """Return the source of a module, in one piece or in the cells that were run."""
    file = getattr(module, "__file__", None)
    if file and Path(str(file)).is_file():
        content = read_bytes(str(file), LARGEST_WRITTEN)
        return [content.decode("utf-8", "replace")]
    cells = vars(module).get("In")  # IPython's
    if isinstance(cells, list):
        return [_without_magic(str(cell)) for cell in cells]
    command = _command()
    if command:
        return [command]
    try:
        return [inspect.getsource(function)]
    except (OSError, TypeError) as error:
        message = f"the source of {_called(function)} is not known here"
        raise ModelError(message, TO_A_FILE) from error


def _without_magic(cell: str) -> str:
    """Return a cell of a notebook without the lines that are no Python."""
    lines = cell.splitlines()
    return "\n".join("" if line.lstrip().startswith(("%", "!", "?")) else line for line in lines)


def _command() -> str:
    """Return the text that ``python -c`` was given; "" without."""
    try:
        content = read_bytes("/proc/self/cmdline", LARGEST_WRITTEN)
    except OSError:
        return ""
    words = content.decode("utf-8", "replace").split("\0")
    return words[words.index("-c") + 1] if "-c" in words[:-1] else ""


class _Extract:
    """The statements at the top level of a module, of which some are taken."""

    def __init__(self, texts: Sequence[str], values: Dict[str, Any]) -> None:
        self._values = values
        self._statements: List[ast.stmt] = []
        self._texts: List[str] = []
        for text in texts:
            try:
                body = ast.parse(text).body
            except (SyntaxError, ValueError):
                continue  # a cell that failed
            self._statements += body
            self._texts += _pieces(text, body)
        self._defining: Dict[str, List[int]] = {}
        for number, statement in enumerate(self._statements):
            for name in _defined(statement):
                is_new = not isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign))
                before = [] if is_new else self._defining.get(name, [])
                self._defining[name] = [*before, number]

    def file_of(self, name: str) -> str:
        """Return the text of a file that defines a name. Raises ModelError."""
        taken: Set[int] = set()
        constants: Dict[str, str] = {}
        ahead, seen = [name], set(dir(builtins))
        while ahead:
            wanted = ahead.pop()
            if wanted in seen:
                continue
            seen.add(wanted)
            value = self._values.get(wanted)
            if wanted in self._values and wanted != name and _is_plain(value):
                constants[wanted] = f"{wanted} = {value!r}\n"
            elif wanted in self._defining:
                taken.update(self._defining[wanted])
                for number in self._defining[wanted]:
                    ahead += _used(self._statements[number])
            elif wanted in self._values or wanted == name:
                raise ModelError(
                    f"the function '{name}' uses '{wanted}', whose definition is not known here",
                    TO_A_FILE,
                )
        for number in taken:
            if not self._texts[number]:
                raise ModelError(
                    f"the source of '{name}' shares a line with something else",
                    "Give each statement a line of its own.",
                )
        head = "# Written by vaiopt: the model function as it was passed in Python.\n"
        future = [n for n in taken if _is_future(self._statements[n])]
        order = [*sorted(future), *(n for n in sorted(taken) if n not in future)]
        pieces = [self._texts[number].rstrip() + "\n" for number in order]
        return head + "".join([*pieces[: len(future)], *constants.values(), *pieces[len(future) :]])


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _pieces(text: str, body: Sequence[ast.stmt]) -> List[str]:
    """Return the text of each statement; before Python 3.9 "" for those that share a line."""
    unparse = getattr(ast, "unparse", None)
    if unparse is not None:
        return [str(unparse(statement)) for statement in body]
    lines = text.splitlines()
    starts = [_first_line(statement) for statement in body] + [len(lines) + 1]
    found = []
    for number, (start, end) in enumerate(zip(starts, starts[1:])):
        shares = end == start or (number > 0 and starts[number - 1] == start)
        found.append("" if shares else "\n".join(lines[start - 1 : end - 1]))
    return found


def _first_line(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def _defined(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top level defines."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        for alias in statement.names:
            yield (alias.asname or alias.name).split(".")[0]
    elif isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
        yield from (node.id for node in names if isinstance(node.ctx, ast.Store))
    elif isinstance(statement, (ast.If, ast.Try, ast.With)):
        for inner in ast.iter_child_nodes(statement):
            if isinstance(inner, (ast.Import, ast.ImportFrom)):
                yield from _defined(inner)


def _used(statement: ast.stmt) -> Iterator[str]:
    yield from (n.id for n in ast.walk(statement) if isinstance(n, ast.Name))


def _is_plain(value: Any) -> bool:
    """Return whether a value is a number or text, or a short list or table of such."""
    if isinstance(value, (list, tuple)):
        return len(value) <= 1000 and all(map(_is_plain, value))
    if isinstance(value, dict):
        return len(value) <= 1000 and all(_is_plain(v) for pair in value.items() for v in pair)
    return type(value) in PLAIN
