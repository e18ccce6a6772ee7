"""The settings of an existing run, with what a command changes."""

from __future__ import annotations

from typing import Tuple

from vaiopt.files import PathLike
from vaiopt.runs.layout import Run, open_run
from vaiopt.settings.reading import Overrides, override, settings_from_run
from vaiopt.settings.reads import check_read
from vaiopt.settings.sections import Settings


def open_with(folder: PathLike, overrides: Overrides = (), *steps: str) -> Tuple[Run, Settings]:
    """Return an existing run and its settings with overrides applied, which the steps must read.

    Raises:
        RunError: there is no such run.
        SettingsError: a setting is wrong, or none of the steps reads it.
    """
    run = open_run(folder)
    before = settings_from_run(run)
    settings = override(before, overrides)
    check_read(before, settings, steps, run.folder)
    return run, settings
