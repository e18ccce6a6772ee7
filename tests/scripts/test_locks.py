"""The lock files: every file that is installed has a hash, and what is read of them is right."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import List

import pytest

from scripts import locks

pytestmark = pytest.mark.host

ROOT = Path(__file__).resolve().parent.parent.parent

TEXT = """\
# Made by scripts/lock
aa==1.0 \\
    --hash=sha256:{0} \\
    --hash=sha256:{1}
    # via vaiopt (pyproject.toml)
bb-c==2.0rc1 \\
    --hash=sha256:{1}
    # via aa, dd
dd==3 \\
    --hash=sha256:{0}
    # via -r requirements/made-up.in
""".format("0" * 64, "1" * 64)


@pytest.mark.parametrize("name", locks.lock_names())
def test_every_package_of_a_lock_file_has_hashes(name: str) -> None:
    pins = locks.read_lock(name)
    assert pins
    for pin in pins.values():
        assert pin.hashes and all(re.fullmatch("sha256:[0-9a-f]{64}", h) for h in pin.hashes), pin


@pytest.mark.parametrize("name", locks.lock_names())
def test_every_user_of_a_package_is_in_the_lock_file_too(name: str) -> None:
    pins = locks.read_lock(name)
    users = {user for pin in pins.values() for user in pin.users if " " not in user}
    assert users <= set(pins)
    assert locks.reached(locks.asked_by_vaiopt(pins), pins) == set(pins)


def write_lock(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "made-up.txt").write_text(text)
    monkeypatch.setattr(locks, "REQUIREMENTS", folder)


def test_a_lock_file_is_read_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lock(tmp_path, TEXT, monkeypatch)
    pins = locks.read_lock("made-up")
    zeros, ones = "sha256:" + "0" * 64, "sha256:" + "1" * 64
    assert pins == {
        "aa": locks.Pin("aa", "1.0", (zeros, ones), ("vaiopt (pyproject.toml)",)),
        "bb-c": locks.Pin("bb-c", "2.0rc1", (ones,), ("aa", "dd")),
        "dd": locks.Pin("dd", "3", (zeros,), ("-r requirements/made-up.in",)),
    }
    assert locks.lock_names() == ["made-up"]
    assert locks.reached({"aa", "not-there"}, pins) == {"aa", "bb-c"}
    assert locks.reached({"aa"}, pins, without={"bb-c"}) == {"aa"}
    assert locks.asked_by_vaiopt(pins) == ["aa", "dd"]


@pytest.mark.parametrize(
    "line", ["ee", "ee>=1", "ee @ https://example.org/ee.whl", "-r other.txt", "ee==1 # by hand"]
)
def test_a_line_that_is_no_pin_is_an_error(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lock(tmp_path, TEXT + line + "\n", monkeypatch)
    with pytest.raises(locks.UnreadableLock, match="made-up.txt: ee|made-up.txt: -r"):
        locks.read_lock("made-up")


def test_scopes_tell_what_vaiopt_needs_from_what_its_developers_need() -> None:
    found = locks.scopes("host-3.11")
    wanted = {
        "required": ["optuna", "pebble", "rich", "alembic"],
        "optional": ["tensorflow-cpu", "tf-keras", "psycopg2-binary", "distributed", "grpcio"],
        "excluded": ["pytest", "ruff", "mypy", "hypothesis"],
    }
    for scope, names in wanted.items():
        assert [name for name in names if found[name] != scope] == []
    assert "required" not in locks.scopes("release-3.11").values()


# --- installing


def make_wheel(folder: Path) -> str:
    """Write the wheel of a package; return its SHA-256."""
    path = folder / "aa-1.0-py3-none-any.whl"
    with zipfile.ZipFile(str(path), "w") as wheel:
        wheel.writestr("aa.py", "")
        wheel.writestr("aa-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: aa\nVersion: 1.0")
        wheel.writestr(
            "aa-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any"
        )
        wheel.writestr("aa-1.0.dist-info/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def install_locked(folder: Path, lock: str) -> "subprocess.CompletedProcess[bytes]":
    """Install a lock as the scripts do, with the pip of these tests, into a folder of its own."""
    (folder / "lock.txt").write_text(lock)
    target = folder / "python"
    words: List[str] = ["--no-index", "--find-links", str(folder), "--target", str(folder / "site")]
    target.write_text(f'#!/bin/sh\nexec {sys.executable} "$@" {" ".join(words)}\n')
    target.chmod(0o755)
    code = f'. "{ROOT}/scripts/setup-lib"; install_locked "$1" "$2"'
    return subprocess.run(
        ["bash", "-c", code, "bash", str(folder / "lock.txt"), str(target)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.slow
def test_a_file_is_installed_if_it_is_the_one_locked_and_else_not(tmp_path: Path) -> None:
    digest = make_wheel(tmp_path)
    for lock, text in (
        ("aa==1.0", "Hashes are required"),
        (f"aa==1.0 --hash=sha256:{'0' * 64}", "DO NOT MATCH THE HASHES"),
    ):
        result = install_locked(tmp_path, lock + "\n")
        assert result.returncode != 0
        assert text.lower() in result.stderr.decode().lower(), result.stderr.decode()
        assert not (tmp_path / "site" / "aa.py").exists()
    result = install_locked(tmp_path, f"aa==1.0 --hash=sha256:{digest}\n")
    assert result.returncode == 0, result.stderr.decode()
    assert (tmp_path / "site" / "aa.py").exists()
