"""Runs a reader on one file under limits of time and memory, and judges how it ended."""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import select
import signal
import threading
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, NamedTuple, Tuple

from vaiopt.text import printable

OWN = ("vaiopt", "board")
"""Folders of the project whose lines a bug is named by."""

ROOT = Path(__file__).resolve().parent.parent.parent


class Limits(NamedTuple):
    """What one input may take: seconds, and megabytes of address space beside those of before."""

    seconds: float = 20.0
    megabytes: int = 1024


class TooLong(KeyboardInterrupt):
    """The time is over. What holds up everything but Ctrl-C does not hold it up."""


ACCEPTED, REFUSED = "accepted", "refused"


class Outcome(NamedTuple):
    """How one input ended: ``accepted``, ``refused``, or what the bug is; and the seconds."""

    how: str
    seconds: float

    @property
    def is_bug(self) -> bool:
        """Whether it is neither accepted nor refused."""
        return self.how not in (ACCEPTED, REFUSED)


@dataclass
class Tally:
    """What became of the inputs of a reader.

    Attributes:
        inputs, accepted, refused: counts.
        bugs: how often each occurred, and the first input that did it.
        slowest: seconds of the slowest input.
        megabytes: by how much the highest resident memory of the process rose.
        seconds: in all, damage included.
    """

    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    bugs: Dict[str, Tuple[int, str, bytes]] = field(default_factory=dict)
    slowest: float = 0.0
    megabytes: float = 0.0
    seconds: float = 0.0

    def add(self, outcome: Outcome, name: str, content: bytes) -> None:
        """Count one input."""
        self.inputs += 1
        self.accepted += outcome.how == ACCEPTED
        self.refused += outcome.how == REFUSED
        self.slowest = max(self.slowest, outcome.seconds)
        if outcome.is_bug:
            count, first, kept = self.bugs.get(outcome.how, (0, name, content))
            self.bugs[outcome.how] = (count + 1, first, kept)


def peak_megabytes() -> float:
    """Return the highest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextlib.contextmanager
def limited_memory(limits: Limits) -> Iterator[None]:
    """Let the address space grow by a limit only; more is a ``MemoryError``."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + limits.megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def watched(read: Callable[[Path], Any], path: Path, limits: Limits) -> Outcome:
    """Run a reader on a file and say how it ended."""
    started = time.perf_counter()
    timed = threading.current_thread() is threading.main_thread()  # no other hears signals
    if timed:
        signal.signal(signal.SIGALRM, _too_long)
        signal.setitimer(signal.ITIMER_REAL, limits.seconds)
    try:
        read(path)
        how = ACCEPTED
    except TooLong:
        how = f"took more than {limits.seconds:g} s"
    except BaseException as error:  # noqa: BLE001  whatever it is: that is the question
        how = judged(error)
    finally:
        if timed:
            signal.setitimer(signal.ITIMER_REAL, 0)
    return Outcome(how, time.perf_counter() - started)


def _too_long(number: int, frame: Any) -> None:
    raise TooLong


def judged(error: BaseException) -> str:
    """Say what an error is: the input refused as it must be, or a bug, named by its kind and the
    project's line.
    """
    message, hint = getattr(error, "message", None), getattr(error, "hint", None)
    if isinstance(message, str) and isinstance(hint, str):
        return REFUSED if _can_be_told(message, hint) else "an error that cannot be shown"
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if _relative(f.filename).split(os.sep)[0] in OWN] or frames[-1:]
    where = f"{_relative(own[-1].filename)}:{own[-1].lineno} {own[-1].name}" if own else "?"
    return f"{type(error).__name__} at {where}"


def _relative(name: str) -> str:
    return os.path.relpath(name, str(ROOT)) if name.startswith(str(ROOT)) else name


def _can_be_told(message: str, hint: str) -> bool:
    """Whether an error is two lines of text that a terminal can show as they are."""
    return all(
        text and len(text) < 20_000 and " ".join(printable(text).split()) == text
        for text in (message, hint)
    )


def forked(
    read: Callable[[Path], Any], path: Path, limits: Limits, supervised: bool = False
) -> Outcome:
    """Run a reader in a child process, for libraries in C that may end or stop the process.

    Args:
        supervised: whether the program has a second process that explains such an end.
    """
    started = time.perf_counter()
    end, start = os.pipe()
    child = os.fork()
    if not child:
        _in_child(read, path, limits, start)
    os.close(start)
    answered = select.select([end], [], [], limits.seconds + 10)[0]
    with os.fdopen(end, "rb") as pipe:
        if not answered:
            os.kill(child, signal.SIGKILL)
        told = pipe.read()
    code = os.waitpid(child, 0)[1]
    seconds = time.perf_counter() - started
    if told:
        return Outcome(str(pickle.loads(told)), seconds)
    if not answered:
        return Outcome(f"took more than {limits.seconds:g} s", seconds)
    how = f"signal {code & 127}"
    return Outcome(REFUSED if supervised else f"ended by {how}", seconds)


def _in_child(read: Callable[[Path], Any], path: Path, limits: Limits, pipe: int) -> None:
    with contextlib.suppress(BaseException):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        with limited_memory(limits):
            how = watched(read, path, limits).how
        os.write(pipe, pickle.dumps(how))
    os._exit(0)
