"""Choosing candidates: the pointer ``chosen.json``, and the links at the top of the run that show
people what is chosen.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from vaiopt.files import atomic_folder, locked
from vaiopt.record import write_record
from vaiopt.runs.layout import Candidate, Run
from vaiopt.runs.records import Chosen

OWN_FILES = ("model.h5", "initial_weights.npz", "metrics.json", "data.json", "evaluation.json")
"""Files of a candidate itself, which ``float/`` links to."""

FOLDERS = ("quantized", "compiled", "bundle", "measured")
"""Folders that stages make of a candidate."""


def write_chosen(run: Run, chosen: Chosen) -> None:
    """Make these candidates the chosen ones, and let the links show the first. Two commands at
    once do it one after the other.
    """
    with locked(run.folder):
        write_record(run.chosen_file, chosen)
        _show(run.trial(chosen.trials[0]))


def refresh_links(candidate: Candidate) -> None:
    """Let the links at the top of the run show what was made of a candidate, if it is the chosen
    one.
    """
    run = candidate.run
    with locked(run.folder):
        if run.chosen_file.is_file() and run.chosen.number == candidate.number:
            _show(candidate)


def _show(candidate: Candidate) -> None:
    """Make the links. They are for people: where the file system has none they are left out."""
    run = candidate.run
    with contextlib.suppress(OSError, NotImplementedError):
        _link(run.folder / "chosen", Path("trials") / candidate.folder.name)
        with atomic_folder(run.folder / "float") as folder:
            for name in OWN_FILES:
                if (candidate.folder / name).is_file():
                    os.symlink(os.path.join("..", "chosen", name), str(folder / name))
        for name in FOLDERS:
            _link(run.folder / name, Path("chosen") / name)


def _link(path: Path, to: Path) -> None:
    """Make ``path`` a relative link, replacing what is there in one step; none if ``to`` is not
    there. A folder in its place is the copy of such a link, made when the run was copied.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(str(path))
    if not (path.parent / to).exists():
        if path.is_symlink():
            path.unlink()
        return
    if path.is_symlink() and os.readlink(str(path)) == str(to):
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    os.symlink(str(to), str(temporary))
    os.replace(str(temporary), str(path))
