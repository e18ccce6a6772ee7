"""What the lock files in ``requirements/`` say. Read by whatever is made of them: the constraints
of the containers, the list of licences, the bills of materials. Standard library and tomli only,
Python 3.7.
"""

import re
import sys
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, NamedTuple, Set, Tuple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"


class Pin(NamedTuple):
    """One package of a lock file."""

    name: str
    version: str
    hashes: Tuple[str, ...]
    """``sha256:...`` of every file of this version: wheels of all platforms, and the sdist."""

    users: Tuple[str, ...]
    """The packages that ask for it; ``vaiopt (pyproject.toml)`` and ``-r FILE`` among them."""

    @property
    def options(self) -> List[str]:
        """What pip is told of the hashes."""
        return [f"--hash={text}" for text in self.hashes]


PIN = re.compile(r"([a-z0-9-]+)==(\S+)((?: --hash=sha256:[0-9a-f]{64})*) # via (.+)")
"""A pin of uv's on one line."""


class UnreadableLock(ValueError):
    """A line of a lock file is none that scripts/lock writes."""


def lock_names() -> List[str]:
    """Return the names of the lock files."""
    return sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))


def logical_lines(text: str) -> Iterator[str]:
    """Yield each pin with its hashes and users on one line."""
    joined = re.sub(r"\s*\\?\n\s+", " ", text)
    return (line.strip() for line in joined.splitlines() if line and not line.startswith("#"))


def read_lock(name: str) -> Dict[str, Pin]:
    """Return the pins of a lock file by the name of the package.

    Raises:
        UnreadableLock: a line is no pin, as when somebody added one by hand.
    """
    pins = {}
    for line in logical_lines((REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")):
        found = PIN.fullmatch(line)
        if found is None:
            raise UnreadableLock(f"requirements/{name}.txt: {line}")
        package, version, hashes, users = found.groups()
        pins[package] = Pin(
            package,
            version,
            tuple(re.findall(r"sha256:[0-9a-f]+", hashes)),
            tuple(users.split(", ")),
        )
    return pins


def reached(asked: Iterable[str], pins: Dict[str, Pin], without: Iterable[str] = ()) -> Set[str]:
    """Return the packages asked for and what they need in turn, as far as they are pinned; of those
    left out nothing is followed.
    """
    left_out = set(without)
    found = {name for name in asked if name in pins} - left_out
    waiting = set(found)
    while waiting:
        parent = waiting.pop()
        needs = {pin.name for pin in pins.values() if parent in pin.users} - found - left_out
        found |= needs
        waiting |= needs
    return found


STAND_INS = {"tensorflow": "tensorflow-cpu"}
"""What a lock file has in the place of what pyproject.toml asks for: the same package, smaller."""

DEVELOPMENT = {"docs", "lint", "test"}
"""The extras that nothing of vaiopt needs when it is used."""


def asked_by_vaiopt(pins: Dict[str, Pin]) -> List[str]:
    """Return the packages that vaiopt itself asks for, or the .in file beside it."""
    return [
        pin.name
        for pin in pins.values()
        if any(user.startswith(("vaiopt ", "-r ")) for user in pin.users)
    ]


def names_of(requirements: Iterable[str]) -> Set[str]:
    """Return the packages that requirements of pyproject.toml name, as lock files write them."""
    found = {re.split(r"[^A-Za-z0-9_.-]", text.strip())[0] for text in requirements}
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in found}
    return {STAND_INS.get(name, name) for name in names}


def scopes(name: str) -> Dict[str, str]:
    """Return the scope of each package of a lock file, in CycloneDX's words: ``required`` by
    vaiopt, ``optional`` for one of its extras, else ``excluded``: for development only.
    """
    with open(str(ROOT / "pyproject.toml"), "rb") as file:
        project = tomllib.load(file)["project"]
    pins = read_lock(name)
    asked = set(asked_by_vaiopt(pins))
    extras = project["optional-dependencies"]
    wanted = [text for extra in set(extras) - DEVELOPMENT for text in extras[extra]]
    required = reached(names_of(project["dependencies"]) & asked, pins)
    optional = reached(names_of(wanted) & asked, pins)
    found = dict.fromkeys(pins, "excluded")
    found.update(dict.fromkeys(optional, "optional"))
    found.update(dict.fromkeys(required, "required"))
    return found
