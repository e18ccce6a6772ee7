"""Trials in worker processes of this one."""

from __future__ import annotations

import concurrent.futures
import os
from functools import partial
from typing import Any, Callable, Optional, Sequence

from vaiopt.data.store import Store, StorePaths, use_store
from vaiopt.environment import cores
from vaiopt.keras import prepare_environment
from vaiopt.search.execution.base import TrialExecutor
from vaiopt.search.execution.gpus import GpuContext
from vaiopt.search.execution.limits import end_with_parent
from vaiopt.search.execution.spawn import WorkerContext


class ProcessExecutor(TrialExecutor):
    """Runs calls in worker processes that are replaced after a number of calls, and killed when one
    takes too long.

    Args:
        workers: processes.
        recycle_after: calls after which a process is replaced by a fresh one, so that leaks of
            TensorFlow or of a model cannot add up.
        timeout: seconds a call may take.
        prepare: called first in each process; by default :func:`start_worker` with an equal share
            of the cores as threads.
        gpus: that the processes share, as CUDA names them, () for none; None says nothing of them.
    """

    def __init__(
        self,
        workers: int,
        recycle_after: int,
        timeout: float,
        prepare: Optional[Callable[[], None]] = None,
        gpus: Optional[Sequence[str]] = None,
    ) -> None:
        # A worker runs the script that is at work here first, which may import TensorFlow itself.
        prepare_environment()
        self._workers = workers
        self._recycle_after = recycle_after
        self._timeout = timeout
        self._gpus = gpus
        self._store: Optional[Store] = None
        if prepare is None:
            self._store = Store()
            prepare = partial(start_worker, max(1, cores() // workers), self._store.paths)
        self._prepare = prepare
        self._pool = self._new_pool()

    def _new_pool(self) -> Any:
        from pebble import ProcessPool

        return ProcessPool(
            max_workers=self._workers,
            max_tasks=self._recycle_after,
            initializer=partial(begin, os.getpid(), self._prepare),
            context=WorkerContext() if self._gpus is None else GpuContext(self._gpus),
        )

    @property
    def slots(self) -> int:
        """One trial for each worker."""
        return self._workers

    def submit(  # type: ignore[override]
        self, fn: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> "concurrent.futures.Future[Any]":
        """Schedule a call. The future raises ``TimeoutError`` past the limit,
        ``pebble.ProcessExpired`` if the process died.
        """
        if not self._pool.active:
            # An idle process was killed, which breaks a pool of Pebble for good.
            self._pool.join()
            self._pool = self._new_pool()
        future: "concurrent.futures.Future[Any]" = self._pool.schedule(
            fn, args=args, kwargs=kwargs, timeout=self._timeout
        )
        return future

    def renew(self) -> None:
        """Replace the processes by fresh ones."""
        self.shutdown()
        self._pool = self._new_pool()

    def shutdown(self, wait: bool = True, **options: Any) -> None:
        """End the processes: after the calls that are under way if ``wait``, else now."""
        if wait:
            self._pool.close()
        else:
            self._pool.stop()
        self._pool.join()


def begin(parent: int, prepare: Callable[[], None]) -> None:
    """Begin as a worker of a process that has this number, and prepare for its calls."""
    end_with_parent(parent)
    prepare()


def start_worker(threads: int, store: Optional[StorePaths] = None) -> None:
    """Set how many threads a fresh worker's libraries use, which Keras it will load, and where it
    shares large data with the others.
    """
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = str(threads)
    for kind in ("INTRAOP", "INTEROP"):
        os.environ[f"TF_NUM_{kind}_THREADS"] = str(threads)
    if store is not None:
        use_store(store)
    prepare_environment()
