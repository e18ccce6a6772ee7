"""The choice of a candidate, and the links that show it to people."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, List, Optional

import pytest

from tests.made_runs import made_candidate, metrics_of
from vaiopt.files import write_text
from vaiopt.record import read_record, write_record
from vaiopt.runs import choice
from vaiopt.runs.choice import refresh_links, write_chosen
from vaiopt.runs.layout import Run
from vaiopt.runs.records import CandidateMetrics, Chosen

LINKS = ("chosen", "quantized", "compiled", "bundle", "measured")

CHOOSE = """
import sys
from vaiopt.runs.choice import write_chosen
from vaiopt.runs.layout import Run
from vaiopt.runs.records import Chosen
sys.stdin.readline()
for turn in range(30):
    write_chosen(Run(sys.argv[1]), Chosen((int(sys.argv[2]),), "person"))
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Two candidates, of which the first is chosen and was brought as far as a measurement."""
    run = made_candidate(tmp_path / "run").run
    for number in (0, 1):
        candidate = run.trial(number)
        write_record(candidate.metrics, metrics_of(number))
        write_text(candidate.model, f"model {number}")
        write_text(candidate.data, "recipe")
    first = run.trial(0)
    write_text(first.quantized_model, "int8")
    write_text(first.compiled("cpu") / "model.tflite", "compiled")
    write_text(first.bundle("cpu") / "manifest.json", "bundle")
    write_text(first.measured("cpu"), "measured")
    write_chosen(run, Chosen((0,)))
    return run


def shown(run: Run) -> Optional[int]:
    """The trial that the links show, checked to be one; None without links."""
    if not (run.folder / "chosen").is_symlink():
        return None
    metrics = read_record(run.folder / "float" / "metrics.json", CandidateMetrics, "")
    assert (run.folder / "float" / "model.h5").read_text() == f"model {metrics.trial}"
    assert os.readlink(str(run.folder / "chosen")) == f"trials/{metrics.trial:04d}"
    return metrics.trial


def litter(run: Run) -> List[str]:
    return [path.name for path in run.folder.iterdir() if path.name.startswith(".")]


def test_the_links_show_what_was_made_of_the_chosen_one(run: Run) -> None:
    assert shown(run) == 0
    top = run.folder
    assert (top / "quantized" / "quantized.h5").read_text() == "int8"
    assert (top / "compiled" / "cpu" / "model.tflite").read_text() == "compiled"
    assert (top / "bundle" / "cpu" / "manifest.json").read_text() == "bundle"
    assert (top / "measured" / "cpu.json").read_text() == "measured"
    for name in LINKS:
        assert (top / name).is_symlink() and not os.readlink(str(top / name)).startswith("/")
    assert all(path.is_symlink() for path in (top / "float").iterdir())


def test_another_choice_shows_only_what_there_is_of_the_other_and_loses_nothing(run: Run) -> None:
    write_chosen(run, Chosen((1,), "person"))
    assert run.chosen.number == shown(run) == 1
    assert not any(os.path.lexists(str(run.folder / name)) for name in LINKS[1:])
    assert run.trial(0).quantized_model.read_text() == "int8"
    write_chosen(run, Chosen((0,)))
    assert shown(run) == 0 and (run.folder / "quantized" / "quantized.h5").is_file()
    assert litter(run) == []


def test_only_what_is_made_of_the_chosen_one_is_shown(run: Run) -> None:
    write_chosen(run, Chosen((1,)))
    write_text(run.trial(0).evaluation, "0")
    refresh_links(run.trial(0))
    assert shown(run) == 1
    write_text(run.trial(1).quantized_model, "int8 of 1")
    refresh_links(run.trial(1))
    assert (run.folder / "quantized" / "quantized.h5").read_text() == "int8 of 1"


def test_nothing_is_shown_before_something_is_chosen(run: Run) -> None:
    bare = Run(run.folder.parent / "bare")
    write_text(bare.trial(0).model, "model")
    refresh_links(bare.trial(0))
    assert [path.name for path in bare.folder.iterdir()] == ["trials"]


def test_two_that_choose_at_once_leave_a_whole_choice(run: Run) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CHOOSE, str(run.folder), str(number)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in (0, 1)
    ]
    for process in processes:
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    assert shown(run) == run.chosen.number
    assert (run.folder / "quantized").exists() == (run.chosen.number == 0)
    assert litter(run) == []


def test_a_run_that_was_copied_with_its_links_followed_is_mended(run: Run, tmp_path: Path) -> None:
    shutil.copytree(str(run.folder), str(tmp_path / "copy"))
    copy = Run(tmp_path / "copy")
    assert shown(copy) is None and (copy.folder / "quantized").is_dir()
    write_chosen(copy, Chosen((1,)))
    assert shown(copy) == 1
    assert not (copy.folder / "quantized").exists()
    assert copy.trial(0).quantized_model.read_text() == "int8"


def test_a_run_can_be_moved(run: Run, tmp_path: Path) -> None:
    run.folder.rename(tmp_path / "moved")
    assert shown(Run(tmp_path / "moved")) == 0


@pytest.mark.parametrize("error", [OSError(95, "not supported"), NotImplementedError()])
def test_without_links_the_choice_is_made_all_the_same(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    shutil.rmtree(str(run.folder / "float"))
    for name in LINKS:
        (run.folder / name).unlink()
    monkeypatch.setattr(choice.os, "symlink", refuse)
    write_chosen(run, Chosen((1,), "person"))
    refresh_links(run.trial(1))
    assert run.chosen.number == 1 and shown(run) is None
    assert litter(run) == []
    names = {path.name for path in run.folder.iterdir()}
    assert names == {"run.toml", "trials", "chosen.json"}


def test_without_links_a_copy_of_the_earlier_choice_is_not_left_to_mislead(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(95, "not supported")

    shutil.copytree(str(run.folder), str(tmp_path / "copy"))
    copy = Run(tmp_path / "copy")
    monkeypatch.setattr(choice.os, "symlink", refuse)
    write_chosen(copy, Chosen((1,)))
    names = {path.name for path in copy.folder.iterdir()}
    assert names == {"run.toml", "trials", "chosen.json"}


@pytest.mark.parametrize("name", ["float", "quantized"])
def test_a_folder_of_a_person_s_own_in_the_place_of_a_link_is_kept(run: Run, name: str) -> None:
    for turn in ("own", "own2"):
        place = run.folder / name
        place.unlink() if place.is_symlink() else shutil.rmtree(str(place))
        write_text(place / "notes.txt", turn)
        write_chosen(run, Chosen((0,)))
        assert (run.folder / f"{name}.{turn}" / "notes.txt").read_text() == turn
        assert shown(run) == 0


@pytest.mark.parametrize("name", ["chosen", "float", "compiled"])
def test_a_file_or_a_link_of_a_person_s_own_is_kept_too(
    run: Run, name: str, tmp_path: Path
) -> None:
    place = run.folder / name
    place.unlink() if place.is_symlink() else shutil.rmtree(str(place))
    place.write_text("notes")
    write_chosen(run, Chosen((0,)))
    assert (run.folder / f"{name}.own").read_text() == "notes" and shown(run) == 0
    place.unlink() if place.is_symlink() else shutil.rmtree(str(place))
    place.symlink_to(tmp_path)
    write_chosen(run, Chosen((0,)))
    assert os.readlink(str(run.folder / f"{name}.own2")) == str(tmp_path) and shown(run) == 0
