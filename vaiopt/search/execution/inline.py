"""Trials in this process."""

from __future__ import annotations

import concurrent.futures
from typing import Any, Callable

from vaiopt.search.execution.base import TrialExecutor


class InProcessExecutor(TrialExecutor):
    """Runs each call at once. Nothing can stop a trial here, neither time nor memory."""

    def submit(  # type: ignore[override]
        self, fn: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> "concurrent.futures.Future[Any]":
        """Call ``fn`` and return a future that is done."""
        future: "concurrent.futures.Future[Any]" = concurrent.futures.Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  as futures of the standard library
            future.set_exception(error)
        return future
