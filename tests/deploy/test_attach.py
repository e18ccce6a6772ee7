"""A measurement that was begun on a board is taken up again, by whoever asks for the same."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, List

import pytest
from bundled import bundle_of_a_standin
from made_bundles import BOARD
from test_nothing_left import change, running

from tests.made_runs import on
from vaiopt.deploy import jobs, remote, ssh
from vaiopt.deploy.measure import measure_candidate
from vaiopt.errors import BoardError, UnreachableError
from vaiopt.runs.layout import Candidate, Run

WAITS = """import os, time
import kit_work
def measure(options, say):
    say('at work')
    with open('count', 'a') as file:
        file.write('x')
    while not os.path.exists('go'):
        time.sleep(0.05)
    return kit_work.measure(options, say)
"""
"""The work of a bundle: the measurement itself, once a file says so."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(ssh, "ATTEMPTS", 2)
    monkeypatch.setattr(remote, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(jobs, "FOLLOWED_SECONDS", 0.5)


@pytest.fixture
def candidate(tmp_path: Path) -> Candidate:
    candidate = Run(tmp_path / "run").trial(0)
    bundle_of_a_standin(candidate)
    change(candidate, "kit_work.py", (candidate.bundle("zcu102") / "kit_measure.py").read_text())
    change(candidate, "kit_measure.py", WAITS)
    return candidate


def place_of(board: Any) -> Path:
    (place,) = (path for path in (board.home / ".vaiopt").iterdir() if path.name != "other")
    return place


def measured(candidate: Candidate, board: Any, lines: List[str], new: bool = False) -> Any:
    settings, say = on("zcu102", "board"), lines.append
    options: Any = {"repeat": 1, "ssh_config": board.config, "new": new, "progress": say}
    return measure_candidate(candidate, settings, **options).record


def begin(candidate: Candidate, board: Any) -> Path:
    """Begin a measurement, and lose the board for good while it runs; return its folder there."""

    def lose(line: str) -> None:
        if line == "at work":
            board.drop(*range(len(board.calls()) + 1, 1000))

    with pytest.raises(UnreachableError) as caught:
        measure_candidate(
            *(candidate, on("zcu102", "board")), repeat=1, ssh_config=board.config, progress=lose
        )
    assert "goes on" in caught.value.hint
    board.drop()
    return place_of(board)


def ended(place: Path) -> None:
    (place / "go").write_text("")
    for _ in range(200):
        if list(place.glob("job-*.code")):
            return
        time.sleep(0.05)
    raise AssertionError("it does not end")


def test_a_job_that_ended_alone_gives_its_result(candidate: Candidate, board: Any) -> None:
    place = begin(candidate, board)
    ended(place)
    lines: List[str] = []
    assert measured(candidate, board, lines).samples == 40
    assert any("has ended" in line and "--new" in line for line in lines), lines
    assert (place / "count").read_text() == "x", "it was measured once"
    assert not list(place.glob("job-*"))


def test_a_job_that_still_runs_is_followed_to_its_end(candidate: Candidate, board: Any) -> None:
    place = begin(candidate, board)
    lines: List[str] = []

    def say(line: str) -> None:
        lines.append(line)
        if "still runs" in line:
            (place / "go").write_text("")

    settings = on("zcu102", "board")
    measure_candidate(candidate, settings, repeat=1, ssh_config=board.config, progress=say)
    assert any("still runs" in line for line in lines) and (place / "count").read_text() == "x"


def test_a_new_one_ends_the_old_one_if_it_is_asked_for(candidate: Candidate, board: Any) -> None:
    place = begin(candidate, board)
    (old,) = place.glob("job-*.pid")
    process = int(old.read_text())
    (place / "go").write_text("")
    assert measured(candidate, board, [], new=True).samples == 40
    assert (place / "count").read_text() == "xx"
    assert not old.exists() and not Path(f"/proc/{process}/cwd").exists()


def test_a_number_that_is_anothers_by_now_is_neither_followed_nor_ended(tmp_path: Path) -> None:
    place = tmp_path / ".vaiopt" / "place"
    place.mkdir(parents=True)
    for name in ("kit_jobs.py", "kit_errors.py"):
        shutil.copy(str(BOARD / name), str(place))
    with subprocess.Popen(["sleep", "60"], start_new_session=True, cwd="/") as other:
        (place / "job-1-a.pid").write_text(f"{other.pid}\n")
        told = subprocess.check_output([sys.executable, "kit_jobs.py"], cwd=str(place))
        assert json.loads(told)["jobs"][0]["runs"] is False
        subprocess.run(["sh", "-c", remote.ended("job-1-a")], cwd=str(place), check=True)
        assert other.poll() is None and not list(place.glob("job-*"))
        other.kill()


def test_who_took_a_measurement_up_has_it_alone(candidate: Candidate, board: Any) -> None:
    def take(line: str) -> None:
        if line == "at work":
            (file,) = place_of(board).glob("job-*.by")
            file.write_text("another\n")

    with pytest.raises(BoardError, match="another vaiopt has taken up"):
        measure_candidate(
            *(candidate, on("zcu102", "board")), repeat=1, ssh_config=board.config, progress=take
        )
    assert running(place_of(board)), "it goes on for the other"
    (place_of(board) / "go").write_text("")
    for _ in range(200):
        if not running(place_of(board)):
            break
        time.sleep(0.05)


def test_a_kit_that_is_cleaned_meanwhile_is_told_at_once(candidate: Candidate, board: Any) -> None:
    def clean(line: str) -> None:
        if line == "at work":
            (file,) = place_of(board).glob("job-*.pid")
            os.killpg(int(file.read_text()), signal.SIGKILL)
            shutil.rmtree(str(board.home / ".vaiopt"))

    with pytest.raises(BoardError, match="ended without a word"):
        measure_candidate(
            *(candidate, on("zcu102", "board")), repeat=1, ssh_config=board.config, progress=clean
        )


class Says:
    """A board that tells of its jobs, each time the next that it is given."""

    host = "kit"

    def __init__(self, *said: Any) -> None:
        self._said = list(said)

    def run(self, *words: str, folder: str = "") -> ssh.Answer:
        said = self._said.pop(0) if len(self._said) > 1 else self._said[0]
        return ssh.Answer(0, said if isinstance(said, bytes) else json.dumps(said).encode(), "")


def job(**fields: Any) -> Any:
    return {"place": "p", "name": "job-1-a", "age": 9.0, "heard": 1.0, **fields}


def found(*said: Any, fresh: bool = False) -> Any:
    lines: List[str] = []
    board: Any = Says(*({"jobs": one} if isinstance(one, list) else one for one in said))
    return jobs.look(board, ".vaiopt/p", "1", remote.DEFAULT, fresh, lines.append), lines


ENDED = job(code=0, result=True, ended=5.0)


@pytest.mark.parametrize(
    ("there", "word"),
    [
        (job(code=2, last="error: the kit is on fire", ended=5.0), "on fire"),
        (job(), "no message"),
        (dict(ENDED, ended=100_000.0), ""),
        (dict(ENDED, ended=-1e6), ""),
        (dict(ENDED, ended=None), ""),
        (dict(ENDED, result=False), ""),
        (job(code=75, result=False), "came to nothing"),
    ],
)
def test_a_job_that_came_to_nothing_is_let_go(there: Any, word: str) -> None:
    (same, left), lines = found([there])
    assert same is None and [one.name for one in left] == ["job-1-a"]
    assert word in " ".join(lines)


def test_the_same_job_is_taken_and_any_other_is_not() -> None:
    (same, left), lines = found([ENDED])
    assert same is not None and not left and "has ended 5 s ago" in lines[0]
    (same, left), lines = found([ENDED], fresh=True)
    assert same is None and len(left) == 1 and not lines
    for other in (dict(ENDED, name="job-2-a"), dict(ENDED, place="q")):
        assert found([other]) == ((None, ()), [])
    assert jobs.key_of("run", ["1"], remote.DEFAULT) != jobs.key_of("run", ["2"], remote.DEFAULT)


def test_a_job_that_somebody_follows_is_left_to_them_and_told() -> None:
    (same, left), lines = found([job(runs=True)], [job(runs=True, heard=2.0)])
    assert same is None and not left and "this bundle is measured just now" in lines[0]
    (same, _), _ = found([job(runs=True)], [job(runs=True)])
    assert same is not None


def test_whose_another_measurement_is_is_told() -> None:
    other = job(place="q", runs=True, who="anna@lab", target="kv260", age=7200)
    _, lines = found([other])
    told = "on kit another bundle (kv260) is measured just now, by anna@lab, begun 2 h ago"
    assert lines == [told]


def test_what_a_kit_keeps_of_its_jobs_is_told_as_plain_text(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    shutil.copy(str(BOARD / "kit_jobs.py"), str(place))
    shutil.copy(str(BOARD / "kit_errors.py"), str(place))
    (place / "manifest.json").write_text(json.dumps({"target": "kv260"}))
    (place / "job-1-2.pid").write_text("999999999\n")
    (place / "job-1-2.log").write_text("one\nerror: two\n\x1b[31m\n")
    (place / "job-1-2.who").write_text("anna@\x1b[31mlab\n")
    (place / "job-3-4.pid").write_bytes(b"\xff" * 1000)
    done = subprocess.run([sys.executable, "kit_jobs.py"], cwd=str(place), stdout=subprocess.PIPE)
    told = {one.name: one for one in jobs.KitJobs.from_json(json.loads(done.stdout)).jobs}
    one = told["job-1-2"]
    assert (one.place, one.target, one.who) == ("place", "kv260", "anna@\\x1b[31mlab")
    assert one.last == "error: two" and not one.runs and not told["job-3-4"].runs


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{}",
        b"[" * 5000,
        b'{"jobs": 3}',
        b'{"jobs": [{"place": "../x", "name": "job-1"}]}',
        b'{"jobs": [{"place": "x", "name": "job-$(reboot)"}]}',
        b'{"jobs": [{"place": "x", "name": "job-1", "age": NaN}]}',
        b"\xff\xfe",
    ],
)
def test_a_board_that_tells_nonsense_of_its_jobs_has_none(said: bytes) -> None:
    assert found(said) == (jobs.Found(None, ()), [])
