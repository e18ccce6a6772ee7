"""sdist and wheel: the same files whenever and wherever they are built, and complete."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
MADE_BY_SETUPTOOLS = {"PKG-INFO", "setup.cfg"}
CODE = """
import sys
from setuptools import build_meta
out = sys.argv[1]  # setuptools writes words of its own there
build_meta.build_sdist(out)
build_meta.build_wheel(out)
"""


class Built(NamedTuple):
    """The two files of a release."""

    sdist: Path
    wheel: Path

    def digests(self) -> List[str]:
        """Return their SHA-256."""
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in self]

    def names_in_sdist(self) -> List[str]:
        """Return the files of the sdist, without its folder."""
        with tarfile.open(str(self.sdist)) as file:
            return [m.name.split("/", 1)[1] for m in file.getmembers() if m.isfile()]


def project_files() -> Optional[List[str]]:
    """The files that are or will be committed; None where this is no checkout."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        return None
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(words, cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        return None
    names = done.stdout.decode("utf-8").split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def copy_project(folder: Path) -> None:
    files = project_files()
    if files is None:
        left_out = shutil.ignore_patterns("__pycache__", ".*_cache", "build", "dist", "runs")
        shutil.copytree(str(ROOT), str(folder), ignore=left_out)
        return
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(str(ROOT / name), str(folder / name))


def build(folder: Path, umask: str = "022", **variables: str) -> Built:
    """Build from the copy in a folder, under a umask and with variables of the environment."""
    environment: Dict[str, str] = {**os.environ, **variables}
    if "SOURCE_DATE_EPOCH" not in variables:
        environment.pop("SOURCE_DATE_EPOCH", None)
    out = folder.parent / (folder.name + "-dist")
    out.mkdir()
    done = subprocess.run(
        ["sh", "-c", f'umask {umask}; exec "$@"', "sh", sys.executable, "-c", CODE, str(out)],
        cwd=str(folder),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout.decode()[-3000:]
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    tree = tmp_path_factory.mktemp("one") / "tree"
    copy_project(tree)
    return build(tree, TZ="UTC")


@pytest.fixture(scope="module")
def built_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """From files of other times and modes, by somebody with another umask, time zone and seed."""
    tree = tmp_path_factory.mktemp("two") / "another" / "folder"
    copy_project(tree)
    for number, path in enumerate(sorted(tree.rglob("*"))):
        if path.is_file():
            path.chmod(0o700 if os.access(str(path), os.X_OK) else 0o660)
            os.utime(str(path), (1_000_000_000 + number, 1_000_000_000 + number))
    return build(tree, "077", TZ="Asia/Tokyo", PYTHONHASHSEED="7", LC_ALL="C")


@pytest.mark.slow
def test_two_builds_are_the_same_bit_by_bit(built: Built, built_elsewhere: Built) -> None:
    assert built.sdist.name == built_elsewhere.sdist.name
    assert built.wheel.name == built_elsewhere.wheel.name
    assert built.digests() == built_elsewhere.digests()


@pytest.mark.slow
def test_the_date_is_the_one_asked_for_and_nothing_tells_of_the_builder(tmp_path: Path) -> None:
    copy_project(tmp_path / "tree")
    built = build(tmp_path / "tree", "077", SOURCE_DATE_EPOCH="1700000002")
    assert built.sdist.read_bytes()[4:8] == (1700000002).to_bytes(4, "little"), "of gzip"
    with tarfile.open(str(built.sdist)) as sdist:
        members = sdist.getmembers()
    assert {m.mtime for m in members} == {1700000002}
    assert {(m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, "", "")}
    assert {m.mode for m in members if m.isfile()} == {0o644, 0o755}
    assert {m.mode for m in members if m.isdir()} == {0o755}
    assert [m.name for m in members] == sorted(m.name for m in members)
    executable = {m.name.split("/", 1)[1] for m in members if m.isfile() and m.mode & 0o100}
    assert "scripts/test" in executable and "setup.py" not in executable
    with zipfile.ZipFile(str(built.wheel)) as wheel:
        entries = wheel.infolist()
        assert wheel.testzip() is None
    assert {entry.date_time for entry in entries} == {(2023, 11, 14, 22, 13, 22)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}


@pytest.mark.slow
def test_the_wheel_of_the_sdist_is_that_of_the_sources(built: Built, tmp_path: Path) -> None:
    with tarfile.open(str(built.sdist)) as file:
        file.extractall(str(tmp_path))
    (tree,) = tmp_path.iterdir()
    assert built.digests()[1] == build(tree).digests()[1]


@pytest.mark.slow
def test_the_sdist_holds_every_file_of_the_repository(built: Built) -> None:
    files = project_files()
    if files is None:
        pytest.skip("no checkout of git: there is no list of files to compare with")
    names = {
        name
        for name in built.names_in_sdist()
        if name not in MADE_BY_SETUPTOOLS and not name.startswith("vaiopt.egg-info/")
    }
    assert set(files) - names == set(), "missing: add them to MANIFEST.in"
    assert names - set(files) == set(), "not of the project"


def test_every_place_with_files_of_the_project_is_in_the_manifest() -> None:
    files = project_files()
    if files is None:
        pytest.skip("no checkout of git: there is no list of files to compare with")
    lines = [line.split() for line in (ROOT / "MANIFEST.in").read_text().splitlines()]
    included = {word for line in lines if line[0] == "include" for word in line[1:]}
    grafted = {line[1] for line in lines if line[0] == "graft"}
    # These setuptools adds by itself.
    included |= {"pyproject.toml", "setup.py"}
    places = {name.split("/")[0] for name in files}
    assert places == included | grafted
