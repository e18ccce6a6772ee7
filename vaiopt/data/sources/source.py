"""What a kind of data source is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable, Iterator, Optional

from vaiopt.data.dataset import Dataset, Request


@dataclass(frozen=True)
class Source:
    """One kind of ``data.source``.

    Attributes:
        name: as in ``vaiopt.settings.choices.SOURCES``, which says what it means.
        matches: whether a text is of this kind, given the path where there is something of that
            name, or None.
        load: loads it, given that path, else the text as a path. It returns the whole dataset, of
            which :func:`vaiopt.data.load_dataset` keeps as much as is asked for.
        literal: whether it is given by just its name.
        takes_target: whether ``data.target`` names a column of it.
        check: raises what can be known of it without loading it, given the same.
        files: those that its samples are decoded from, given the path; None if reading it takes no
            time worth keeping them (``data.cache``).
    """

    name: str
    matches: Callable[[str, Optional[Path]], bool]
    load: Callable[[Request, Path], Dataset]
    literal: bool = False
    takes_target: bool = False
    check: Callable[[Request, Path], None] = lambda request, path: None
    files: Optional[Callable[[Path], Iterable[Path]]] = None


def named(name: str, load: Callable[[], Dataset]) -> Source:
    """Return a source that is given by its name."""
    return Source(name, lambda text, path: text == name, lambda request, path: load(), literal=True)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and of those in it."""
    for parent, folders, names in os.walk(str(folder)):
        folders.sort()
        for name in sorted(names):
            yield Path(parent, name)
