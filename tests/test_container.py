"""``vaiopt container`` writes what docker/build needs, for somebody without a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vaiopt.container as container
import vaiopt.sheets.results  # noqa: F401  what the results show
from vaiopt.errors import MissingToolError, RunError
from vaiopt.present.shown import sheet_of

ROOT = Path(__file__).resolve().parent.parent


def answer(program: Path, *words: str) -> str:
    done = subprocess.run([str(program), *words], stdout=subprocess.PIPE, check=True)
    return done.stdout.decode("utf-8")


def written(folder: Path) -> None:
    """What must be there and work, wherever it was written from."""
    assert "docker/run" in answer(folder / "run", "--help")
    assert "3.0" in answer(folder / "build", "--help")
    lines = (ROOT / "docker" / "Dockerfile").read_text("utf-8").splitlines()
    for line in lines:
        words = [word for word in line.split()[1:-1] if not word.startswith("--")]
        for name in words if line.startswith("COPY") else ():
            assert (folder / "source" / name.replace("${VITIS_RELEASE}", "3.0")).exists(), name
    assert (folder / "source" / "board" / "run_model.py").is_file()
    assert not list(folder.rglob("__pycache__"))
    assert os.access(str(folder / "source" / "docker" / "entrypoint"), os.X_OK)
    # The checksum that docker/run compares with the image's.
    library = folder / "source" / "docker" / "lib"
    words = ["bash", "-euc", f". '{library}'; sources_id"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    assert done.stdout.strip() and not done.stderr


def test_it_works_from_a_checkout_and_again(tmp_path: Path) -> None:
    for _ in range(2):
        result = container.write_container(tmp_path / "docker", "2.5")
        written(tmp_path / "docker")
    assert result.build.endswith("docker/build --release 2.5")


def test_what_a_person_put_into_the_folder_stays_and_old_sources_go(tmp_path: Path) -> None:
    folder = tmp_path / "docker"
    assert container.write_container(folder).kept == ()
    (folder / "notes.txt").write_text("mine", "utf-8")
    (folder / "keys").mkdir()
    (folder / "source" / "vaiopt" / "gone.py").write_text("", "utf-8")
    (folder / "run").write_text("damaged", "utf-8")
    result = container.write_container(folder)
    assert result.kept == ("keys", "notes.txt")
    assert "kept, as it was: keys, notes.txt" in sheet_of(result).to_text()
    assert (folder / "notes.txt").read_text("utf-8") == "mine"
    assert not (folder / "source" / "vaiopt" / "gone.py").exists()
    written(folder)


def test_it_works_from_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What setup.py puts into the wheel is all that is needed."""
    site = tmp_path / "site"
    program = (
        "import sys, os; sys.argv = ['setup.py', '-q', 'build_py', '--build-lib', sys.argv[1]];"
        " exec(open('setup.py').read())"
    )
    tree = tmp_path / "tree"
    for name in ("vaiopt", "board", "docker"):
        left = shutil.ignore_patterns("__pycache__")
        shutil.copytree(str(ROOT / name), str(tree / name), ignore=left)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "scripts/setup-lib"):
        (tree / name).parent.mkdir(exist_ok=True)
        shutil.copy(str(ROOT / name), str(tree / name))
    words = [sys.executable, "-c", program, str(site)]
    subprocess.run(words, cwd=str(tree), check=True, stderr=subprocess.DEVNULL)
    monkeypatch.setattr(container, "PACKAGE", site / "vaiopt")
    container.write_container(tmp_path / "docker")
    written(tmp_path / "docker")
    assert not (tmp_path / "docker" / "source" / "vaiopt" / "_docker").exists()


def test_a_folder_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    with pytest.raises(RunError, match="there already") as caught:
        container.write_container(tmp_path / "docker")
    assert "vaiopt container FOLDER" in caught.value.hint
    with pytest.raises(RunError) as caught:
        container.write_container(ROOT / "docker")
    assert "docker/build" in caught.value.hint


def test_an_installation_that_lacks_the_files_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "PACKAGE", tmp_path / "vaiopt")
    with pytest.raises(MissingToolError):
        container.write_container(tmp_path / "docker")
    assert not (tmp_path / "docker").exists()
