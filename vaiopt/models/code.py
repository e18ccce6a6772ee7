"""What a person's model function is, as hashes: whether the code has changed since."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from vaiopt.reading import LARGEST_WRITTEN, read_bytes

CONSTANTS = ("Num", "Str", "Bytes", "NameConstant", "Ellipsis")
"""What Python 3.7 has for the constants of later ones."""

SILENT = ("kind", "type_comment", "type_ignores", "type_params", "ctx")
"""Fields of nodes that say nothing of what code does, or that not every Python has."""

MOST_FILES = 1000
"""Files that are followed: more is no model function."""


def code_hashes(family: str) -> Dict[str, str]:
    """Return the SHA-256 of the code that ``model.family`` names, by file.

    Counted are the file itself and what it imports from beside it, in functions too, and what that
    imports in turn. White space, comments and docstrings do not count, and every Python gives the
    same. Nothing is executed.

    Args:
        family: a name, for which nothing is returned, or ``file.py:function``.

    Returns:
        Hex digits by path, relative to the file's folder. A file that cannot be read is left out:
        whoever needs it says why.
    """
    path = Path(family.partition(":")[0])
    if path.suffix != ".py":
        return {}
    folder = path.resolve().parent
    found: Dict[str, str] = {}
    ahead = [path.resolve()]
    while ahead and len(found) < MOST_FILES:
        file = ahead.pop()
        name = file.relative_to(folder).as_posix()
        if name in found:
            continue
        try:
            content = read_bytes(file, LARGEST_WRITTEN)
        except OSError:
            continue
        found[name], imported = _read(content)
        ahead += [near for module in imported for near in _files(folder, file, module)]
    return found


Module = Tuple[int, str]
"""How many packages up an import starts (0 for an absolute one), and the dotted name."""


def _read(content: bytes) -> Tuple[str, List[Module]]:
    """Return the hash of a file, and what it imports."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError, TypeError):
        # On Python 3.7 the parser's MemoryError, after one of NumPy's, is a TypeError.
        return hashlib.sha256(content).hexdigest(), []
    try:
        text = "".join(_words(tree))
    except RecursionError:
        return hashlib.sha256(content).hexdigest(), list(_imports(tree))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), list(_imports(tree))


def _imports(tree: ast.AST) -> Iterator[Module]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield node.level, base
            # Each name may be a module of the package.
            yield from ((node.level, f"{base}.{alias.name}".strip(".")) for alias in node.names)


def _files(folder: Path, importer: Path, module: Module) -> Iterator[Path]:
    """Yield the files in ``folder`` that an import runs: a module, and the packages it is in."""
    level, name = module
    start = folder
    if level:
        start = importer.parent
        for _ in range(level - 1):
            start = start.parent
    if start != folder and folder not in start.parents:
        return
    parts = name.split(".") if name else []
    for count in range(len(parts) + 1):
        place = start.joinpath(*parts[:count])
        if count:
            yield from (near for near in (place.with_suffix(".py"),) if near.is_file())
        if place != folder and (place / "__init__.py").is_file():
            yield place / "__init__.py"


def _words(node: Any) -> Iterator[str]:
    """Yield what a syntax tree says, the same on every Python."""
    if isinstance(node, ast.AST):
        yield from _words_of_node(node)
    elif isinstance(node, list):
        yield "["
        for item in node:
            if not _is_docstring(item):
                yield from _words(item)
        yield "]"
    else:
        yield f"{type(node).__name__}:{node!r};"


def _words_of_node(node: ast.AST) -> Iterator[str]:
    name = type(node).__name__
    if name in (*CONSTANTS, "Constant"):
        value = _constant(node)
        yield f"Constant({type(value).__name__}:{value!r})"
    elif name == "Index":  # of a subscript, before Python 3.9
        yield from _words(_fields(node)["value"])
    elif name == "ExtSlice":
        yield "Tuple(elts=["
        yield from (word for item in _fields(node)["dims"] for word in _words(item))
        yield "])"
    else:
        yield f"{name}("
        for field, value in ast.iter_fields(node):
            if value is not None and value != [] and field not in SILENT:
                yield f"{field}="
                yield from _words(value)
        yield ")"


def _fields(node: ast.AST) -> Dict[str, Any]:
    return dict(ast.iter_fields(node))


def _is_docstring(item: Any) -> bool:
    """Return whether a statement is a text that nothing is done with."""
    if not isinstance(item, ast.Expr):
        return False
    is_constant = type(item.value).__name__ in ("Constant", "Str")
    return is_constant and isinstance(_constant(item.value), str)


def _constant(node: ast.AST) -> Any:
    """Return the value of a constant, which Python 3.7 keeps under several names."""
    return next((value for name, value in ast.iter_fields(node) if name != "kind"), ...)
