"""Locks of files and folders that the system releases when a process ends, however that happens."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import Callable, Iterator, Set, Union

_OWN = threading.local()
"""Folders that this thread holds: what holds one may call what holds it too."""


@contextlib.contextmanager
def locked(
    folder: Union[str, "os.PathLike[str]"],
    *,
    shared: bool = False,
    waiting: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Hold the lock of a folder; another process or thread waits for it. Where the file system has
    no such locks there is none.

    Args:
        folder: which is there.
        shared: together with others that hold it shared.
        waiting: called before it is waited for another to let go.

    Raises:
        OSError: the folder cannot be opened.
    """
    held: Set[str] = _OWN.__dict__.setdefault("folders", set())
    name = os.path.realpath(str(folder))
    if name in held:
        yield
        return
    handle = os.open(name, os.O_RDONLY)
    held.add(name)
    try:
        try:
            lock(handle, shared=shared)
        except BlockingIOError:
            waiting()
            with contextlib.suppress(OSError):
                lock(handle, shared=shared, wait=True)
        except OSError:  # no locks here
            pass
        yield
    finally:
        held.discard(name)
        os.close(handle)


def lock(handle: int, *, shared: bool = False, wait: bool = False) -> None:
    """Lock an open file or folder until it is closed.

    Raises:
        BlockingIOError: another holds it, and ``wait`` is not asked for.
        OSError: the file system has no locks.
    """
    import fcntl

    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    fcntl.flock(handle, kind if wait else kind | fcntl.LOCK_NB)


def is_file_of(handle: int, path: Union[str, "os.PathLike[str]"]) -> bool:
    """Return whether an open file or folder is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(str(path)))
    except OSError:
        return False
