"""Which settings each step reads. A change that no step of a command reads is refused: it would
pass without a word.
"""

from __future__ import annotations

from shlex import quote
from typing import Dict, List, Sequence, Tuple

from vaiopt.errors import SettingsError
from vaiopt.files import PathLike
from vaiopt.runs.commands import command_line
from vaiopt.runs.layout import Run
from vaiopt.settings.compare import values_of
from vaiopt.settings.examples import as_toml
from vaiopt.settings.sections import Settings

_MODEL = ("hardware.target", "hardware.release")

READS: Dict[str, Tuple[str, ...]] = {
    "search": (),
    "quantize": ("quantize", *_MODEL, "objective.metrics", "seed"),
    "evaluate": (),
    "compile": _MODEL,
    "bundle": (*_MODEL, "deploy.samples", "objective.metrics"),
    "measure": (
        *(*_MODEL, "deploy.threads", "deploy.host", "deploy.ssh_config", "deploy.python"),
        *("deploy.setup", "deploy.sudo", "objective.metrics"),
    ),
    "report": ("track",),
    "data": ("data", "seed", "task", "tasks", "model.family"),
    "quantize MODEL": (
        *("quantize.backend", "quantize.method", "quantize.calib_batch_size"),
        *("quantize.qat_epochs", *_MODEL, "seed"),
    ),
}
"""Sections and settings by the step, or by the command that is none, in the order of the steps; the
search reads all.
"""

NEXT = ("deploy.host",)
"""What steps before the measurement hand on: the next command, which they tell, has it, too."""


def check_read(
    before: Settings, settings: Settings, steps: Sequence[str], run: PathLike = ""
) -> None:
    """Check that what was changed is read by one of the steps.

    Args:
        before: the settings of the run, or the defaults. settings: with the changes.
        steps: of :data:`READS`. run: the folder of the run, for the hint; "" if there is none.

    Raises:
        SettingsError: a setting is not.
    """
    if "search" in steps:
        return
    read = [row for step in steps for row in READS[step]]
    for (key, declared, old), (_, _, new) in zip(values_of(before), values_of(settings)):
        if old == new or _is_of(key, (*read, *NEXT)):
            continue
        setting = f"{key}={as_toml(declared.shown(new) if declared.shown else new)}"
        if not run:
            hint = f"It reads {', '.join(dict.fromkeys(read)) or 'no setting'}: leave '{key}' out."
        elif declared.may_change or _earlier(key) != "search":
            hint = f"Give it to: {command_line(_earlier(key), run, '--set', setting)}"
        else:
            hint = (
                "The trials depend on it: search with it into a new folder: vaiopt search"
                f" {quote(str(Run(run).settings))} --run NEW_FOLDER --set {quote(setting)}"
            )
        none = f"no step from {steps[0]} to {steps[-1]} reads it"
        said = none if len(steps) > 1 else f"{steps[0]} does not read it"
        raise SettingsError(f"'{key}' was changed, and {said}", hint)


def _earlier(key: str) -> str:
    """Return the first step after the search that reads a setting, else the search."""
    later: List[str] = [step for step in list(READS)[1:7] if _is_of(key, READS[step])]
    return later[0] if later else "search"


def _is_of(key: str, rows: Sequence[str]) -> bool:
    """Return whether a setting is one of the rows, or of a section that is."""
    return key in rows or key.partition(".")[0] in rows
