"""What a search was made of, besides its settings: the model's code and the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List

from vaiopt.data import Dataset
from vaiopt.errors import ModelError, RunError
from vaiopt.models.code import code_hashes
from vaiopt.runs.layout import Run
from vaiopt.runs.lineage import file_sha256
from vaiopt.search.training.shared import load
from vaiopt.settings import Settings
from vaiopt.study.space_file import Inputs, SpaceFile, read_space

SHORT = 12
"""Digits of a hash that are shown."""


@dataclass(frozen=True)
class InputChange:
    """What has changed, as text in words.

    Attributes:
        what: ``code``, ``weights`` or ``data``.
        told: which of it.
        then: what follows for a search that goes on all the same.
    """

    what: str
    told: str
    then: str

    def __str__(self) -> str:
        return self.told


def inputs_of(settings: Settings, dataset: Dataset) -> Inputs:
    """Return what a search of these settings is made of, on data that were loaded."""
    code = code_hashes(settings.model.family)
    for source in (settings.train.callbacks, settings.objective.metrics):
        for name, sha256 in code_hashes(source).items():
            code.setdefault(name, sha256)
    return Inputs(code, dataset.sha256(), _weights_hash(settings.model.weights))


def _weights_hash(path: str) -> str:
    """Return the SHA-256 of the file of weights, "" without one. Raises ModelError."""
    try:
        return file_sha256(path) if path else ""
    except OSError as error:
        raise ModelError(
            f"the file of weights '{path}' cannot be read: {error}",
            "Paths are looked up beside the settings file, then here.",
        ) from error


def input_changes(before: SpaceFile, now: Inputs) -> List[InputChange]:
    """Return what has changed since the space of a run was traced.

    Args:
        before: of the run; a run of an earlier version does not say what it was made of.
        now: what is there now.
    """
    if before.inputs is None:
        return []
    found = []
    old, new = before.inputs.code, now.code
    files = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    # Of another model function the settings say so.
    if files and old and new:
        told = f"the code of {', '.join(files)} has changed"
        then = (
            "the search space is traced anew; trials of the code as it was still count, but for"
            " the next proposals only those that fit the new space"
        )
        found.append(InputChange("code", told, then))
    if before.inputs.weights != now.weights:
        told = f"the weights in model.weights have changed (SHA-256 {now.weights[:SHORT]}…)"
        then = "the trials that started from the weights as they were still count"
        found.append(InputChange("weights", told, then))
    if before.inputs.data != now.data:
        told = (
            f"the data have changed (SHA-256 {now.data[:SHORT]}…, was"
            f" {before.inputs.data[:SHORT]}…)"
        )
        then = "the trials on the other data stay listed as outdated, and are compared no more"
        found.append(InputChange("data", told, then))
    return found


def check_inputs(run: Run, settings: Settings, accept: bool = False) -> List[InputChange]:
    """Return what differs of the code and the data that a run with trials was made of, if that is
    accepted.

    Raises:
        RunError: it is not accepted.
        DataError: the data are not here.
    """
    if not (run.settings.exists() and run.space.exists()):
        return []
    different = input_changes(read_space(run), inputs_of(settings, load(settings)))
    if different and not accept:
        raise RunError(
            f"'{run.folder}' was made of other {' and '.join(c.what for c in different)}:"
            f" {'; '.join(map(str, different))}",
            "Search into a new folder (--run), restore what has changed, or search on all the same"
            " with --accept-changes.",
        )
    return different
