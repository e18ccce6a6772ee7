"""What ssh and scp say is told apart: each has its own cure, and only a lost connection is made
again.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, Callable, List, Sequence

import pytest

from vaiopt.deploy import remote, ssh
from vaiopt.deploy.result import failure
from vaiopt.deploy.ssh import Answer, Connection, NotCopied
from vaiopt.deploy.ssh_failures import failure_of, hint_of
from vaiopt.errors import BoardError, UnreachableError
from vaiopt.text import silent

CHANGED = """@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
Offending ED25519 key in /home/me/.ssh/known_hosts:3
Host key for kit has changed and you have requested strict checking.
Host key verification failed."""
EXPIRED = "Your password has expired.\nPassword change required but no TTY available."
UNKNOWN = "No ED25519 host key is known for kit and you have requested strict checking."


@pytest.mark.parametrize(
    ("said", "cure", "lost"),
    [
        (CHANGED, "ssh-keygen -R kit", False),
        (UNKNOWN, "accept it once: ssh root@kit true", False),
        ("Host key verification failed.", "accept it once", False),
        ("root@kit: Permission denied (publickey,password).", "ssh-copy-id root@kit", False),
        ("Permission denied", "ssh-copy-id", False),
        ("root@open.lab: Permission denied (publickey).", "ssh-copy-id", False),
        ("sh: 1: cannot create .vaiopt/x: Permission denied", "may not write", False),
        (EXPIRED, "log in once at a terminal: ssh root@kit", False),
        ("This account is currently not available.", "as another one", False),
        ("scp: .vaiopt/x: Input/output error", "memory card", False),
        ("-sh: can't fork: Cannot allocate memory", "no memory", False),
        ("ssh: Could not resolve hostname kit: Temporary failure in name resolution", "up?", True),
        ('scp: dest open ".vaiopt/x": Permission denied', "may not write", False),
        ('scp: write remote ".vaiopt/x": Failure', "Free space", False),
        ("scp: .vaiopt/x: No space left on device", "Free space", False),
        ("mkdir: can't create directory: Read-only file system", "remount", False),
        ("ssh: Could not resolve hostname kit: Name or service not known", "no such name", False),
        ("/home/me/.ssh/config: line 3: Bad configuration option: prt", "configuration", False),
        ("Unable to negotiate: no matching host key type found.", "HostKeyAlgorithms", False),
        ("scp: Received message too long 1466721643", "prints something at login", False),
        ("ssh: connect to host kit port 22: Connection refused", "No ssh server", True),
        ("ssh: connect to host kit port 22: No route to host", "switched on", True),
        ("Connection to 10.0.0.2 closed by remote host.", "by hand", True),
        ("scp: Connection closed", "by hand", True),
        ("lost connection", "by hand", True),
    ],
)
def test_each_failure_has_its_own_cure(said: str, cure: str, lost: bool) -> None:
    row = failure_of(said)
    assert row is not None and row.lost is lost
    assert cure in hint_of(row, "root@kit")


def answering(
    patch: pytest.MonkeyPatch, answer: Callable[[Sequence[str]], Answer]
) -> List[List[str]]:
    """Let clients answer so; return the list that their calls go to."""
    calls: List[List[str]] = []

    def call(command: Sequence[str]) -> Answer:
        calls.append(list(command))
        return answer(command)

    patch.setattr(ssh, "_call", call)
    patch.setattr(ssh, "check_tools", lambda: None)
    patch.setattr(ssh, "PAUSE_SECONDS", 0.0)
    return calls


def said(code: int, text: str) -> Answer:
    return Answer(code, b"", text.splitlines()[-1], text)


def test_a_changed_host_key_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = answering(monkeypatch, lambda command: said(255, CHANGED))
    lines: List[str] = []
    with pytest.raises(UnreachableError) as caught:
        board = Connection("root@kit", None, lines.append)
        board.keep_trying("copying", lambda: board.shell("true"))
    assert "ssh-keygen -R kit" in caught.value.hint and not lines and len(calls) == 1


def test_a_connection_that_is_refused_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = answering(monkeypatch, lambda command: said(255, "port 22: Connection refused"))
    with pytest.raises(UnreachableError, match="Connection refused"):
        board = Connection("root@kit", None, silent)
        board.keep_trying("copying", lambda: board.shell("true"))
    assert len(calls) == ssh.ATTEMPTS


def test_a_file_that_cannot_be_written_is_no_lost_connection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answering(monkeypatch, lambda command: said(1, 'scp: dest open "x": Failure'))
    with pytest.raises(NotCopied, match="Failure"):
        Connection("root@kit", None, silent).copy([tmp_path / "x"], "place")


def test_no_name_with_a_colon_is_a_host_to_scp(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = answering(monkeypatch, lambda command: said(0, "no message"))
    monkeypatch.chdir(tmp_path)
    Connection("root@kit", None, silent).copy([Path("2024-05-01T10:30") / "x"], "place")
    assert calls[0][-2:] == [str(tmp_path / "2024-05-01T10:30" / "x"), "root@kit:place/"]


@pytest.mark.parametrize("name", ["t" * 60, "t" * 200, "a b", "100%", "x'y"])
def test_the_socket_of_the_connection_has_a_short_and_plain_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.setattr(ssh.tempfile, "tempdir", str(folder))
    found = ssh._socket_folder()
    assert found is not None
    (path,) = [w[12:] for w in ssh._shared(found) if w.startswith("ControlPath=")]
    assert len(path) + ssh.SUFFIX <= 103 and ssh.PLAIN.match(path)
    found.cleanup()


def test_without_a_place_for_a_socket_none_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *arguments: False)
    assert ssh._socket_folder() is None
    assert "ControlPath=none" in ssh._shared(None)


class Here:
    """A board whose shell is that of this machine, in a folder; ``before`` is run first."""

    host = "root@kit"

    def __init__(self, home: Path, before: str = "") -> None:
        self.home, self.before = home, before

    def shell(self, text: str) -> Answer:
        done = subprocess.run(
            ["sh", "-c", self.before + text], cwd=str(self.home), stdout=-1, stderr=-1
        )
        told = done.stderr.decode().strip()
        return Answer(done.returncode, done.stdout, told or "no message", told)

    def run(self, *words: str, folder: str = "") -> Answer:
        return self.shell(f"cd '{folder}' && " + " ".join(words))


def copied(board: Any, folder: Path) -> None:
    (folder / "x").write_bytes(b"x" * 5_000_000)
    remote._copy(board, folder, {"x": "0" * 64}, ".vaiopt/place", silent, {})


def test_a_profile_that_prints_is_told_before_anything_is_copied(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="answers 'Welcome!'") as caught:
        copied(Here(tmp_path, "echo Welcome!; "), tmp_path)
    assert ".bashrc" in caught.value.hint


@pytest.mark.parametrize(
    ("before", "told", "hint"),
    [
        ("printf 'Hi '; ", "answers 'Hi vaiopt-is-here'", ".bashrc"),
        ("printf '\\033]0;x\\007'; ", r"x1b\]0;x", ".bashrc"),
        ("exit 0; ", "its shell ended before that", "end its shell at login"),
        ("echo 'This account is not available.'; exit 1; ", "This account", "as another one"),
    ],
)
def test_a_shell_that_does_something_else_at_login_is_told(
    tmp_path: Path, before: str, told: str, hint: str
) -> None:
    with pytest.raises(BoardError, match=told) as caught:
        copied(Here(tmp_path, before), tmp_path)
    assert hint in caught.value.hint


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / ".vaiopt").write_text("a file in the way")
    with pytest.raises(BoardError, match="nothing can be written to '.vaiopt/place'"):
        copied(Here(tmp_path), tmp_path)
    says = "mkdir() { echo 'mkdir: Read-only file system' >&2; return 1; }; "
    with pytest.raises(BoardError, match="Read-only") as caught:
        copied(Here(tmp_path, says), tmp_path)
    assert "remount" in caught.value.hint


def test_a_full_disk_is_told_before_anything_is_copied(tmp_path: Path) -> None:
    figures = "df() { echo Filesystem; echo /dev/mmcblk0p2 100 90 1000 9% /; }; "
    with pytest.raises(BoardError) as caught:
        copied(Here(tmp_path, figures), tmp_path)
    assert (
        caught.value.message
    ) == "the disk of 'root@kit' is full: 5.0 MB are to be copied, 1.0 MB are free"


@pytest.mark.parametrize(
    ("code", "line", "hint"),
    [
        (1, "SyntaxError: future feature annotations is not defined", "Python 3.7"),
        (127, "sh: python3: not found", "python3"),
        (127, "bash: line 1: exec: /opt/python: cannot execute: Is a directory", "deploy.python"),
        (127, "bash: line 1: exec: python3.12: not found", "deploy.python names"),
        (1, "SyntaxError: invalid syntax", "Python 3.7"),
        (137, "Killed", "memory"),
        (1, "what is this", "by hand"),
    ],
)
def test_scripts_that_cannot_begin_are_explained(code: int, line: str, hint: str) -> None:
    assert hint in failure(code, [line], "on kit").hint
