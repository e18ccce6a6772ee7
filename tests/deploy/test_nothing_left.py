"""Whatever ends a measurement on a board, nothing of it is left running there."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from bundled import bundle_of_a_standin

from tests.made_runs import on
from vaiopt.deploy import remote, ssh
from vaiopt.deploy.measure import measure_candidate
from vaiopt.errors import BoardError
from vaiopt.runs.layout import Candidate, Run

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

SLEEPS = """import subprocess
def measure(options, say):
    say('at work')
    subprocess.run(['sleep', '60'])
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(remote, "POLL_SECONDS", 0.05)


@pytest.fixture(autouse=True)
def from_a_terminal() -> Iterator[None]:
    """Signals as a terminal's shell leaves them, also under nohup."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in ENDING}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def candidate(tmp_path: Path) -> Candidate:
    """A candidate whose bundle's work is to sleep."""
    candidate = Run(tmp_path / "run").trial(0)
    bundle_of_a_standin(candidate)
    change(candidate, "kit_measure.py", SLEEPS)
    return candidate


def change(candidate: Candidate, name: str, text: str) -> None:
    folder = candidate.bundle("zcu102")
    (folder / name).write_text(text)
    content = json.loads((folder / "manifest.json").read_text())
    content["files"][name] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(content))


def running(home: Path) -> List[str]:
    """The programs that run in a folder of the board."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if str(home) in os.readlink(str(folder / "cwd")):
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
                found += [(folder / "cmdline").read_text()] if state != "Z" else []
        except OSError:
            continue
    return found


def measured(candidate: Candidate, board: Any, at_work: Callable[[], None]) -> None:
    def progress(line: str) -> None:
        if "at work" in line:
            assert running(board.home / ".vaiopt")
            at_work()

    measure_candidate(candidate, on("zcu102", "board"), ssh_config=board.config, progress=progress)


def interrupted() -> None:
    raise KeyboardInterrupt


def nothing_left(board: Any) -> None:
    assert not running(board.home / ".vaiopt")
    (place,) = (board.home / ".vaiopt").iterdir()
    assert not [path.name for path in place.iterdir() if path.name.startswith("job-")]


def test_after_ctrl_c_nothing_runs_on_the_board(candidate: Candidate, board: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        measured(candidate, board, interrupted)
    nothing_left(board)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_after_a_signal_nothing_runs_on_the_board(
    candidate: Candidate, board: Any, name: str
) -> None:
    number = getattr(signal, name)
    with pytest.raises(SystemExit) as caught:
        measured(candidate, board, lambda: os.kill(os.getpid(), number))
    assert caught.value.code == 128 + number
    nothing_left(board)


def test_what_starts_late_is_not_wanted_any_more(
    candidate: Candidate, board: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: List[str] = []
    shell = ssh.Connection.shell

    def slow(connection: Any, text: str) -> Any:
        if "nohup" not in text:
            return shell(connection, text)
        late.append(text)
        raise SystemExit(143)  # a signal, while the kit has not begun

    monkeypatch.setattr(ssh.Connection, "shell", slow)
    with pytest.raises(SystemExit):
        measured(candidate, board, lambda: None)
    with ssh.Connection("board", board.config, lambda line: None) as connection:
        shell(connection, late[0])
    nothing_left(board)
    assert not list(board.home.glob(".vaiopt/*/not-*"))


def test_a_job_that_vanishes_is_told_at_once(candidate: Candidate, board: Any) -> None:
    def kill() -> None:
        place = next((board.home / ".vaiopt").iterdir())
        pid = int(next(place.glob("job-*.pid")).read_text())
        os.killpg(pid, signal.SIGKILL)

    with pytest.raises(BoardError, match="ended without a word"):
        measured(candidate, board, kill)
    nothing_left(board)


def test_a_bundle_of_an_older_version_is_measured_as_well(tmp_path: Path, board: Any) -> None:
    candidate = Run(tmp_path / "run").trial(0)
    bundle_of_a_standin(candidate)
    folder = candidate.bundle("zcu102")
    content = json.loads((folder / "manifest.json").read_text())
    del content["files"]["kit_job.py"]
    (folder / "manifest.json").write_text(json.dumps(content))
    result = measure_candidate(candidate, on("zcu102", "board"), ssh_config=board.config, repeat=1)
    assert result.record.samples == 40
