"""Whether arrays fit into memory, asked before they are made."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

COPIES = 2
"""Of the samples that are there at once: as they were read, and in the parts of the split."""

CONTAINER_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)
"""Where a container says how much it may take (cgroups 2 and 1); what is free is told of the whole
machine."""


def available() -> int:
    """Return how many bytes are free on this machine, or may be taken in this container."""
    import psutil

    return min([int(psutil.virtual_memory().available), *_container_limits()])


def _container_limits() -> Iterator[int]:
    for path in map(Path, CONTAINER_LIMITS):
        try:
            text = path.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            continue
        if text.isdigit():  # else "max": no limit
            yield int(text)


def shortage(size: int) -> str:
    """Return why arrays of ``size`` bytes cannot be worked with here; "" if they can."""
    free = available()
    if size * COPIES <= free:
        return ""
    return (
        f"it would be {in_words(size)} in memory, of which {COPIES} copies are needed, and"
        f" {in_words(free)} are free"
    )


def in_words(size: float) -> str:
    """Return a number of bytes as ``3.2 GB``, or ``3.2 MB`` if it is smaller."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
