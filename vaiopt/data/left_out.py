"""What was read of a folder of files, and what was left out, by kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from vaiopt.record import Record, part

EXAMPLES = 3
"""Files that are named of each kind that is left out."""

HIDDEN = "hidden"
LOOSE = "images beside the class folders"
UNREADABLE = "that cannot be read"
LINKS = "links to folders"
NO_ENDING = "without an ending"


@dataclass(frozen=True)
class LeftOut(Record):
    """Files of one kind that are not read.

    Attributes:
        kind: in words, such as ``.txt`` or ``hidden``.
        count: of them.
        examples: the first of their names, within the folder of the data.
    """

    kind: str = part()
    count: int = part(low=1)
    examples: Tuple[str, ...] = part(())

    def __str__(self) -> str:
        """As ``3 .txt (README.txt, a.txt, ...)``."""
        more = ", ..." if self.count > len(self.examples) else ""
        return f"{self.count:,} {self.kind} ({', '.join(self.examples)}{more})"


@dataclass(frozen=True)
class FilesRead(Record):
    """The files behind a dataset of images, in the order of its samples: its own, then the given
    sets.

    Attributes:
        names: of the files, within the folder.
        sizes: (width, height) of each as it is shown, before it is resized.
        left_out: files that are no samples.
    """

    names: Tuple[str, ...] = part()
    sizes: Tuple[Tuple[int, int], ...] = part()
    left_out: Tuple[LeftOut, ...] = part(())

    @property
    def notes(self) -> Tuple[str, ...]:
        """What a person should know of it: a line, or none."""
        return left_out_notes(self.left_out)


def left_out_notes(left_out: Sequence[LeftOut]) -> Tuple[str, ...]:
    """Return the line that tells what is left out; none if nothing is."""
    return (f"files left out: {', '.join(map(str, left_out))}",) if left_out else ()


class Leavings:
    """Gathers what is left out of a folder.

    Args:
        folder: that names are told within.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: Dict[str, List[str]] = {}

    def add(self, kind: str, path: Path) -> None:
        """Take note of a file or folder that is left out."""
        self._found.setdefault(kind, []).append(path.relative_to(self._folder).as_posix())

    def all(self) -> Tuple[LeftOut, ...]:
        """Return what was found, the most frequent kind first."""
        by_count = sorted(self._found.items(), key=lambda item: (-len(item[1]), item[0]))
        return tuple(
            LeftOut(kind, len(names), tuple(sorted(names)[:EXAMPLES])) for kind, names in by_count
        )


def kind_of(path: Path) -> str:
    """Return the kind of a file that is no image: hidden, or its ending."""
    if path.name.startswith("."):
        return HIDDEN
    return path.suffix.lower() or NO_ENDING
