"""The file in which Optuna keeps a study: a line of JSON for each operation, written at the end."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path
from typing import Any, Dict, Tuple

from vaiopt.errors import RunError
from vaiopt.locks import lock
from vaiopt.reading import check_regular
from vaiopt.text import Progress

KNOWN_OPERATIONS = range(10)
"""``op_code`` of what Optuna 4 and 5 write, of which vaiopt uses all but one."""

TRIAL_MADE = re.compile(rb'^\{"op_code":\s*4,.*$', re.MULTILINE)
"""The line of a new trial, with the time and the process in it: no two are equal."""

STUDY_MADE = re.compile(rb'^(?:\xef\xbb\xbf)?\{"op_code":\s*0,', re.MULTILINE)

RESTORE = "Restore it from a copy, or search again into a new folder."


class JournalLock:
    """A lock that the system releases when its process dies. Optuna's own outlive a kill: for 30 s,
    or for ever (before 4.3).
    """

    def __init__(self, journal: Path) -> None:
        self._path = _lock_file(journal)
        self._file: Any = None

    def acquire(self) -> bool:
        """Wait for it and hold it."""
        self._file = open(self._path, "a")  # noqa: SIM115  open for as long as the lock is held
        lock(self._file.fileno(), wait=True)
        return True

    def release(self) -> None:
        """Let go of it."""
        self._file.close()


def _lock_file(journal: Path) -> str:
    return f"{journal}.flock"


def check_journal(journal: Path, tell: Progress) -> None:
    """Check what Optuna would read without a word, though it cannot be as it was written.

    Args:
        journal: the file.
        tell: told that the last line is left out, if it was not written to its end.

    Raises:
        RunError: trials stand in it twice, or its beginning is gone.
    """
    if not _is_there(journal):
        return
    content = _read(journal)
    body, _, rest = content.rpartition(b"\n")
    if rest:
        tell(
            f"the last line of '{journal}' is cut off and is left out; the next search goes on"
            " from the line before it"
        )
    if body and not STUDY_MADE.search(body):
        raise RunError(f"'{journal}' is corrupt (its beginning is missing)", RESTORE)
    seen: Dict[bytes, int] = {}
    for match in TRIAL_MADE.finditer(body):
        first = seen.setdefault(match.group(), match.start())
        if first != match.start():
            raise _twice(journal, content, first, match.start())


def _is_there(journal: Path) -> bool:
    """Whether there is a journal. Raises :class:`RunError`: it is no file; Optuna would wait for a
    pipe.
    """
    try:
        check_regular(journal)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise RunError(
            f"'{journal}' cannot be read: {error}", "Search again into a new folder."
        ) from error
    return True


def _twice(journal: Path, content: bytes, first: int, again: int) -> RunError:
    one, other = (content.count(b"\n", 0, place) + 1 for place in (first, again))
    return RunError(
        f"'{journal}' holds trials twice: line {other} is line {one} once more",
        "Restore it from a copy, or delete in it what was added a second time.",
    )


def _read(journal: Path) -> bytes:
    """Read the journal, not while a line is being written."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # no search was here, or there are no locks
            handle = os.open(_lock_file(journal), os.O_RDONLY)
            stack.callback(os.close, handle)
            lock(handle, shared=True, wait=True)
        return journal.read_bytes()


def corrupt(journal: Path, error: BaseException) -> RunError:
    """Return the error for a journal that Optuna cannot read, with the line at which it fails."""
    for number, line in enumerate(journal.read_bytes().splitlines(), 1):
        readable, operation = _operation(line)
        if readable and operation not in KNOWN_OPERATIONS:
            return RunError(
                f"line {number} of '{journal}' is an operation that is not known here"
                f" ({str(operation)[:20]})",
                "If a newer Optuna wrote it, use that one: pip install -U optuna. Else restore it"
                " from a copy.",
            )
        if not readable:
            said = f"line {number} is not a JSON object"
            break
    else:
        said = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return RunError(f"'{journal}' is corrupt ({said})", RESTORE)


def _operation(line: bytes) -> Tuple[bool, Any]:
    """Return whether a line is a JSON object, and which operation it has."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return False, None
    return isinstance(content, dict), content.get("op_code") if isinstance(content, dict) else None


def mend_journal(journal: Path, tell: Progress) -> None:
    """End the last line that a killed search, or one on a full disk, did not end: cut it off, or
    end it where only that is missing. Optuna would take it for the start of the next.

    Raises:
        RunError: it is no journal.
    """
    if not _is_there(journal):
        return
    content = journal.read_bytes()
    body, newline, rest = content.rpartition(b"\n")
    if not rest:
        return
    if not rest.startswith((b"{", b"\xef\xbb\xbf{")):
        raise RunError(f"'{journal}' is corrupt (its last line is not a JSON object)", RESTORE)
    with open(str(journal), "rb+") as file:
        if _operation(rest)[0]:
            file.seek(0, os.SEEK_END)
            file.write(b"\n")
            return
        tell(f"the last line of '{journal}' was cut off and is deleted: {len(rest)} bytes")
        file.truncate(len(body) + len(newline))
