"""Where the scripts for a kit are: in a checkout and in an installed package."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

from vaiopt.errors import MissingToolError

ENTRY = "run_model.py"
"""The script that is run on the kit; the others are its modules."""


def board_files() -> Dict[str, Path]:
    """Return the scripts that go into every bundle, by file name.

    Raises:
        MissingToolError: this installation lacks them.
    """
    package = Path(__file__).parent.parent
    for folder in (package / "_board", package.parent / "board"):
        if (folder / ENTRY).is_file():
            return {
                path.name: path
                for path in sorted(folder.glob("*.py"))
                if path.name != "__init__.py"
            }
    raise MissingToolError(
        "this installation of vaiopt lacks the scripts for the kit (board/)",
        "Install it again: pip install --force-reinstall vaiopt",
    )
