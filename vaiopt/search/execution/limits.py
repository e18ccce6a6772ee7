"""What ends a worker process: too much memory, or the loss of its parent."""

from __future__ import annotations

import concurrent.futures
import os
import threading
import time
from typing import Any, Callable, Optional, Tuple, TypeVar

import psutil

from vaiopt.settings import SearchSettings

Found = TypeVar("Found")

OUT_OF_MEMORY = 77
"""Exit code of a worker process that stopped itself because its trial used too much memory."""

SIGNALS = {
    -9: "killed by the system, most likely out of memory",
    -11: "crashed (segmentation fault)",
    -6: "aborted",
}
"""What the exit codes of processes mean that a signal ended."""

MOST_TAKEN = 0.75
"""The share of a worker's memory that tracing the search space may leave taken; beyond it a small
trial would fail for what a large model of the space took.
"""

MEMORY_INTERVAL = 0.05
"""Seconds between two looks."""

ORPHAN_INTERVAL = 0.5
"""Seconds between two looks for the parent process."""


class MemoryWatch:
    """Follows the resident memory of this process while a trial runs.

    Args:
        limit_mb: at more than this the process ends itself with :data:`OUT_OF_MEMORY`; None only
            watches. TensorFlow cannot be stopped in the middle of an allocation in any other way,
            and the kernel would choose its victim by itself.
    """

    def __init__(self, limit_mb: Optional[float] = None) -> None:
        self._limit_mb = limit_mb
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self.peak_mb = 0.0

    def __enter__(self) -> "MemoryWatch":
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def _look(self) -> None:
        self.peak_mb = max(self.peak_mb, resident_mb())
        if self._limit_mb is not None and self.peak_mb > self._limit_mb:
            os._exit(OUT_OF_MEMORY)

    def _follow(self) -> None:
        while not self._stop.wait(MEMORY_INTERVAL):
            self._look()


def end_with_parent(parent: int) -> None:
    """End this process once its parent is gone, which could not stop its trials if killed.

    Args:
        parent: its number as the parent knows it; it may be gone before this process has begun.
    """

    def follow() -> None:
        while os.getppid() == parent:
            time.sleep(ORPHAN_INTERVAL)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def resident_mb() -> float:
    """Return the resident memory of this process in MB (10^6 bytes)."""
    return float(psutil.Process().memory_info().rss) / 1e6


def with_resident_mb(function: Callable[..., Found], *arguments: Any) -> Tuple[Found, float]:
    """Return what a function returns, and the memory in MB that its process has taken by then."""
    return function(*arguments), resident_mb()


def memory_limit_mb(settings: SearchSettings) -> Optional[float]:
    """Return the memory at which a worker stops its trial: as set, else 90 % of the machine's
    shared among the workers; None in this process.
    """
    if settings.workers == 0:
        return None
    if settings.trial_memory_mb > 0:
        return settings.trial_memory_mb
    return 0.9 * float(psutil.virtual_memory().total) / 1e6 / settings.workers


def death_reason(
    error: BaseException, settings: SearchSettings, memory_mb: Optional[float] = None
) -> Optional[str]:
    """Return in words why a worker lost its trial, or None if ``error`` is not about the worker;
    ``memory_mb`` was its limit.
    """
    if isinstance(error, concurrent.futures.TimeoutError):
        return f"timed out after {settings.trial_timeout:g} s (search.trial_timeout)"
    if isinstance(error, concurrent.futures.BrokenExecutor):
        return "its process ended before the trial began"
    # By name: Dask and pebble need not be installed.
    if type(error).__name__ == "KilledWorker":
        return "the cluster's workers died while it ran, again and again"
    if type(error).__name__ != "ProcessExpired":
        return None
    code: Any = getattr(error, "exitcode", None)
    if code == OUT_OF_MEMORY:
        return f"out of memory: its process passed {memory_mb or 0:.0f} MB (search.trial_memory_mb)"
    ended = SIGNALS.get(code)
    return f"its process was {ended}" if ended else f"its process ended with exit code {code}"
