"""A job on a kit ends when nobody waits for it, and one measurement has the DPU at a time."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, List

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from made_bundles import BOARD, make_bundle, run_bundle

sys.path.insert(0, str(BOARD))

import kit_lock
from kit_errors import KitError

PARENT = "import subprocess, sys; print('at work', flush=True); subprocess.run(['sleep', '30'])"


def job(folder: Path, *command: str, lease: float = 60.0) -> Any:
    code = (
        f"import os, sys; sys.path.insert(0, {str(BOARD)!r}); import kit_job; os.setsid();"
        f" sys.exit(kit_job.run('j', {list(command)!r}, {lease}))"
    )
    return subprocess.Popen([sys.executable, "-c", code], cwd=str(folder))


def test_the_exit_code_of_a_job_is_that_of_a_shell(tmp_path: Path) -> None:
    assert job(tmp_path, "sh", "-c", "echo said; exit 3").wait() == 3
    assert (tmp_path / "j.code").read_text() == "3\n"
    assert (tmp_path / "j.log").read_text() == "said\n"
    assert job(tmp_path, "sh", "-c", "kill -9 $$").wait() == 137


def test_a_job_that_nobody_waits_for_ends_with_all_that_it_started(tmp_path: Path) -> None:
    child = job(tmp_path, sys.executable, "-c", PARENT, lease=0.5)
    child.wait(30)
    assert (tmp_path / "j.code").read_text() == "75\n"
    states = [
        path.read_text().rpartition(")")[2].split()
        for path in Path("/proc").glob("[0-9]*/stat")
        if path.exists()
    ]
    left = [state for state in states if state[2] == str(child.pid)]
    assert not [state for state in left if state[0] not in "ZX"]


def test_a_job_that_is_waited_for_goes_on(tmp_path: Path) -> None:
    child = job(tmp_path, "sleep", "2", lease=0.8)
    while child.poll() is None:
        (tmp_path / "j.alive").write_text("")
        time.sleep(0.1)
    assert child.returncode == 0


def test_the_second_measurement_waits_and_is_told_for_whom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, lines = str(tmp_path / "lock"), []  # type: str, List[str]
    done: List[float] = []

    def second() -> None:
        with kit_lock.dpu_alone("second", lines.append, lock):
            done.append(time.monotonic())

    with kit_lock.dpu_alone("/root/first.xmodel", lines.append, lock):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.5)
        assert not done
        left = time.monotonic()
    thread.join(10)
    assert done and done[0] >= left
    assert len(lines) == 1 and "waiting for the DPU: /root/first.xmodel by " in lines[0]


def test_a_lock_that_is_never_free_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit_lock, "LONGEST_SECONDS", 0.1)
    lock = str(tmp_path / "lock")
    with kit_lock.dpu_alone("first", print, lock), pytest.raises(KitError, match="in use for an"):
        with kit_lock.dpu_alone("second", print, lock):
            pass


def test_a_link_in_the_place_of_the_lock_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "lock").symlink_to(tmp_path / "precious")
    with kit_lock.dpu_alone("x", print, str(tmp_path / "lock")):
        pass
    with kit_lock.dpu_alone("x", print, str(tmp_path / "no" / "folder")):
        pass
    assert (tmp_path / "precious").read_text() == "kept"


def test_a_measurement_on_the_dpu_waits_for_the_lock(tmp_path: Path) -> None:
    bundle, lines = make_bundle(tmp_path / "bundle"), []  # type: Path, List[Any]
    with kit_lock.dpu_alone("another", print):
        thread = threading.Thread(target=lambda: lines.append(run_bundle(bundle)))
        thread.start()
        thread.join(3.0)
        assert thread.is_alive()
    thread.join(60)
    assert lines[0].code == 0 and "waiting for the DPU: another by" in lines[0].stderr


SLEEPS = """import os, time
def measure(options, say):
    say(str(os.getpid()))
    time.sleep(60)
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGKILL"])
def test_what_ends_the_script_ends_its_work(tmp_path: Path, name: str) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    (bundle / "kit_measure.py").write_text(SLEEPS)
    command = [sys.executable, "run_model.py", "model.xmodel", "--data", "samples.npz"]
    with subprocess.Popen(command, cwd=str(bundle), stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        worker = Path("/proc") / process.stderr.readline().decode().strip() / "cwd"
        assert worker.exists()
        process.send_signal(getattr(signal, name))
        code = process.wait(20)
        for _ in range(100):
            if not worker.exists():
                break
            time.sleep(0.1)
        assert not worker.exists()
    number = getattr(signal, name)
    assert code == (-number if name == "SIGKILL" else 128 + number)
