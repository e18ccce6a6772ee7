"""``vaiopt kit``: what a kit has is told with the cure of what it lacks, and it can be cleaned."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vaiopt.cli import kit
from vaiopt.deploy import kit_check
from vaiopt.deploy.jobs import KitJob
from vaiopt.deploy.kit_check import ROWS, KitFacts, check_kit, clean_kit
from vaiopt.errors import BoardError
from vaiopt.present.shown import sheet_of
from vaiopt.sheets import results  # noqa: F401  what the results show

GOOD = KitFacts(
    system="xilinx-zcu102 aarch64",
    python="3.9.9",
    numpy="/usr/lib/python3.9/numpy",
    xir="/usr/lib/xir.so",
    vart="/usr/lib/vart.so",
    interpreter="tflite_runtime",
    board={"fingerprints": ["0x1", "0x1", "0x1"], "dpu": "B4096", "frequency_mhz": 281},
    release="3.0",
    devices=("/dev/dri/renderD128",),
    waiting=0.01,
    free_bytes=10**9,
)


def rows(facts: KitFacts) -> Any:
    return {row.name: row.of(facts) for row in ROWS}


def test_a_kit_in_order_has_nothing_to_cure() -> None:
    found = rows(GOOD)
    assert all(row.ok and not row.cure for row in found.values())
    assert found["dpu"].told == "3 core(s) B4096, fingerprint 0x1, 281 MHz"


@pytest.mark.parametrize(
    ("lacks", "name", "cure"),
    [
        ({"free_bytes": 10}, "space", "--clean"),
        ({"numpy": ""}, "numpy", "pip3 install numpy"),
        ({"vart": "", "elsewhere": ("/usr/lib/python3/x",)}, "runtime", "/usr/lib/python3/x"),
        ({"xir": ""}, "runtime", "board image"),
        ({"board": {}}, "dpu", "xmutil loadapp"),
        ({"usable": False}, "rights", "root"),
        ({"users": ("demo (process 7)",)}, "users", "End them"),
        ({"jobs": (KitJob("p", "job-1", True, who="a@b", target="u"),)}, "jobs", "take it up"),
        ({"unchecked": True}, "check", "Unset"),
        ({"waiting": 0.5}, "load", "top"),
        ({"interpreter": ""}, "interpreter", "tflite-runtime"),
    ],
)
def test_each_fault_has_its_cure(lacks: Any, name: str, cure: str) -> None:
    found = rows(replace(GOOD, **lacks))
    assert [row.name for row in found.values() if not row.ok] == [name]
    assert cure in found[name].cure


def test_a_kit_is_asked_over_ssh(board: Any, capsys: pytest.CaptureFixture[str]) -> None:
    kit.command("board", False, str(board.config), True)
    told = json.loads(capsys.readouterr().out)
    found = {row["name"]: row for row in told["rows"]}
    assert found["ssh"]["ok"] and found["numpy"]["ok"] and found["space"]["told"]
    assert found["runtime"]["ok"], "the stand-ins are on the path"
    assert not found["dpu"]["ok"] and "dpu" not in told["measures"]
    sheet = sheet_of(check_kit("board", board.config)).to_text(None)
    assert "WRONG" in sheet and "xmutil loadapp" in sheet


def test_cleaning_ends_what_runs_and_removes_the_bundles(board: Any) -> None:
    place = board.home / ".vaiopt" / "0123"
    place.mkdir(parents=True)
    child = subprocess.Popen(["sleep", "60"], cwd=str(place), start_new_session=True)
    (place / "job-1.pid").write_text(f"{child.pid}\n")
    (place / "model.xmodel").write_text("x")
    result = clean_kit("board", board.config)
    assert result.cleaned == 1 and not (board.home / ".vaiopt").exists()
    for _ in range(50):
        if child.poll() is not None:
            break
        time.sleep(0.1)
    assert child.poll() is not None
    again = clean_kit("board", board.config)
    assert again.cleaned == 0 and "board is clean" in sheet_of(again).to_text(None)


@pytest.mark.parametrize(
    ("answer", "told"),
    [("echo 3 6", "has Python 3.6"), ("exit 127", "no python3"), ("echo hello", "no python3")],
)
def test_a_python_that_is_too_old_is_named_before_anything_runs(
    tmp_path: Path, answer: str, told: str
) -> None:
    class Old:
        host = "kit"

        def run(self, *words: str, folder: str = "") -> Any:
            done = subprocess.run(["sh", "-c", answer], stdout=subprocess.PIPE)
            return kit_check_answer(done.returncode, done.stdout)

    with pytest.raises(BoardError, match=told):
        kit_check._check_python(Old())


def kit_check_answer(code: int, stdout: bytes) -> Any:
    from vaiopt.deploy.ssh import Answer

    return Answer(code, stdout, "no message")
