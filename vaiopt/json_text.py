"""JSON of anybody's: what it may hold, so that no code of ours fails on it later."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Iterable, List, Tuple, Union

DEEPEST = 100
"""Levels of a JSON value. No file of ours has a tenth of it; what walks through a value may call
itself for each level.
"""

_HALVES = re.compile(r"\\u[dD][89a-fA-F]")
"""Escapes that may be half a character."""


def parse_json(text: Union[str, bytes], once: bool = False) -> Any:
    """Return the value of a JSON text.

    Args:
        text: of the file. once: whether it is refused where a name stands twice in an object; else
            the last counts, as in Python.

    Raises:
        ValueError: it is no JSON, no UTF-8, nested deeper than :data:`DEEPEST`, or a text in it
            holds half a character (a lone surrogate), which no file can be written with.
    """
    text = text.decode("utf-8") if isinstance(text, bytes) else text
    try:
        content = json.loads(text, object_pairs_hook=_each_once if once else None)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    check_depth(content)
    if _HALVES.search(text):
        check_texts(content)
    return content


def _each_once(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for n, (name, _) in enumerate(pairs) if name in dict(pairs[:n]))
        raise ValueError(f"'{twice[:80]}' stands in it twice")
    return found


def check_depth(content: Any) -> None:
    """Raise ValueError for a JSON value that is nested deeper than :data:`DEEPEST`."""
    level, depth = [content], 0
    while level:
        if depth >= DEEPEST:
            raise ValueError("it is nested too deep")
        level = [inner for item in level for inner in _inside(item)]
        depth += 1


def check_texts(content: Any) -> None:
    """Raise ValueError for a JSON value with half a character in a text, but for those that stand
    for the bytes of a file's name that is not UTF-8.
    """
    try:
        json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError("a text in it holds half a character") from error


def whole_texts(content: Any) -> Any:
    """Return a JSON value with ``?`` in the place of half characters, which no file can be written
    with: the reason of a failed trial may name a file whose name is not UTF-8.
    """
    try:
        check_texts(content)
    except ValueError:
        text = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
        return json.loads(text.decode("utf-8"))
    return content


def _inside(value: Any) -> Iterable[Any]:
    """Return what a JSON value holds, as far as that can hold something."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return []
    return [v for v in value if isinstance(v, (dict, list))]
