"""The one error of the scripts that run on a kit: what is wrong, and what to do about it.

Everything in this folder is plain Python 3.7 with numpy. It is copied to a kit as it is, so it
imports nothing from outside the folder but numpy and the runtime that executes the model.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

MAKE_AGAIN = "Make the bundle again with: vaiopt bundle RUN --target TARGET"


class KitError(Exception):
    """Bad input or a board that does not answer as it must.

    Args:
        message: what is wrong, with the name of the file, array, attribute or layer; made one line.
        hint: what cures it; made one line.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = one_line(message)
        self.hint = one_line(hint)


def one_line(text: object) -> str:
    """Return a text as one line: what a terminal would obey, and half a character, which cannot be
    written, stand as their escapes.
    """
    return printable(" ".join(str(text).split()))


def printable(text: str) -> str:
    """Return a text without anything that a terminal would obey: such stand as their escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def tell(error: KitError) -> int:
    """Say an error and its cure on stderr, and return the exit code."""
    print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr, flush=True)
    return 2


def leave(code: int) -> NoReturn:
    """End this process with an exit code. The runtime's own clean-up at exit is skipped: the result
    is written, and what it does to the process then is not ours to explain.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
