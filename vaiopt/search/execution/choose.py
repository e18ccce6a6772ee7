"""Which executor the settings ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Tuple

from vaiopt.errors import SettingsError
from vaiopt.search.execution.base import TrialExecutor
from vaiopt.search.execution.dask import DaskExecutor
from vaiopt.search.execution.gpus import hide_gpus, wanted_gpus
from vaiopt.search.execution.inline import InProcessExecutor
from vaiopt.search.execution.processes import ProcessExecutor
from vaiopt.settings import SearchSettings, Settings


@dataclass(frozen=True)
class ExecutorRow:
    """One place where trials run.

    Attributes:
        name: for people.
        doc: what it is, in one line.
        is_meant: whether the settings ask for it.
        make: makes it, of the run's settings.
    """

    name: str
    doc: str
    is_meant: Callable[[SearchSettings], bool]
    make: Callable[[Settings], TrialExecutor]


def _processes(settings: Settings) -> TrialExecutor:
    search = settings.search
    gpus = wanted_gpus(search)
    return ProcessExecutor(search.workers, search.recycle_after, search.trial_timeout, gpus=gpus)


def _inline(settings: Settings) -> TrialExecutor:
    if wanted_gpus(settings.search) == ():
        hide_gpus()
    return InProcessExecutor()


EXECUTORS: Tuple[ExecutorRow, ...] = (
    ExecutorRow("dask", "a Dask cluster", lambda s: bool(s.scheduler), DaskExecutor),
    ExecutorRow("inline", "this process", lambda s: s.workers == 0, _inline),
    ExecutorRow("processes", "worker processes of this one", lambda s: s.workers > 0, _processes),
)
"""The first that is meant runs the trials."""


def make_executor(settings: Settings) -> TrialExecutor:
    """Return the executor that the settings ask for.

    Raises:
        SettingsError: they ask for none, or for more GPUs than there are.
        MissingToolError, RunError: as :class:`vaiopt.search.execution.dask.DaskExecutor`.
    """
    for row in EXECUTORS:
        if row.is_meant(settings.search):
            return row.make(settings)
    raise SettingsError(f"search.workers is {settings.search.workers}", "It must be at least 0.")
