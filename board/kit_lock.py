"""One measurement at a time on a DPU: a lock that the next one waits for."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any, Callable, Iterator, Optional

from kit_errors import KitError, one_line

LOCK = "/tmp/vaiopt-dpu.lock"
"""The same for all users, whatever their TMPDIR."""

LONGEST_SECONDS = 3600.0
SAY_SECONDS = 30.0
LOOK_SECONDS = 0.2


@contextlib.contextmanager
def dpu_alone(what: str, say: Callable[[str], None], path: str = LOCK) -> Iterator[None]:
    """Hold the DPU within this context; wait while another measurement does, and tell whose.

    The lock is the system's: it is free once its holder has ended, however that was. Where there is
    no place for it nothing is locked.

    Args:
        what: is measured, for those who wait.
        say: told of whom is waited for.
        path: of the lock's file.

    Raises:
        KitError: it was held for an hour.
    """
    file = _open(path)
    try:
        if file is not None:
            _wait(file, say)
            _sign(file, what)
        yield
    finally:
        if file is not None:
            with contextlib.suppress(OSError):
                file.truncate(0)
            file.close()


def _open(path: str) -> Optional[Any]:
    """Open the file for reading and writing, whoever made it; None: that cannot be done here."""
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
    for more in (0, os.O_CREAT | os.O_EXCL, 0):
        try:
            handle = os.open(path, flags | more, 0o666)
        except OSError:
            continue
        with contextlib.suppress(OSError):
            os.fchmod(handle, 0o666)  # the umask of the first would keep out the others
        return os.fdopen(handle, "r+b", buffering=0)
    return None


def _wait(file: Any, say: Callable[[str], None]) -> None:
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        return
    began = time.monotonic()
    spoke = -SAY_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            pass
        except OSError:  # a file system without locks
            return
        waited = time.monotonic() - began
        if waited - spoke >= SAY_SECONDS:
            spoke = waited
            say(f"waiting for the DPU: {_holder(file)} is measured there")
        if waited > LONGEST_SECONDS:
            raise KitError(
                f"the DPU was in use for an hour: {_holder(file)}",
                "End it there: vaiopt kit HOST --clean",
            )
        time.sleep(LOOK_SECONDS)


def _holder(file: Any) -> str:
    file.seek(0)
    return one_line(file.read(300).decode("utf-8", "replace")) or "another model"


def _sign(file: Any, what: str) -> None:
    user = os.environ.get("USER") or str(getattr(os, "getuid", lambda: "")())
    text = f"{what} by {user} since {time.strftime('%H:%M:%S')} (process {os.getpid()})"
    with contextlib.suppress(OSError):
        file.seek(0)
        file.truncate(0)
        file.write(text.encode("utf-8", "replace")[:300])
