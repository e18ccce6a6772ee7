"""Running a bundle here, in a Python process of its own that has nothing of this one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Dict, Sequence

from vaiopt.deploy.result import LONGEST, failure, is_progress
from vaiopt.errors import BoardError
from vaiopt.files import scratch
from vaiopt.process import follow
from vaiopt.reading import read_text
from vaiopt.text import Progress

DROPPED = ("PYTHONSTARTUP", "PYTHONHOME", "TF_USE_LEGACY_KERAS")
"""Variables of this process that a kit would not have."""

FOREIGN_PACKAGES = ("vaiopt", "tensorflow")
"""A folder of PYTHONPATH with one of these is left out; others may hold the kit's runtime."""


BY_HAND = "Run the command in the bundle's README.md by hand."


def clean_environment() -> Dict[str, str]:
    """Return the environment without what could bring vaiopt or TensorFlow into a child."""
    environment = {key: value for key, value in os.environ.items() if key not in DROPPED}
    folders = environment.pop("PYTHONPATH", "").split(os.pathsep)
    kept = [
        os.path.abspath(folder)
        for folder in folders
        if folder and not any((Path(folder) / name).exists() for name in FOREIGN_PACKAGES)
    ]
    if kept:
        environment["PYTHONPATH"] = os.pathsep.join(kept)
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


def run_local(folder: Path, entry: str, arguments: Sequence[str], progress: Progress) -> str:
    """Run a bundle's entry script and return the text of its result file.

    Args:
        folder: of the bundle; the script runs in it.
        entry: name of the script.
        arguments: of the script, without ``--output``.
        progress: told every line that the script writes.

    Raises:
        BoardError: the script reports an error, or writes no result.
    """
    with scratch(folder.parent, folder.name) as temporary:
        output = temporary.resolve() / "result.json"
        command = [sys.executable, entry, *arguments, "--output", str(output)]
        code, lines = follow(
            command,
            cwd=folder,
            env=clean_environment(),
            on_line=lambda line: progress(line) if is_progress(line) else None,
        )
        if code != 0:
            raise failure(code, lines, "here")
        if not output.is_file():
            raise BoardError("the scripts wrote no result", BY_HAND)
        try:
            return read_text(output, LONGEST)
        except (OSError, ValueError) as error:
            raise BoardError(
                f"the scripts wrote a result that cannot be read: {error}", BY_HAND
            ) from error
