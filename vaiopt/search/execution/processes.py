"""Where trials run, always behind ``concurrent.futures.Executor``: in this process, or in worker
processes.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
from functools import partial
from typing import Any, Callable, Dict, Optional

from vaiopt.environment import cores
from vaiopt.keras import prepare_environment
from vaiopt.search.execution.inline import InProcessExecutor
from vaiopt.search.execution.limits import OUT_OF_MEMORY, end_with_parent
from vaiopt.settings import SearchSettings, Settings


class ProcessExecutor(concurrent.futures.Executor):
    """Runs calls in worker processes that are replaced after a number of calls, and killed when one
    takes too long.

    Args:
        workers: processes.
        recycle_after: calls after which a process is replaced by a fresh one, so that leaks of
            TensorFlow or of a model cannot add up.
        timeout: seconds a call may take.
        prepare: called first in each process; by default :func:`start_worker` with an equal share
            of the cores as threads.
    """

    def __init__(
        self,
        workers: int,
        recycle_after: int,
        timeout: float,
        prepare: Optional[Callable[[], None]] = None,
    ) -> None:
        self._workers = workers
        self._recycle_after = recycle_after
        self._timeout = timeout
        self._prepare = prepare or partial(start_worker, max(1, cores() // workers))
        self._pool = self._new_pool()

    def _new_pool(self) -> Any:
        from pebble import ProcessPool

        # A forked TensorFlow deadlocks; a spawned one starts clean.
        context = multiprocessing.get_context("spawn")
        return ProcessPool(
            max_workers=self._workers,
            max_tasks=self._recycle_after,
            initializer=self._prepare,
            context=context,
        )

    def submit(  # type: ignore[override]
        self, fn: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> "concurrent.futures.Future[Any]":
        """Schedule a call. The future raises ``TimeoutError`` past the limit,
        ``pebble.ProcessExpired`` if the process died.
        """
        if (
            not self._pool.active
        ):  # an idle process was killed, which breaks a pool of Pebble for good
            self._pool.join()
            self._pool = self._new_pool()
        future: "concurrent.futures.Future[Any]" = self._pool.schedule(
            fn, args=args, kwargs=kwargs, timeout=self._timeout
        )
        return future

    def shutdown(self, wait: bool = True, **options: Any) -> None:
        """End the processes: after the calls that are under way if ``wait``, else now."""
        if wait:
            self._pool.close()
        else:
            self._pool.stop()
        self._pool.join()


def start_worker(threads: int) -> None:
    """Prepare a fresh worker process: how many threads its libraries use, and which Keras it will
    load.
    """
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
    ):
        os.environ[name] = str(threads)
    end_with_parent()
    prepare_environment()


def make_executor(settings: Settings) -> concurrent.futures.Executor:
    """Return the executor that the settings ask for. Raises as
    :class:`vaiopt.search.execution.dask.DaskExecutor`.
    """
    search = settings.search
    if search.scheduler:
        from vaiopt.search.execution.dask import DaskExecutor

        return DaskExecutor(settings)
    if search.workers == 0:
        return InProcessExecutor()
    return ProcessExecutor(search.workers, search.recycle_after, search.trial_timeout)


def slots(executor: concurrent.futures.Executor, settings: SearchSettings) -> int:
    """Return how many trials run at once."""
    own: int = getattr(executor, "slots", 0)
    return own or max(1, settings.workers)


def memory_limit_mb(settings: SearchSettings) -> Optional[float]:
    """Return the memory at which a worker stops its trial: as set, else 90 % of the machine's
    shared among the workers; None in this process.
    """
    if settings.workers == 0:
        return None
    if settings.trial_memory_mb > 0:
        return settings.trial_memory_mb
    import psutil

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
    code: Any = getattr(error, "exitcode", None)
    if type(error).__name__ == "KilledWorker":
        return "the cluster's workers died while it ran, again and again"
    if type(error).__name__ != "ProcessExpired":
        return None
    if code == OUT_OF_MEMORY:
        return f"out of memory: its process passed {memory_mb or 0:.0f} MB (search.trial_memory_mb)"
    signals: Dict[int, str] = {
        -9: "killed by the system, most likely out of memory",
        -11: "crashed (segmentation fault)",
        -6: "aborted",
    }
    return (
        f"its process was {signals[code]}"
        if code in signals
        else f"its process ended with exit code {code}"
    )
