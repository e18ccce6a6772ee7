"""JSON of anybody's: what it may hold, so that no code of ours fails on it later."""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Union

DEEPEST = 100
"""Levels of a JSON value. No file of ours has a tenth of it; what walks through a value may call
itself for each level.
"""

_HALVES = re.compile(r"\\u[dD][89a-fA-F]")
"""Escapes that may be half a character."""


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
