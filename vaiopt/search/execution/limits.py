"""What ends a worker process: a trial that takes too much memory, before it takes the machine down,
and the loss of its parent.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Optional

OUT_OF_MEMORY = 77
"""Exit code of a worker process that stopped itself because its trial used too much memory."""

INTERVAL = 0.05
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
        while not self._stop.wait(INTERVAL):
            self._look()


def end_with_parent() -> None:
    """End this process once the one that started it is gone: one that was killed cannot stop its
    trials itself.
    """
    parent = os.getppid()

    def follow() -> None:
        while os.getppid() == parent:
            time.sleep(ORPHAN_INTERVAL)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def resident_mb() -> float:
    """Return the resident memory of this process in MB (10^6 bytes)."""
    import psutil

    return float(psutil.Process().memory_info().rss) / 1e6
