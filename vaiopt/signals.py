"""Signals that end this process, as exceptions: blocks are left in order."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Optional

REPEAT_SECONDS = 5.0
"""A signal that comes so soon after the first is the same wish once more: timeout(1) sends it to
the process and to its group. It must not end what cleans up after the first.
"""


def _end(number: int) -> BaseException:
    return SystemExit(128 + number)


def _interrupt(number: int) -> BaseException:
    return KeyboardInterrupt()


ENDING: Dict[str, Callable[[int], BaseException]] = {
    "SIGINT": _interrupt,
    "SIGTERM": _end,
    "SIGHUP": _end,
}
"""What each signal raises, by its name; Windows does not have all."""


class _Listener:
    """Raises what a signal stands for, and remembers that it came."""

    def __init__(self) -> None:
        self._ending: Optional[BaseException] = None
        self._until = 0.0

    def hear(self, number: int, frame: Any) -> None:
        """Handle a signal."""
        now = time.monotonic()
        if now < self._until:
            return
        self._until = now + REPEAT_SECONDS
        self._ending = ENDING[signal.Signals(number).name](number)
        raise self._ending

    def check(self) -> None:
        """Raise once more what a signal has raised."""
        if self._ending is not None:
            raise self._ending

    def forget(self) -> None:
        """Take what came for done."""
        self._ending = None


_LISTENING: List[_Listener] = []


def handled() -> None:
    """Say that the signal that came was what ends this command as it is meant to."""
    for listener in _LISTENING:
        listener.forget()


@contextlib.contextmanager
def raised() -> Iterator[Callable[[], None]]:
    """Let Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt or SystemExit within this context, and
    yield a function that raises it again if one came.

    It is raised at once, but some libraries swallow it: where they import with a bare ``except``,
    and in callbacks from C. Who calls the function finds then that the end was wanted. Elsewhere
    than in the main thread, and for a signal that the caller handles or ignores, nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    if _LISTENING:
        yield _LISTENING[-1].check
        return
    listener = _Listener()
    numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    ours = [n for n in numbers if before[n] in (signal.SIG_DFL, signal.default_int_handler)]
    _LISTENING.append(listener)
    try:
        for number in ours:
            signal.signal(number, listener.hear)
        yield listener.check
    finally:
        for number in ours:
            signal.signal(number, before[number])
        _LISTENING.remove(listener)
