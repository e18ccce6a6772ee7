"""Whether the machine has a processor free for a measurement."""

from __future__ import annotations

import time
from typing import Optional

WAITED = "/proc/thread-self/schedstat"
"""Nanoseconds that this thread ran, and that it was ready to run and waited (Linux)."""

PROBE_SECONDS = 0.15
PROBES = 3


def waiting_share() -> Optional[float]:
    """Return the share of the time, 0 to 1, for which a thread that wants to run has to wait for a
    processor; None where the system does not tell.

    The least of a few short probes: what passes by is not meant.
    """
    least: Optional[float] = None
    for _ in range(PROBES):
        share = _probe()
        if share is None:
            return None
        least = share if least is None else min(least, share)
        if least < 0.1:
            break
    return least


def _probe() -> Optional[float]:
    before, began = _waited(), time.perf_counter()
    if before is None:
        return None
    seconds = 0.0
    while seconds < PROBE_SECONDS:
        seconds = time.perf_counter() - began
    after = _waited()
    return None if after is None else min(1.0, (after - before) / seconds)


def _waited() -> Optional[float]:
    """Return the seconds that this thread waited for a processor until now."""
    try:
        with open(WAITED, encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return None
