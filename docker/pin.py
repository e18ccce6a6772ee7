"""Write ``docker/constraints-*.txt``: the versions of what vaiopt adds to each release's container,
taken from the lock files.

Usage: python docker/pin.py     after scripts/lock
"""

import re
import sys
from pathlib import Path
from typing import Dict, List, Set, Tuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from vaiopt.releases import RELEASES  # noqa: E402

VENDOR = {
    "tensorflow",
    "tensorflow-cpu",
    "keras",
    "tf-keras",
    "protobuf",
    "h5py",
    "tensorflow-model-optimization",
    "numpy",
}
"""Always the container's own."""

HEADER = """\
# Made by docker/pin.py from requirements/{lock}.txt: do not edit. What vaiopt needs in the \
container of Vitis-AI {release} (Python {python}).
# docker/install.py uses it: what the container has already stays as it is there, whatever this \
file says.
"""


def read_lock(path: Path) -> Tuple[Dict[str, str], Dict[str, Set[str]]]:
    """Return version and users of each package of a lock file."""
    pins, users = {}, {}
    for line in path.read_text(encoding="utf-8").splitlines():
        found = re.match(r"([a-z0-9-]+)==(\S+)\s+# via (.*)$", line)
        if found:
            pins[found.group(1)] = found.group(2)
            users[found.group(1)] = set(found.group(3).split(", "))
    return pins, users


def needed(asked: Set[str], pins: Dict[str, str], users: Dict[str, Set[str]]) -> List[str]:
    """Return the pins of the packages asked for and of what they need in turn, without the
    vendor's.
    """
    found = {name for name in asked if name in pins} - VENDOR
    waiting = set(found)
    while waiting:
        parent = waiting.pop()
        children = {name for name, via in users.items() if parent in via} - found - VENDOR
        found |= children
        waiting |= children
    return [f"{name}=={pins[name]}" for name in sorted(found)]


def content(release: str) -> str:
    """Return what the constraints file of a release must hold."""
    row = RELEASES[release]
    pins, users = read_lock(ROOT / "requirements" / (row.lock + ".txt"))
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text[text.index("\ndependencies = [") : text.index("[project.optional-dependencies]")]
    asked = {
        name.lower() for name in re.findall(r'^\s*"([A-Za-z0-9_.-]+)', section, flags=re.MULTILINE)
    }
    lines = needed(asked, pins, users)
    header = HEADER.format(lock=row.lock, release=release, python=row.python)
    return header + "\n".join(lines) + "\n"


def main() -> int:
    """Write the files."""
    for release in (row.name for row in RELEASES.values() if row.lock):
        (ROOT / "docker" / f"constraints-{release}.txt").write_text(
            content(release), encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
