"""Install vaiopt into the Vitis-AI container's environment without changing a package that is
there.

Run by the Dockerfile with the environment's own Python: ``python install.py SOURCE``, where SOURCE
is the folder with pyproject.toml. Packages that are there are pinned to what they are, the others
to the ``constraints-*.txt`` beside this file. Those are downloaded first, each file checked against
its hashes there; vaiopt is then built and installed from these files alone. What is installed is
compared before and after; a difference fails the build. Standard library only.
"""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile
from typing import Dict, List, NamedTuple, Sequence

FOREIGN = ("tensorflow", "tensorflow-cpu", "tf-keras", "keras", "tensorflow-model-optimization")
"""Never to be added: the vendor's environment has the same modules under other names, which these
would overwrite.
"""

BUILD = ("setuptools", "wheel")
"""What pip builds vaiopt with, in a place of its own, whatever version the environment has."""

PIN = re.compile(
    r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)((?:\s+--hash=\S+)*)$"
)
ENVIRONMENT = dict(
    os.environ, PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONNOUSERSITE="1"
)
"""What pip runs with: it must see and change this environment, not a home's packages."""

NOTHING_ELSE = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
"""So that pip takes files from no other place than it is told, whatever the settings of the
computer name.
"""

VERSION = re.compile(
    r"^(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9]+([._-][a-z0-9]+)*)?$"
)
"""Versions that pip accepts in a constraint; conda knows others."""


def fail(message: str, hint: str) -> int:
    """Print what is wrong and what cures it, as vaiopt does; return the exit code."""
    sys.stderr.write(f"error: {message}\nhint: {hint}\n")
    return 2


def canonical(name: str) -> str:
    """Return a package's name as package indexes write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed() -> Dict[str, str]:
    """Return the version of every package of this environment, conda's included."""
    command = [sys.executable, "-m", "pip", "list", "--format=json"]
    listed = json.loads(
        subprocess.run(command, check=True, stdout=subprocess.PIPE, env=ENVIRONMENT).stdout.decode(
            "utf-8"
        )
    )
    return {canonical(item["name"]): str(item["version"]) for item in listed}


class Pin(NamedTuple):
    """One package of a constraints file."""

    version: str
    hashes: str
    """``--hash=sha256:...`` of each of its files."""


def read_pins(path: str) -> Dict[str, Pin]:
    """Return the ``name==version --hash=...`` lines of a constraints file."""
    pins = {}
    with open(path, encoding="utf-8") as file:
        for line in file.read().replace("\\\n", " ").splitlines():
            found = PIN.match(line.split("#")[0].strip())
            if found:
                pins[canonical(found.group(1))] = Pin(
                    found.group(2), " ".join(found.group(3).split())
                )
    return pins


def constraints(before: Dict[str, str], pins: Dict[str, Pin]) -> List[str]:
    """Return lines for pip: what is there stays as it is, what is not is pinned."""
    lines = [
        f"{name}=={version}" for name, version in sorted(before.items()) if VERSION.match(version)
    ]
    return lines + [
        f"{name}=={pin.version}" for name, pin in sorted(pins.items()) if name not in before
    ]


def downloads(before: Dict[str, str], pins: Dict[str, Pin]) -> List[str]:
    """Return lines for pip: what is not there, and what builds vaiopt, each with its hashes."""
    return [
        f"{name}=={pin.version} {pin.hashes}"
        for name, pin in sorted(pins.items())
        if name not in before or name in BUILD
    ]


def changes(before: Dict[str, str], after: Dict[str, str]) -> List[str]:
    """Return what is wrong with what was installed: packages that were there and changed, and
    packages that must not come.
    """
    found = []
    for name, version in sorted(before.items()):
        if name != "vaiopt" and after.get(name) != version:
            found.append("{} {} became {}".format(name, version, after.get(name, "nothing")))
    return found + [
        f"{name} {after[name]} came" for name in FOREIGN if name in after and name not in before
    ]


def run_pip(*words: str, **variables: str) -> int:
    """Run pip in this environment; return its exit code."""
    command = [sys.executable, "-m", "pip", *words]
    return subprocess.run(command, env=dict(ENVIRONMENT, **variables)).returncode


def write_lines(path: str, lines: Sequence[str]) -> str:
    """Write a text file; return its path."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def install(source: str, pins: Dict[str, Pin], options: Sequence[str] = ()) -> int:
    """Install vaiopt from a folder; return the exit code."""
    before = installed()
    if not before:
        return fail(
            f"'{sys.executable}' has no packages",
            "Run this with the Python of the vendor's environment.",
        )
    with tempfile.TemporaryDirectory() as folder:
        files = os.path.join(folder, "files")
        os.mkdir(files)
        wanted = write_lines(os.path.join(folder, "downloads.txt"), downloads(before, pins))
        fixed = write_lines(os.path.join(folder, "constraints.txt"), constraints(before, pins))
        words = ["--no-input", "--no-cache-dir", "--no-deps", "--only-binary", ":all:"]
        words += ["--require-hashes", "--dest", files, "--requirement", wanted]
        if run_pip("download", *words, *options) != 0:
            return fail(
                "pip could not download what vaiopt needs, or a file is not the one expected",
                "The lines above name it; if its hash differs, find out why before you go on.",
            )
        words = ["--no-input", "--no-cache-dir", "--no-index", "--find-links", files]
        if run_pip("install", *words, "--constraint", fixed, source, **NOTHING_ELSE) != 0:
            return fail(
                "pip could not install vaiopt beside the vendor's packages",
                "The lines above say which package asks for another version.",
            )
    after = installed()
    wrong = changes(before, after)
    if wrong:
        return fail(
            "the installation changed the vendor's packages: {}".format("; ".join(wrong)),
            "Take the package that asks for it out of pyproject.toml.",
        )
    added = sorted(set(after) - set(before))
    print(
        "{} packages as they were, {} added: {}".format(
            len(before), len(added), ", ".join(f"{n} {after[n]}" for n in added)
        )
    )
    return 0


def main(arguments: Sequence[str]) -> int:
    """Install from the folder that is given, with the one constraints file beside this script."""
    if len(arguments) < 1:
        return fail(
            "no folder to install from", "python install.py FOLDER [OPTION OF pip download]..."
        )
    files = glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "constraints-*.txt"))
    if len(files) != 1:
        return fail(
            f"{len(files)} constraints files beside install.py, one is needed",
            "The Dockerfile copies that of the release.",
        )
    return install(arguments[0], read_pins(files[0]), arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
