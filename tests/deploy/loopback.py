"""A real ssh server on the loopback that stands for a kit."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator, List

TESTS = Path(__file__).resolve().parent.parent

SSHD = shutil.which("sshd") or ("/usr/sbin/sshd" if os.path.exists("/usr/sbin/sshd") else None)
SFTP = next(
    (
        p
        for p in (
            "/usr/lib/openssh/sftp-server",
            "/usr/libexec/openssh/sftp-server",
            "/usr/lib/ssh/sftp-server",
        )
        if os.path.exists(p)
    ),
    None,
)

WRAPPER = """#!/bin/sh
# What a login on the board gets: its own home, and the stand-ins for xir and vart.
cd {home} || exit 1
export PATH={path} PYTHONPATH={pythonpath} HOME={home} OMP_NUM_THREADS=1
printf '%s\\n' "$SSH_ORIGINAL_COMMAND" >> {calls}
printf '%s\\n' "$SSH_CONNECTION" >> {connections}
n=$(wc -l < {calls})
if [ -s {drops} ] && grep -qx "$n" {drops}; then
    kill -9 $PPID
    exit 1
fi
exec sh -c "$SSH_ORIGINAL_COMMAND"
"""

SERVER = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile {folder}/pid
StrictModes no
PasswordAuthentication no
PermitRootLogin yes
UsePAM no
ForceCommand {folder}/login
Subsystem sftp {sftp}
"""

CLIENT = """
Host board
    HostName 127.0.0.1
    Port {port}
    User {user}
    IdentityFile {folder}/user_key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    StrictHostKeyChecking no
    LogLevel ERROR
"""


class Board:
    """A host named ``board`` behind a client configuration."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "ssh_config"
        self.home = folder / "home"
        self._calls, self._drops = folder / "calls", folder / "drops"
        self._connections = folder / "connections"

    def calls(self) -> List[str]:
        """The commands that were asked for, in order."""
        return self._calls.read_text().splitlines() if self._calls.exists() else []

    def connections(self) -> int:
        """How many connections they came over."""
        return len(set(self._connections.read_text().splitlines()))

    def dropping(self) -> bool:
        """Whether connections are killed."""
        return bool(self._drops.read_text())

    def forget(self) -> None:
        """Start as a fresh board."""
        shutil.rmtree(str(self.home), ignore_errors=True)
        self.home.mkdir()
        self._calls.write_text("")
        self._connections.write_text("")
        self._drops.write_text("")

    def drop(self, *numbers: int) -> None:
        """Kill the connection at these calls (counted from 1) before they do anything."""
        self._drops.write_text("".join(f"{n}\n" for n in numbers))


class NoServer(Exception):
    """There is no server here, or it does not start."""


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[Board]:
    """Yield a board while its server runs. Raises NoServer."""
    if SSHD is None or SFTP is None or not shutil.which("ssh-keygen"):
        raise NoServer("no sshd: apt-get install openssh-server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for name in ("host_key", "user_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True
        )
    shutil.copyfile(str(folder / "user_key.pub"), str(folder / "authorized_keys"))
    board = Board(folder)
    board.forget()
    login = folder / "login"
    # The board's python3 is the one of the tests, which has numpy.
    (folder / "bin").mkdir()
    python = folder / "bin" / "python3"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    login.write_text(
        WRAPPER.format(
            home=board.home,
            path=f"{folder / 'bin'}:/usr/bin:/bin",
            pythonpath=TESTS / "contract" / "standin",
            calls=folder / "calls",
            connections=folder / "connections",
            drops=folder / "drops",
        )
    )
    login.chmod(0o755)
    (folder / "sshd_config").write_text(SERVER.format(port=port, folder=folder, sftp=SFTP))
    board.config.write_text(CLIENT.format(port=port, folder=folder, user=getpass.getuser()))
    if os.getuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    server = subprocess.Popen(
        [SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=subprocess.PIPE
    )
    try:
        for _ in range(1200):
            if server.poll() is not None:
                said = server.stderr.read().decode() if server.stderr else ""
                raise NoServer(f"sshd does not start here: {said[-300:]}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield board
    finally:
        server.terminate()
        server.wait()
