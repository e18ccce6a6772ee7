"""One search at a time in a run folder: two would end each other's running trials."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import IO, Iterator

from vaiopt.errors import RunError
from vaiopt.runs.layout import Run


@contextlib.contextmanager
def only_search(run: Run) -> Iterator[None]:
    """Hold a run folder for one search, and delete at the end what its running trials told.

    The system lets go of the lock when the process dies, however that happens. Where the file
    system knows no locks, nothing is held.

    Raises:
        RunError: another search is at work there.
    """
    with _locked(run):
        try:
            yield
        finally:
            shutil.rmtree(str(run.running), ignore_errors=True)


def is_searching(run: Run) -> bool:
    """Return whether a search is at work in a run folder; False where nobody can know."""
    import fcntl

    try:
        with open(str(run.search_lock), encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no search, or a file system without locks
        return False
    return False


def _locked(run: Run) -> IO[str]:
    import fcntl

    while True:
        run.running.mkdir(parents=True, exist_ok=True)
        try:
            # Open for as long as the lock is held.
            file = open(str(run.search_lock), "a+", encoding="ascii")  # noqa: SIM115
        except FileNotFoundError:  # a search that ended just now deleted the folder
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise RunError(
                f"another search is at work in '{run.folder}'",
                f"Wait for it, stop it (process {holder}), or search into another folder: --run"
                " runs/NAME",
            ) from error
        except OSError:
            return file
        if os.fstat(file.fileno()).st_nlink:
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            return file
        file.close()  # or this file
