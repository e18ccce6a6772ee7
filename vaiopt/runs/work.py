"""Several commands at work on one candidate: who waits for whom."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
from pathlib import Path
from typing import Any, Callable, Iterator, TypeVar, cast

from vaiopt.errors import RunError
from vaiopt.files import scratch
from vaiopt.locks import lock, locked
from vaiopt.runs.layout import Candidate
from vaiopt.text import Progress, silent

Stage = TypeVar("Stage", bound=Callable[..., Any])


def alone(stage: Stage) -> Stage:
    """Let a stage, a function whose first argument is a candidate, hold the candidate while it
    runs: another stage of the same candidate waits for it, in this process or in another one.
    """
    return _holding(stage, shared=False)


def together(stage: Stage) -> Stage:
    """As :func:`alone`, but for a stage that changes nothing that others read: several may run at
    once, while others wait.
    """
    return _holding(stage, shared=True)


def discard(candidate: Candidate) -> None:
    """Delete a candidate in one step, unless a stage is at work on it."""
    with contextlib.suppress(FileNotFoundError):
        handle = os.open(str(candidate.folder), os.O_RDONLY)
        try:
            with contextlib.suppress(BlockingIOError):
                _delete_held(candidate.folder, handle)
        finally:
            os.close(handle)


def _delete_held(folder: Path, handle: int) -> None:
    try:
        lock(handle)
    except BlockingIOError:
        raise
    except OSError:  # no locks here
        pass
    with scratch(folder.parent, folder.name) as gone:
        os.rename(str(folder), str(gone / folder.name))


def _holding(stage: Stage, shared: bool) -> Stage:
    signature = inspect.signature(stage)

    @functools.wraps(stage)
    def run(*arguments: Any, **options: Any) -> Any:
        given = signature.bind(*arguments, **options).arguments
        candidate, progress = next(iter(given.values())), given.get("progress", silent)
        with _held(candidate, progress, shared):
            return stage(*arguments, **options)

    return cast(Stage, run)


@contextlib.contextmanager
def _held(candidate: Candidate, progress: Progress, shared: bool) -> Iterator[None]:
    if not candidate.folder.is_dir():  # the stage says what is missing
        yield
        return
    if not shared and not os.access(str(candidate.folder), os.W_OK):
        raise RunError(
            f"nothing can be written to '{candidate.folder}'",
            "Copy the run to a place that is yours to write: cp -r RUN PLACE",
        )
    word = f"waiting for another command that is at work on '{candidate.folder}'"
    with locked(candidate.folder, shared=shared, waiting=lambda: progress(word)):
        yield
