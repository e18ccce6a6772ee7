"""Targets whose latency constants were fitted to a kit's own measurements: files that ``vaiopt
calibrate`` writes.

Such a file is an ``arch.json`` (fingerprint, board, clock, cores) with one more table, ``latency``.
It is given to ``--target`` by its path, or by its name alone when it lies in the user's folder of
targets.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import List, Optional

FOLDER_VARIABLE = "VAIOPT_TARGETS"
"""Environment variable: the folder of the user's own targets."""

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
"""Names of the user's targets; they are names of files and of folders in a run."""


def targets_folder() -> Path:
    """Return the folder of the user's own targets: ``$VAIOPT_TARGETS``, else ``vaiopt/targets`` of
    the user's configuration folder.
    """
    given = os.environ.get(FOLDER_VARIABLE, "").strip()
    if given:
        return Path(given).expanduser()
    home = os.environ.get("XDG_CONFIG_HOME", "").strip() or "~/.config"
    return Path(home).expanduser() / "vaiopt" / "targets"


def own_targets() -> List[str]:
    """Return the names of the user's own targets."""
    try:
        found = [path.stem for path in targets_folder().glob("*.json")]
    except OSError:
        return []
    return sorted(name for name in found if NAME.fullmatch(name))


def own_target(name: str) -> Optional[Path]:
    """Return the file of one of the user's own targets, or None."""
    name = name.lower()
    return targets_folder() / (name + ".json") if name in own_targets() else None
