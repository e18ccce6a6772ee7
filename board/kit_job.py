#!/usr/bin/env python3
"""Running a bundle's script on a kit, apart from the connection that started it.

    python3 kit_job.py NAME PROGRAM ARGUMENT...

The messages go to ``NAME.log``, the exit code to ``NAME.code``. The program and all that it starts
are one group, so that they can be ended together. Who waits for them touches ``NAME.alive`` now and
then; when nobody does so any more, they are ended: a computer that was switched off leaves nothing
running here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import List, Optional

LEASE_SECONDS = 600.0
"""For so long a job goes on alone: who lost the connection, or comes with a new one, takes it up
again.
"""

LOOK_SECONDS = 0.2
GRACE_SECONDS = 2.0
FORSAKEN = 75
"""Exit code of a job that nobody waited for (EX_TEMPFAIL)."""


def run(name: str, command: List[str], lease: float = LEASE_SECONDS) -> int:
    """Run a command to its end, or until nobody waits for it; write and return its exit code, as a
    shell has it.
    """
    with open(name + ".log", "ab") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    code = _wait(child, name + ".alive", lease)
    if code is None:
        _end_group(child)
        code = FORSAKEN
    code = code if code >= 0 else 128 - code
    with open(name + ".part", "w", encoding="ascii") as file:
        file.write(f"{code}\n")
    os.replace(name + ".part", name + ".code")
    if code == FORSAKEN:
        os.killpg(0, signal.SIGKILL)  # what did not listen, and this process
    return code


def _wait(child: "subprocess.Popen[bytes]", alive: str, lease: float) -> Optional[int]:
    """Return the exit code of a child; None: nobody touched the file for so many seconds."""
    # The clock of a kit may jump when it learns the time; that the file changes is what counts.
    seen, since = _touched(alive), time.monotonic()
    while True:
        try:
            return child.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            now, touched = time.monotonic(), _touched(alive)
            if touched != seen:
                seen, since = touched, now
            elif now - since > lease:
                return None


def _touched(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _end_group(child: "subprocess.Popen[bytes]") -> None:
    """End the child and what it started, but not this process, which is of the same group."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(os.getpgid(0), signal.SIGTERM)
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


if __name__ == "__main__":
    if os.getpgid(0) != os.getpid():
        os.setsid()
    with open(sys.argv[1] + ".pid", "w", encoding="ascii") as own:
        own.write(f"{os.getpid()}\n")  # of the shell, or of sudo, until now
    sys.exit(run(sys.argv[1], sys.argv[2:]))
