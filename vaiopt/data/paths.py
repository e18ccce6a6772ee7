"""Where data is looked for: beside the settings, here, in ``VAIOPT_DATA``, in Keras's folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List, Optional, Tuple

DATA_VARIABLE = "VAIOPT_DATA"
"""Environment variable: a folder with data, such as ``mnist.npz`` and ``fashion-mnist/*.gz``."""


def data_folder() -> Optional[Path]:
    """Return the folder that ``VAIOPT_DATA`` names, or None. It need not exist."""
    value = os.environ.get(DATA_VARIABLE, "").strip()
    return Path(value).expanduser() if value else None


def keras_datasets() -> Path:
    """Return Keras's folder of datasets: ``$KERAS_HOME/datasets``, else ``~/.keras/datasets``."""
    home = os.environ.get("KERAS_HOME", "").strip()
    return (Path(home) if home else Path("~/.keras")).expanduser() / "datasets"


def dataset_folders() -> List[Path]:
    """Return the folders where Keras's files are looked for, in order."""
    given = data_folder()
    return ([] if given is None else [given, given / "datasets"]) + [keras_datasets()]


def find_path(source: str, base: str) -> Tuple[Optional[Path], List[Path]]:
    """Look for a file or folder.

    Args:
        source: a path as a person wrote it.
        base: the folder that a relative one starts at, "" for the current one.

    Returns:
        The first place where there is something (None if nowhere), and the places looked at: from
        ``base``, from the current folder, in ``VAIOPT_DATA`` by the whole path, and there by the
        last name only (for a run that was moved to another machine).
    """
    path = Path(source).expanduser()
    places = [Path(base) / path] if base else []
    places.append(Path.cwd() / path)
    given = data_folder()
    if given is not None:
        places += [given / path, given / path.name]
    looked = list(dict.fromkeys(places))
    for place in looked:
        try:
            if place.exists():
                return place, looked
        except (OSError, ValueError):  # the name is too long for a path, or not one at all
            continue
    return None, looked
