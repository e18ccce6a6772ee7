"""A child process that is followed line by line and ended with its whole group."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import IO, Any, Callable, Iterator, List, Mapping, Optional, Sequence, Tuple

from vaiopt.files import PathLike
from vaiopt.signals import raised

GRACE_SECONDS = 3.0
"""Between asking a group to end and ending it."""

GUARD = """
exec 3<&0
{ read -r word || kill -KILL 0; } <&3 >/dev/null 2>&1 3<&- &
exec "$@" </dev/null 3<&-
"""
"""Becomes the command, and leaves a process in its group that ends the group when the input is
closed before a word came: this process was killed, and could not do it itself.
"""


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
    ``on_line``, Ctrl-C, SIGTERM or SIGHUP, the child and all that it started are ended first; also
    when this process is killed, where there is a ``sh``.

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
    with raised():
        child = subprocess.Popen(
            _guarded(command, cwd, env),
            cwd=str(cwd or Path.cwd()),
            env=None if env is None else dict(env),
            stdin=subprocess.PIPE,
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
            _dismiss(child)


def _guarded(
    command: Sequence[str], cwd: Optional[PathLike], env: Optional[Mapping[str, str]]
) -> List[str]:
    """Return the command with its guard.

    Raises:
        FileNotFoundError: there is no such program.
    """
    name = command[0]
    path = os.path.join(str(cwd or ""), name) if os.path.dirname(name) else name
    if shutil.which(path, path=(os.environ if env is None else env).get("PATH")) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    shell = shutil.which("sh")
    return [shell, "-c", GUARD, "sh", *command] if shell else list(command)


def _dismiss(child: "subprocess.Popen[bytes]") -> None:
    """Tell the guard of a child that has ended that it may go, and close the pipes."""
    streams: Any = (child.stdin, child.stdout)
    with contextlib.suppress(BrokenPipeError):
        streams[0].write(b"done\n")
        streams[0].flush()
    for stream in streams:
        with contextlib.suppress(BrokenPipeError):
            stream.close()


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
