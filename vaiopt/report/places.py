"""No path of this computer stands in a page that others may get: where something lay tells who made
it, and is of no use to them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable, Dict, Sequence, Tuple

from vaiopt.report.data import ReportData

# Of two parts at least, and no end of an element; after "sqlite:///" a path begins, too.
_ABSOLUTE = re.compile(r"(?:(?<=:///)|(?<![\w/.:~<…+-]))(?:/[\w.@+~-]+)+/([\w.@+~-]+)")

_IMAGE = re.compile(r"(data:[\w/+.-]*;base64,[^\"'\s]*)")

Form = Callable[[str], str]

Places = Tuple[Tuple[str, str], ...]
"""Absolute paths, and what stands for each; the longest first."""


def places_of(several: Sequence[ReportData]) -> Places:
    """Return the paths that must not stand in the page of these runs."""
    found: Dict[str, str] = {}
    for data in several:
        folder = Path(data.folder)
        for path in {folder, folder.resolve()}:
            found.setdefault(str(path), data.name)
        source = Path(data.settings.data.source.partition(":")[0])
        if source.is_absolute():
            found.setdefault(str(source.parent), "\N{HORIZONTAL ELLIPSIS}")
        if data.data is not None and data.data.base:
            found.setdefault(data.data.base, "\N{HORIZONTAL ELLIPSIS}")
    found.setdefault(str(Path.cwd()), ".")
    found.setdefault(str(Path.home()), "~")
    absolute = [
        item for item in found.items() if len(Path(item[0]).parts) > 1 and item[0][0] == "/"
    ]
    return tuple(sorted(absolute, key=lambda item: -len(item[0])))


def shareable(content: str, places: Places, *forms: Form) -> str:
    """Return a part of a page without any absolute path: see :func:`without_places` for those that
    are known, and :func:`without_absolute` for others.
    """
    return without_absolute(without_places(content, places, *forms))


def without_places(content: str, places: Places, *forms: Form) -> str:
    """Return a part of a page without these paths; of a longer name that begins alike nothing is
    replaced.

    Args:
        content: HTML or JSON.
        places: to replace.
        forms: how a text stands there: what escapes it. What is put in is escaped alike: the name
            of a folder can hold anything.
    """
    for path, shown in places:
        for form in forms:
            found = rf"(?<![\w/.-]){re.escape(form(path))}(?![\w.-])"
            content = re.sub(found, form(shown).replace("\\", "\\\\"), content)
    return content


def without_absolute(content: str) -> str:
    """Return a part of a page in which every absolute path is its last part after an ellipsis:
    what an error of a trial, a setting or a command names without being known as a place. Images,
    whose text can look like one, stay.
    """
    parts = _IMAGE.split(content)
    parts[::2] = [_ABSOLUTE.sub("\N{HORIZONTAL ELLIPSIS}/\\1", part) for part in parts[::2]]
    return "".join(parts)
