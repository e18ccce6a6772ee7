"""Write ``docker/constraints-*.txt``: the versions of what vaiopt adds to each release's container,
and of what builds it there, with the hashes of their files, taken from the lock files.

Usage: python docker/pin.py     after scripts/lock
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.locks import reached, read_lock  # noqa: E402
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

BUILD = {"setuptools", "wheel"}
"""What pip builds vaiopt with, in a place of its own: the container's stay as they are."""

HEADER = """\
# Made by docker/pin.py from requirements/{lock}.txt: do not edit. What vaiopt needs in the \
container of Vitis-AI {release} (Python {python}).
# docker/install.py uses it: what the container has already stays as it is there, whatever this \
file says.
"""


def content(release: str) -> str:
    """Return what the constraints file of a release must hold."""
    row = RELEASES[release]
    pins = read_lock(row.lock)
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text[text.index("\ndependencies = [") : text.index("[project.optional-dependencies]")]
    asked = {
        name.lower() for name in re.findall(r'^\s*"([A-Za-z0-9_.-]+)', section, flags=re.MULTILINE)
    }
    lines = [
        " \\\n    ".join([f"{name}=={pins[name].version}", *pins[name].options])
        for name in sorted(reached(asked, pins, without=VENDOR) | BUILD)
    ]
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
