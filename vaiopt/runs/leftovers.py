"""What commands that were killed left in a run folder."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from vaiopt.files import delete_leftovers
from vaiopt.locks import is_file_of, lock

WRITTEN_IN = ("running", "trials", "trials/[0-9]*", "trials/[0-9]*/[!.]*")
"""Folders of a run in which files and folders are written under a temporary name, besides its
own.
"""


def clean(run: Path, search_lock: Path) -> None:
    """Delete what commands that were killed left in a run; what others are writing is left alone.

    Args:
        run: its folder.
        search_lock: what a search holds while it is at work; its folder is there only then.
    """
    for folder in (run, *(found for pattern in WRITTEN_IN for found in run.glob(pattern))):
        if folder.is_dir():
            delete_leftovers(folder)
    with contextlib.suppress(OSError):
        _forget_search(search_lock)


def _forget_search(search_lock: Path) -> None:
    if not search_lock.exists():
        search_lock.parent.rmdir()  # if nothing is in it: a search that begins makes it again
        return
    handle = os.open(str(search_lock), os.O_RDWR)
    try:
        lock(handle)
        if is_file_of(handle, search_lock):
            shutil.rmtree(str(search_lock.parent), ignore_errors=True)
    finally:
        os.close(handle)
