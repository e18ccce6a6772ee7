"""The system's own ``ssh`` and ``scp``: the user's keys, configuration and known hosts count, and
nothing is sent to a shell unquoted.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Callable, NamedTuple, Optional, Sequence, Type

from vaiopt.deploy.launch import split_port
from vaiopt.deploy.ssh_failures import failure_of, hint_of
from vaiopt.errors import BoardError, MissingToolError, UnreachableError
from vaiopt.files import PathLike
from vaiopt.settings.values import HOST
from vaiopt.text import Progress

LOST = 255
"""Exit code of ssh and scp for a failed connection; else a remote command's own."""

ATTEMPTS = 5
PAUSE_SECONDS = 2.0

OPTIONS = (
    "ConnectTimeout=15",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
)

LONGEST_SOCKET = 103
"""Bytes of a socket's path on any system (104 with its end on macOS, 108 on Linux)."""

SUFFIX = 17
"""Characters that ssh adds to the path while it makes the socket."""

SOCKET = "s"

LEGACY_SCP = re.compile(r"sftp|subsystem", re.IGNORECASE)
"""What a newer scp says of a board without sftp, which still speaks the older protocol."""


class Answer(NamedTuple):
    """How a client ended: exit code, standard output, last line of its messages, all of them."""

    code: int
    stdout: bytes
    message: str
    said: str = ""


class Lost(Exception):
    """The connection failed or dropped.

    Attributes:
        said: all that the client said; the message is the last line of it.
    """

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said or message


class NotCopied(Exception):
    """A file could not be copied, over a connection that holds; the message is the client's.

    Attributes:
        said: all that the client said.
    """

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said


def check_tools() -> None:
    """Raise MissingToolError unless ``ssh`` and ``scp`` are installed here."""
    for tool in ("ssh", "scp"):
        if shutil.which(tool) is None:
            raise MissingToolError(
                f"'{tool}' is not installed here",
                "Install it with: apt-get install openssh-client",
            )


class Connection:
    """Commands on, and copies to, one board.

    Args:
        host: ``user@host``; checked, since ssh would take something that starts with ``-`` for an
            option.
        config: configuration file for ssh and scp, instead of the user's own.
        progress: told of retries.

    Raises:
        BoardError: ``host`` is not a host.
        MissingToolError: ``ssh`` or ``scp`` is not installed here.
    """

    def __init__(self, host: str, config: Optional[PathLike], progress: Progress) -> None:
        if not HOST.match(host):
            raise BoardError(
                f"'{host}' is not a host",
                "Give --host local, or a board such as root@192.168.1.10.",
            )
        check_tools()
        self.host = host
        # Brackets around an IPv6 address are for scp only.
        self._target, port = split_port(host)
        self._login = self._target.replace("[", "").replace("]", "")
        self._progress = progress
        self._folder = _socket_folder()
        self._options = ["-F", os.fspath(config)] if config else []
        # A person at a terminal may be asked for a password; a script must not hang.
        batch = () if sys.stdin is not None and sys.stdin.isatty() else ("BatchMode=yes",)
        ports = (f"Port={port}",) if port else ()
        for option in (*OPTIONS, *_shared(self._folder), *ports, *batch):
            self._options += ["-o", option]

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if self._folder is not None:
            _call(["ssh", *self._options, "-O", "exit", "--", self._login])
            self._folder.cleanup()

    def run(self, *words: str, folder: str = "") -> Answer:
        """Run a command on the board once; every word is quoted for its shell.

        Args:
            words: the command.
            folder: where to run it; the user's home by default.

        Raises:
            Lost: the connection failed or dropped.
        """
        text = " ".join(shlex.quote(word) for word in words)
        if folder:
            text = f"cd {shlex.quote(folder)} && {text}"
        return self.shell(text)

    def shell(self, text: str) -> Answer:
        """Run a text in the board's shell once. The text must hold nothing but what this package
        wrote, or quoted.

        Raises:
            Lost: the connection failed or dropped.
        """
        answer = _call(["ssh", *self._options, "--", self._login, text])
        if answer.code == LOST:
            raise Lost(answer.message, answer.said)
        return answer

    def copy(self, files: Sequence[Path], folder: str) -> None:
        """Copy files into a folder of the board.

        Raises:
            Lost: the connection failed or dropped.
            NotCopied: a file could not be written.
        """
        command = ["scp", "-q", "-p", *self._options]
        # Of a relative path with a colon scp would take what stands before it for a host.
        sources = [os.path.abspath(str(path)) for path in files]
        target = f"{self._target}:{folder}/"
        for extra in ([], ["-O"]):
            answer = _call([*command, *extra, "--", *sources, target])
            if answer.code == 0 or not LEGACY_SCP.search(answer.message):
                break
        if answer.code == 0:
            return
        row = failure_of(answer.said)
        if row.lost if row is not None else answer.code == LOST:
            raise Lost(answer.message, answer.said)
        raise NotCopied(answer.message, answer.said)

    def keep_trying(self, what: str, action: Callable[[], object]) -> object:
        """Return ``action()``; after a lost connection wait and call it again, a few times.

        Args:
            what: for the messages, such as "copying the bundle".
            action: can be called again after it failed half-way.

        Raises:
            UnreachableError: it was lost every time.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return action()
            except Lost as lost:
                reason, row = str(lost), failure_of(lost.said)
                if attempt == ATTEMPTS or (row is not None and not row.lost):
                    break
                pause = PAUSE_SECONDS * attempt
                lost_while = f"connection to {self.host} lost while {what} ({reason})"
                self._progress(f"{lost_while}; trying again in {pause:.0f} s")
                time.sleep(pause)
        raise UnreachableError(
            f"no connection to '{self.host}' while {what}: {reason}", hint_of(row, self.host)
        )


def _socket_folder() -> "Optional[tempfile.TemporaryDirectory[str]]":
    """Return a new folder for the socket of the shared connection, whose path is short enough and
    means nothing to ssh's configuration; None: there is none.
    """
    for parent in (tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp"):
        longest = len(os.fsencode(f"{parent}/vaiopt-ssh-12345678/{SOCKET}")) + SUFFIX
        if longest <= LONGEST_SOCKET and PLAIN.match(parent) and os.access(parent, os.W_OK):
            return tempfile.TemporaryDirectory(prefix="vaiopt-ssh-", dir=parent)
    return None


PLAIN = re.compile(r"^/[A-Za-z0-9_./-]*$")


def _shared(folder: "Optional[tempfile.TemporaryDirectory[str]]") -> Sequence[str]:
    """Return the options for one connection for all calls: a password is asked for once."""
    if folder is None:
        return ("ControlMaster=no", "ControlPath=none")
    path = f"{folder.name}/{SOCKET}"
    return ("ControlMaster=auto", "ControlPersist=60", f"ControlPath={path}")


MOST_LINES = 40
"""Of a client's messages, that are looked at."""


def _call(command: Sequence[str]) -> Answer:
    """Run a client, which is not followed as other children are: it may ask at the terminal for a
    password, and the shared connection that it leaves behind may keep a pipe open, so its output
    goes to files.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        code = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors
        ).returncode
        output.seek(0)
        errors.seek(0)
        lines = [line.strip() for line in errors.read().decode("utf-8", "replace").splitlines()]
        lines = [line for line in lines if line and not line.startswith("Warning:")]
        said = "\n".join(lines[-MOST_LINES:])
        return Answer(code, output.read(), lines[-1] if lines else "no message", said)
