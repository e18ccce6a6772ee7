"""What goes wrong, said so that a person can act on it.

Every error that a user can cause or cure is a :class:`VaioptError`: one sentence that says what is
wrong, and a hint with the command or change that cures it. The command line prints both and exits
with 2; anything else is a bug and exits with 1.
"""

from __future__ import annotations

import difflib
from typing import Any, Iterable, List, Tuple

from vaiopt.text import printable


class VaioptError(Exception):
    """A user's error.

    Args:
        message: what is wrong, with the name of the file, key, layer or array that it is about; one
            line.
        hint: the command or change that cures it; one line.

    Attributes:
        code: a short stable name, such as ``settings`` or ``data``: the heading in
            docs/troubleshooting.md.
    """

    code = "error"

    def __init__(self, message: str, hint: str) -> None:
        self.message = printable(" ".join(str(message).split()))
        self.hint = printable(" ".join(str(hint).split()))
        super().__init__(self.message)

    def __reduce__(self) -> Tuple[Any, ...]:
        """Keep message and hint when the error crosses from a worker process."""
        return (type(self), (self.message, self.hint))

    def _render_traceback_(self) -> List[str]:
        """Return what Jupyter shows for a traceback: the two lines of the command line."""
        return [f"error: {self.message}", f"hint: {self.hint}"]


class SettingsError(VaioptError):
    """An unknown key, a wrong type or value in the settings."""

    code = "settings"


class DataError(VaioptError):
    """Data that is missing, corrupt, or of the wrong shape or type."""

    code = "data"


class ModelError(VaioptError):
    """A model function or model file that cannot be used."""

    code = "model"


class RunError(VaioptError):
    """A run folder that is missing, of another version, or not ready for this stage."""

    code = "run"


class TargetError(VaioptError):
    """An unknown or unusable target."""

    code = "target"


class QuantizeError(VaioptError):
    """A model that cannot be quantized."""

    code = "quantize"


class CompileError(VaioptError):
    """A model that cannot be compiled."""

    code = "compile"


class BoardError(VaioptError):
    """A board, bundle or runner that does not answer as it must."""

    code = "board"


class UnreachableError(BoardError):
    """A board to which no connection can be made."""


class MissingToolError(VaioptError):
    """A package or program that this step needs and that is not installed here."""

    code = "missing-tool"


FEW = 16
"""Words of a list that is told whole even where one is like the one that was given."""


def nearest(word: str, known: Iterable[str], count: int = 3) -> List[str]:
    """Return up to ``count`` of the known words that look like ``word``, best first."""
    by_lower = {str(k).lower(): str(k) for k in known}
    found = difflib.get_close_matches(str(word).lower(), list(by_lower), n=count, cutoff=0.5)
    return [by_lower[f] for f in found]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint: the nearest of the known words, and all of them where they are few, or none
    is near.
    """
    known = sorted(str(k) for k in known)
    close = nearest(word, known)
    every = "Known: {}.".format(", ".join(known))
    if not close:
        return every
    meant = "Did you mean {}?".format(" or ".join(f"'{c}'" for c in close))
    return f"{meant} {every}" if len(close) < len(known) <= FEW else meant
