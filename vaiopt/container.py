"""The folder ``docker/`` for somebody who has no checkout: all that the image is built of."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from vaiopt.errors import MissingToolError, RunError
from vaiopt.files import PathLike, atomic_folder, write_text
from vaiopt.present.shown import Shown
from vaiopt.releases import DEFAULT

PACKAGE = Path(__file__).parent
SCRIPTS = ("build", "run")
"""What a person calls, in ``docker/`` itself; the rest is in ``docker/source/``."""

ENTRY = """#!/usr/bin/env bash
# Made by 'vaiopt container': see docker/source/docker/{name}.
exec "$(dirname "$0")/source/docker/{name}" "$@"
"""
LEFT_OUT = ("__pycache__", "*.py[cod]", "_docker", "_board")
MARK = "source"


@dataclass(frozen=True)
class ContainerFolder(Shown):
    """What was written.

    Attributes:
        folder: that holds ``build``, ``run`` and ``source/``.
        build, run: the commands that make the image and run a command in it.
        kept: names of what a person has put beside them.
    """

    folder: Path
    build: str
    run: str
    kept: Tuple[str, ...] = ()

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        return {**vars(self), "folder": str(self.folder), "kept": list(self.kept)}


def write_container(folder: PathLike = "docker", release: str = DEFAULT) -> ContainerFolder:
    """Write the scripts that build the Vitis-AI container with vaiopt in it, and run commands
    there; and the sources of this vaiopt, of which it is built.

    Args:
        folder: to write. Of one that this made before ``build``, ``run`` and ``source/`` are
            replaced, and what else is there stays.
        release: of Vitis AI, for the command that builds.

    Raises:
        RunError: something else is there.
        MissingToolError: this installation lacks the files.
    """
    path = Path(folder)
    if path.exists() and not (path / MARK / "docker" / "run").is_file():
        checkout = (path / "run").is_file() and (path / "Dockerfile").is_file()
        raise RunError(
            f"'{path}' is there already",
            f"It is vaiopt's own: build the image with {path}/build"
            if checkout
            else "Name another folder: vaiopt container FOLDER",
        )
    files = list(_files())
    # The sources first: by them the folder is known as made here, should this be stopped after.
    with atomic_folder(path / MARK) as temporary:
        for source, name in files:
            _copy(source, temporary / name)
    for name in SCRIPTS:
        write_text(path / name, ENTRY.format(name=name))
        (path / name).chmod(0o755)
    kept = tuple(sorted({child.name for child in path.iterdir()} - {MARK, *SCRIPTS}))
    of = "" if release == DEFAULT else f" --release {release}"
    return ContainerFolder(path, f"{path}/build{of}", f"{path}/run{of}", kept)


def _files() -> Iterator[Tuple[Path, str]]:
    """Yield what the image is built of: where it is here, and its place in a checkout."""
    packed, checkout = PACKAGE / "_docker", PACKAGE.parent
    root = packed if (packed / "docker" / "run").is_file() else checkout
    if not (root / "docker" / "run").is_file():
        raise MissingToolError(
            "this installation of vaiopt lacks the files of its container (docker/)",
            "Install it again: pip install --force-reinstall vaiopt",
        )
    board = PACKAGE / "_board" if root is packed else checkout / "board"
    names: List[str] = ["pyproject.toml", "setup.py", "README.md", "LICENSE", "scripts/setup-lib"]
    yield from ((root / name, name) for name in names)
    for path in sorted((root / "docker").iterdir()):
        if path.is_file():
            yield path, f"docker/{path.name}"
    yield board, "board"
    yield PACKAGE, "vaiopt"


def _copy(source: Path, path: Path) -> None:
    """Copy a file, which may be run if it says what runs it, or a folder with all that it holds."""
    if source.is_dir():
        shutil.copytree(str(source), str(path), ignore=shutil.ignore_patterns(*LEFT_OUT))
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(str(source), str(path))
    with source.open("rb") as file:
        path.chmod(0o755 if file.read(2) == b"#!" else 0o644)
