"""A child process that is followed line by line and ended with its whole group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import IO, Any, Callable, Iterator, List, Mapping, Optional, Sequence, Tuple

from vaiopt.files import PathLike

GRACE_SECONDS = 3.0
"""Between asking a group to end and ending it."""

ENDING_SIGNALS = ("SIGTERM", "SIGHUP")
"""Signals that would end this process and leave the child, which is in a group of its own."""


def follow(
    command: Sequence[str],
    *,
    cwd: Optional[PathLike] = None,
    env: Optional[Mapping[str, str]] = None,
    on_line: Optional[Callable[[str], None]] = None,
    log: Optional[PathLike] = None,
) -> Tuple[int, List[str]]:
    """Run a command to its end and return its exit code and its lines, errors among the output.

    The child has no input and a session of its own. When following ends early, by an exception of
    ``on_line``, Ctrl-C, SIGTERM or SIGHUP, the child and all that it started are ended first.

    Args:
        command: program and arguments; no shell is involved.
        cwd: folder to run in; this process's own by default.
        env: whole environment; this process's own by default.
        on_line: told each line, without its end. Of a line that a progress bar overwrites by
            carriage returns only the last state counts.
        log: file that gets the command and every line.

    Raises:
        OSError: the program cannot be started.
    """
    lines: List[str] = []
    with contextlib.ExitStack() as stack:
        written = stack.enter_context(_log(log)) if log else None
        if written:
            written.write("$ {}\n".format(" ".join(command)))
        child = stack.enter_context(_started(command, cwd, env))
        output: IO[bytes] = child.stdout  # type: ignore[assignment]
        for raw in output:
            line = raw.decode("utf-8", "replace").rstrip().rpartition("\r")[2]
            lines.append(line)
            if written:
                written.write(line + "\n")
            if on_line:
                on_line(line)
        code = child.wait()
    return code, lines


def _log(path: PathLike) -> IO[str]:
    # A name that is not UTF-8 may stand in the command.
    return open(os.fspath(path), "w", encoding="utf-8", errors="backslashreplace")


@contextlib.contextmanager
def _started(
    command: Sequence[str], cwd: Optional[PathLike], env: Optional[Mapping[str, str]]
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a child; end its group if the block is left while it runs."""
    with _signals_as_exceptions():
        child = subprocess.Popen(
            list(command),
            cwd=str(cwd or Path.cwd()),
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield child
        except BaseException:
            end_group(child)
            raise
        finally:
            if child.stdout is not None:
                child.stdout.close()


def end_group(child: "subprocess.Popen[bytes]") -> None:
    """End a child that leads its group, and the group: asked first, killed after a few seconds."""
    _signal_group(child, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GRACE_SECONDS)
    # Also where the child itself ended: what it started may have outlived it.
    _signal_group(child, getattr(signal, "SIGKILL", signal.SIGTERM))
    child.wait()


def _signal_group(child: "subprocess.Popen[bytes]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, number)
        else:  # Windows has no groups
            child.kill()


@contextlib.contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    """Let signals that end this process raise ``SystemExit`` instead, so that blocks are left in
    order; only in the main thread, where Python allows it, and where nothing else handles them.
    """

    def leave(number: int, frame: Any) -> None:
        raise SystemExit(128 + number)

    numbers = [getattr(signal, name) for name in ENDING_SIGNALS if hasattr(signal, name)]
    ours = threading.current_thread() is threading.main_thread()
    ending = [n for n in numbers if ours and signal.getsignal(n) is signal.SIG_DFL]
    for number in ending:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in ending:
            signal.signal(number, signal.SIG_DFL)
