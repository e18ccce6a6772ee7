"""What is told line by line, and how a text from outside may be shown."""

from __future__ import annotations

import re
from typing import Callable, Match

Progress = Callable[[str], None]
"""Told one line at a time what happens."""


_UNSHOWN = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters: a terminal obeys them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # turn the direction of what follows
    "\u2028\u2029"  # end a line
    "\ud800-\udfff]"  # bytes of a name that is not UTF-8; they cannot be written
)


def printable(text: str, keep: str = "") -> str:
    r"""Return a text as it may be shown: a character that a terminal would obey, that changes the
    order of others or that cannot be written stands as its escape, such as ``\x1b``.

    Args:
        text: of wherever: names of folders, classes and hyperparameters, a kit's lines, errors.
        keep: characters of these that stay, such as the ends of lines.
    """

    def escaped(match: Match[str]) -> str:
        found = match.group()
        return found if found in keep else found.encode("unicode_escape").decode("ascii")

    return _UNSHOWN.sub(escaped, text)


def silent(line: str) -> None:
    """Drop a line of progress."""


def without_password(url: str) -> str:
    """Return a database URL as it may be shown."""
    url = re.sub(r"(//[^:@/]*|^[^:@/]*):(?!//).*@", r"\1:***@", url)
    return re.sub(r"([?&](?:password|passwd)=)[^&]*", r"\1***", url)
