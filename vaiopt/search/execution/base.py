"""The protocol of executors: where trials run."""

from __future__ import annotations

import concurrent.futures


class TrialExecutor(concurrent.futures.Executor):
    """An executor of the standard library that says how many trials it runs at once.

    It stays up until :meth:`shutdown`: what its processes loaded serves all trials.
    """

    @property
    def slots(self) -> int:
        """Trials at once, 1 or more; it may change as a search goes on."""
        return 1

    def renew(self) -> None:
        """Let go of the memory that the calls so far have taken, where that can be: TensorFlow
        gives back little of what a large model took. To be called while no call is under way.
        """
