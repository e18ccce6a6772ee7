"""Paths that are no readable file, of every kind."""

import os
import socket
from pathlib import Path
from typing import Callable, Dict


def _socket(path: Path) -> None:
    # A socket's path may have 107 characters only.
    here = os.getcwd()
    os.chdir(str(path.parent))
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _link(to: str) -> Callable[[Path], None]:
    return lambda path: os.symlink(to or path.name, str(path))


MAKERS: Dict[str, Callable[[Path], None]] = {
    "pipe": lambda path: os.mkfifo(str(path)),
    "socket": _socket,
    "folder": lambda path: path.mkdir(),
    "device": _link("/dev/zero"),
    "dangling link": _link("nowhere"),
    "link to itself": _link(""),
}
"""What makes each kind at a path."""
