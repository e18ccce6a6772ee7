"""An installation shows one line, and keeps the rest in a file."""

import os
import pty
import subprocess
from pathlib import Path
from typing import Tuple

import pytest

pytestmark = pytest.mark.host

ROOT = Path(__file__).resolve().parent.parent.parent
FAKE_PIP = """
pip() { for i in 1 2 3; do echo "Collecting p$i"; done; echo "Installing collected"; exit "$1"; }
"""


def quietly(log: Path, status: int, terminal: bool) -> Tuple[int, str]:
    """Return the exit code of a made-up installation and what it showed."""
    code = f'. "{ROOT}/scripts/setup-lib"; set -euo pipefail; {FAKE_PIP} quietly "$1" pip "$2"'
    ours, theirs = pty.openpty()
    done = subprocess.run(
        ["bash", "-c", code, "bash", str(log), str(status)],
        stdout=subprocess.PIPE,
        stderr=theirs if terminal else subprocess.STDOUT,
    )
    os.write(theirs, b"$")
    os.close(theirs)
    shown = os.read(ours, 4096).decode() if terminal else done.stdout.decode()
    os.close(ours)
    return done.returncode, shown.rstrip("$")


def test_an_installation_writes_a_file_and_is_quiet(tmp_path: Path) -> None:
    assert quietly(tmp_path / "log", 0, terminal=False) == (0, "")
    assert (tmp_path / "log").read_text().splitlines()[-1] == "Installing collected"


def test_a_terminal_shows_one_line_that_counts(tmp_path: Path) -> None:
    code, shown = quietly(tmp_path / "log", 0, terminal=True)
    assert code == 0 and shown.count("\n") == 1
    assert shown.split("\r")[1:5:3] == ["1 packages fetched ", "installing 3 packages "]


@pytest.mark.parametrize("terminal", [False, True])
def test_of_an_installation_that_fails_the_last_lines_are_shown(
    tmp_path: Path, terminal: bool
) -> None:
    code, shown = quietly(tmp_path / "log", 3, terminal)
    assert code == 3 and "Collecting p3" in shown
