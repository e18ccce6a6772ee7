"""A person's files are opened in one place, which never waits and never reads without end."""

import ast
import os
from pathlib import Path

import numpy as np
import pytest

import vaiopt
from tests.special_files import MAKERS
from vaiopt import reading
from vaiopt.data import load_dataset
from vaiopt.errors import VaioptError
from vaiopt.files import json_object, read_arrays, read_json
from vaiopt.hardware import load_target
from vaiopt.int8.positions import read_positions
from vaiopt.models import load_family
from vaiopt.quantize.checks import load_calibration
from vaiopt.runs.layout import open_run
from vaiopt.search.execution.dask import _address_in
from vaiopt.settings import load_settings
from vaiopt.study.storage import open_study

READERS = {
    "bytes": ("a", reading.read_bytes),
    "text": ("a", reading.read_text),
    "parts": ("a", lambda path: list(reading.parts(path))),
    "JSON": ("a.json", lambda path: json_object(path, "mend it")),
    "JSON of a run": ("a.json", lambda path: read_json(path, "make it")),
    "arrays of a run": ("a.npz", lambda path: read_arrays(path, ["x"], "make it")),
    "data": ("a.npz", lambda path: load_dataset(str(path))),
    "data of a function": ("a.py", lambda path: load_dataset(f"{path}:load")),
    "calibration data": ("a.npz", load_calibration),
    "settings": ("a.toml", load_settings),
    "a target": ("a.json", lambda path: load_target(str(path))),
    "fix positions": ("a.json", lambda path: read_positions(path, "make it")),
    "a scheduler file": ("a.json", lambda path: _address_in(str(path))),
    "a model function": ("a.py", lambda path: load_family(f"{path}:build")),
}


@pytest.mark.parametrize("kind", sorted(MAKERS))
@pytest.mark.parametrize("reader", sorted(READERS))
def test_what_is_no_file_is_refused_at_once(tmp_path, reader, kind):
    name, read = READERS[reader]
    MAKERS[kind](tmp_path / name)
    with pytest.raises((VaioptError, OSError)) as caught:
        read(tmp_path / name)
    if kind in ("pipe", "socket", "folder", "device"):
        assert kind in str(caught.value) or "neither an .npz" in str(caught.value)


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_a_journal_that_is_no_file_is_refused(tmp_path, kind):
    (tmp_path / "run.toml").write_text("version = 1\n", encoding="utf-8")
    MAKERS[kind](tmp_path / "study.journal")
    with pytest.raises(VaioptError, match=kind):
        open_study(open_run(tmp_path))


def test_what_becomes_a_pipe_while_it_is_opened_is_not_waited_for(tmp_path, monkeypatch):
    os.mkfifo(str(tmp_path / "a"))
    monkeypatch.setattr(reading, "check_regular", lambda path: None)
    with pytest.raises(reading.Refused, match="pipe"):
        reading.open_regular(tmp_path / "a")


def test_more_than_the_limit_is_not_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"x" * 101)
    assert reading.read_bytes(path, 101) == b"x" * 101
    with pytest.raises(reading.Refused, match="larger than"):
        reading.read_bytes(path, 100)
    with path.open("r+b") as file:
        file.truncate(10 * reading.LARGEST)  # sparse: it takes no room
    for read in (lambda p: json_object(p, "mend it"), load_settings):
        with pytest.raises(VaioptError, match="larger than"):
            read(path)


def test_a_file_that_is_longer_than_it_says_is_read_up_to_the_limit(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 1000)
    monkeypatch.setattr(reading, "check_size", lambda file, largest: None)
    monkeypatch.setattr(reading, "PART", 10)
    with pytest.raises(reading.Refused, match="larger than"):
        reading.read_bytes(path, 100)


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    paths = {}
    for name, (file, _) in READERS.items():
        paths[name] = tmp_path / file
        paths[name].write_text("", encoding="utf-8")

    def closed(path, *arguments, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", closed)  # to root everything is open
    for name in ("JSON", "data", "calibration data", "settings", "a target", "fix positions"):
        with pytest.raises(VaioptError, match=r"a\.\w+.*Permission denied"):
            READERS[name][1](paths[name])


def test_line_ends_are_those_of_this_system(tmp_path):
    (tmp_path / "a").write_bytes(b"a\r\nb\rc\n")
    assert reading.read_text(tmp_path / "a") == "a\nb\nc\n"


OWN_FILES = {
    "present/theme.py": "comes with the package",
    "present/sheet.py": "comes with the package",
    "report/page.py": "comes with the package",
    "hardware/architectures.py": "comes with the package",
    "releases.py": "comes with the package",
    "network/verdicts.py": "comes with the package",
    "memory.py": "the system's",
    "study/journal.py": "looked at before",
    "search/execution/dask_worker.py": "written by the worker a moment ago",
    "data/sources/keras_files.py": "downloaded a moment ago",
}
"""Modules that read files by themselves, and why they may."""

READS = ("read_text", "read_bytes", "load", "fromfile", "loadtxt", "genfromtxt")


def reads(tree: ast.AST):
    """The calls in a module that read a file by a path."""
    for node in ast.walk(tree):
        function = getattr(node, "func", None)
        if not isinstance(function, ast.Attribute) or function.attr not in READS:
            continue
        owner = getattr(function.value, "id", "")
        if function.attr not in ("read_text", "read_bytes") and owner not in ("np", "numpy"):
            continue
        if owner != "reading":
            yield function.attr


def test_no_other_module_reads_a_file_by_itself():
    root = Path(vaiopt.__file__).parent
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if any(reads(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert found <= set(OWN_FILES), "open it by vaiopt.reading"
    assert np.load  # the name under which numpy is looked for
