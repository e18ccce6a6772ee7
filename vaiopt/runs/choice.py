"""Choosing candidates: the pointer ``chosen.json``, and the links at the top of the run that show
people what is chosen.
"""

from __future__ import annotations

import filecmp
import itertools
import os
import shutil
from pathlib import Path
from typing import List

from vaiopt.files import atomic_folder, put_in_place, scratch
from vaiopt.locks import locked
from vaiopt.record import write_record
from vaiopt.runs.layout import Candidate, Run, check_layout
from vaiopt.runs.records import Chosen

OWN_FILES = ("model.h5", "initial_weights.npz", "metrics.json", "data.json", "evaluation.json")
"""Files of a candidate itself, which ``float/`` links to."""

FOLDERS = ("quantized", "compiled", "bundle", "measured")
"""Folders that stages make of a candidate."""


def write_chosen(run: Run, chosen: Chosen) -> None:
    """Make these candidates the chosen ones, and let the links show the first. Two commands at
    once do it one after the other.

    Raises:
        RunError: the run is one of vaiopt 0.1.
    """
    check_layout(run)
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
    """Make the links. They are for people: where the file system has none they are left out, and
    so is a copy of earlier ones.
    """
    folder = candidate.run.folder
    try:
        _link(folder / "chosen", Path("trials") / candidate.folder.name)
        _put_aside(folder / "float")
        with atomic_folder(folder / "float") as links:
            for name in OWN_FILES:
                if (candidate.folder / name).is_file():
                    os.symlink(os.path.join("..", "chosen", name), str(links / name))
        for name in FOLDERS:
            _link(folder / name, Path("chosen") / name)
    except (OSError, NotImplementedError):
        for name in ("chosen", "float", *FOLDERS):
            _remove(folder / name)


def _link(path: Path, to: Path) -> None:
    """Make ``path`` a relative link, replacing an earlier one in one step; none if ``to`` is not
    there.
    """
    there = (path.parent / to).exists()
    if there and path.is_symlink() and os.readlink(str(path)) == str(to):
        return
    _put_aside(path)
    if not there:
        _remove(path)
        return
    with scratch(path.parent, path.name) as folder:
        link = folder / path.name
        os.symlink(str(to), str(link))
        put_in_place(link, path)


def _remove(path: Path) -> None:
    """Remove a link, or a folder that is the copy of one."""
    _put_aside(path)
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(str(path), ignore_errors=True)


def _put_aside(path: Path) -> None:
    """Rename what a person put in the place of a link."""
    if not os.path.lexists(str(path)) or _is_ours(path):
        return
    aside = path.with_name(f"{path.name}.own")
    number = itertools.count(2)
    while os.path.lexists(str(aside)):
        aside = path.with_name(f"{path.name}.own{next(number)}")
    os.replace(str(path), str(aside))


def _is_ours(path: Path) -> bool:
    """Whether this is a link that was made here, or the copy of one, made when the run was copied:
    a folder whose files are all those of one candidate.
    """
    if path.is_symlink():
        return Path(os.readlink(str(path))).parts[0] in ("chosen", "trials")
    if not path.is_dir():
        return False
    own = [file for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
    candidates = [*path.parent.glob("trials/[0-9]*")]
    whole = path.name not in FOLDERS
    folders = candidates if whole else [each / path.name for each in candidates]
    return not own or any(_holds(folder, path, own) for folder in folders)


def _holds(folder: Path, copy: Path, files: List[Path]) -> bool:
    """Whether a folder has the same files as a copy of it."""
    twins = [folder / file.relative_to(copy) for file in files]
    return all(t.is_file() and filecmp.cmp(str(t), str(f), False) for t, f in zip(twins, files))
