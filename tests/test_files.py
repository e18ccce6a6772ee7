import errno
import json
import os
import shutil
import zipfile

import numpy as np
import pytest

from tests.killing import hidden, steps_killed
from vaiopt import files
from vaiopt.errors import RunError
from vaiopt.files import (
    atomic_folder,
    atomic_path,
    check_file,
    check_folder,
    delete_leftovers,
    read_arrays,
    read_json,
    require,
    write_json,
)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"x": 1})
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text())["x"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_is_replaced_whole_or_stays_as_it_was(tmp_path):
    folder = tmp_path / "f"
    with atomic_folder(folder) as new:
        (new / "old").write_text("1")
    with pytest.raises(RuntimeError), atomic_folder(folder) as new:
        (new / "half").write_text("2")
        raise RuntimeError
    assert [p.name for p in folder.iterdir()] == ["old"]
    with atomic_folder(folder) as new:
        (new / "new").write_text("3")
    assert [p.name for p in folder.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


@pytest.fixture(params=["exchange", "two steps"])
def swap(request, monkeypatch):
    """Run a test on a file system that can exchange names, and on one that cannot."""
    if request.param == "two steps":

        def refused(*paths):
            if not all(os.path.lexists(path) for path in paths):
                raise FileNotFoundError(errno.ENOENT, "nothing is there")
            raise OSError(errno.EINVAL, "the file system cannot")

        monkeypatch.setattr(files, "_exchange", refused)
    return request.param


def old_and_new(folder):
    """Make a folder of two files, and return the function that puts another in its place."""

    def put(text):
        with atomic_folder(folder) as new:
            for name in ("a", "b"):
                write_json(new / name, {"text": text})

    put("old")
    return lambda: put("new")


def texts(folder):
    return {json.loads((folder / name).read_text())["text"] for name in ("a", "b")}


def test_a_folder_that_cannot_be_swapped_in_leaves_the_old_one_in_its_place(
    tmp_path, monkeypatch, swap
):
    folder = tmp_path / "f"
    put = old_and_new(folder)
    rename = os.rename

    def failing(source, target):
        if str(target) == str(folder) and not str(source).endswith("~"):
            raise OSError(errno.ENOSPC, "no space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", failing)
    if swap == "exchange":
        monkeypatch.setattr(files, "_exchange", lambda one, other: failing(one, other))
    with pytest.raises(OSError):
        put()
    assert texts(folder) == {"old"}
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_killed_at_any_step_a_folder_is_the_old_one_or_the_new_one(tmp_path, swap):
    folder = tmp_path / "x" / "f"
    gaps = []

    def before():
        shutil.rmtree(str(folder.parent), ignore_errors=True)
        before.put = old_and_new(folder)

    def check(number):
        if swap == "exchange" or folder.exists():
            assert texts(folder) in ({"old"}, {"new"})
        else:
            gaps.append(number)
        delete_leftovers(folder.parent)
        assert texts(folder) in ({"old"}, {"new"})
        assert hidden(tmp_path) == []
        before.put()
        assert texts(folder) == {"new"}
        assert hidden(tmp_path) == []

    assert steps_killed(lambda: before.put(), before, check) > 10
    assert len(gaps) <= 1, "between two renames, where names cannot be exchanged"


def test_killed_at_any_step_a_file_is_the_old_one_or_the_new_one(tmp_path):
    path = tmp_path / "a.json"

    def check(number):
        assert json.loads(path.read_text())["x"] in (1, 2)
        write_json(path, {"x": 3})
        assert [p.name for p in tmp_path.iterdir()] == ["a.json"], "what was begun is deleted"

    killed = steps_killed(
        lambda: write_json(path, {"x": 2}), lambda: write_json(path, {"x": 1}), check
    )
    assert killed > 3


def test_a_folder_is_there_at_every_moment_while_it_is_replaced(tmp_path):
    folder = tmp_path / "f"
    put = old_and_new(folder)
    child = os.fork()
    if child == 0:
        for _ in range(300):
            put()
        os._exit(0)
    looks = 0
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        assert json.loads((folder / "a").read_text())["text"] in ("old", "new")
        looks += 1
    assert looks > 0


def test_several_processes_may_replace_one_folder(tmp_path):
    folder = tmp_path / "f"
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            try:
                for _ in range(50):
                    old_and_new(folder)()
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert texts(folder) == {"new"}
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_what_another_process_is_writing_is_no_leftover(tmp_path):
    with atomic_path(tmp_path / "a.txt") as path, atomic_folder(tmp_path / "f") as folder:
        (folder / "whole").write_text("1")
        child = os.fork()
        if child == 0:
            delete_leftovers(tmp_path)
            os._exit(0)
        os.waitpid(child, 0)
        path.write_text("2")
    assert (tmp_path / "a.txt").read_text() == "2"
    assert (tmp_path / "f" / "whole").read_text() == "1"


def test_hidden_files_of_others_are_no_leftovers(tmp_path):
    for name in (".git", ".f.abcd1234", ".old.f.abcd1234", ".nfs0001"):
        (tmp_path / name).write_text("")
    delete_leftovers(tmp_path)
    with atomic_folder(tmp_path / "f"):
        pass
    assert len(hidden(tmp_path)) == 4


def test_nan_is_refused_in_json_and_leaves_no_file(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text, says",
    [
        ("{", "not valid JSON"),
        ("[]", "does not hold a JSON object"),
        ('{"version": 99}', "format version 99"),
        ("{}", "format version None"),
        ("[" * 9999, "nested too deep"),
        ('{"a": "\\ud800"}', "half a character"),
    ],
)
def test_a_damaged_or_foreign_json_file_is_refused_with_the_command_that_makes_it(
    tmp_path, text, says
):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(RunError) as caught:
        read_json(path, "vaiopt report RUN")
    assert says in caught.value.message
    assert "a.json" in caught.value.message


def test_a_missing_file_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(RunError) as caught:
        require(tmp_path / "x", "vaiopt quantize RUN")
    assert "vaiopt quantize RUN" in caught.value.hint


def test_damaged_arrays_name_the_command_that_makes_them_again(tmp_path):
    path = tmp_path / "golden.npz"
    np.savez_compressed(str(path), inputs=np.arange(1000))
    whole = path.read_bytes()
    assert read_arrays(path, ["inputs"], "make it")["inputs"][-1] == 999
    middle = len(whole) // 2
    for damaged in (
        b"",
        b"PK",
        b"no zip",
        whole[:middle],
        whole[:middle] + b"\0" * 20 + whole[middle + 20 :],
    ):
        path.write_bytes(damaged)
        with pytest.raises(RunError) as caught:
            read_arrays(path, ["inputs"], "make it")
        assert "make it" in caught.value.hint
    path.write_bytes(whole)
    with pytest.raises(RunError, match="outputs"):
        read_arrays(path, ["outputs"], "make it")
    with pytest.raises(RunError):
        read_arrays(tmp_path / "none.npz", ["inputs"], "make it")


@pytest.mark.parametrize("name, member", [
    ("inputs", b"no array"),
    ("inputs.npy", b"no array"),
    ("inputs.npy", b"\x93NUMPY\x01\x00\x10\x00" + b"{{{{{{{{{{{{{{{(\n" + bytes(99)),
    ("inputs.npy", b"\x93NUMPY\x01\x00\x10\x00" + b"(((((((((((((((\n" + bytes(99)),
])  # fmt: skip
def test_a_member_that_is_no_array_is_refused(tmp_path, name, member):
    path = tmp_path / "golden.npz"
    with zipfile.ZipFile(str(path), "w") as file:
        file.writestr(name, member)
    with pytest.raises(RunError, match="golden.npz"):
        read_arrays(path, ["inputs"], "make it")


def test_an_array_that_says_it_is_larger_than_the_memory_is_refused(tmp_path):
    path = tmp_path / "golden.npz"
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999999,)}"
    head = head.ljust(117) + b"\n"
    with zipfile.ZipFile(str(path), "w") as file:
        file.writestr("inputs.npy", b"\x93NUMPY\x01\x00\x76\x00" + head + bytes(99))
    with pytest.raises(RunError, match="golden.npz"):
        read_arrays(path, ["inputs"], "make it")


@pytest.mark.parametrize("code", [0x110000, 0xD800, 0xDFFF, 2**32 - 1])
@pytest.mark.parametrize("order", "<>")
def test_texts_of_codes_that_are_no_characters_are_refused(tmp_path, code, order):
    path, good = tmp_path / "names.npz", np.array(["ab", "\U0010ffff"], order + "U2")
    np.savez(str(path), names=good)
    assert read_arrays(path, ["names"], "make it")["names"].tolist() == ["ab", "\U0010ffff"]
    codes = np.array([[97, code], [98, 0]], order + "u4")
    np.savez(str(path), names=codes.view(order + "U2")[:, 0])
    with pytest.raises(RunError, match="a text in it is none"):
        read_arrays(path, ["names"], "make it")


def test_a_message_is_no_longer_than_a_person_reads(tmp_path):
    path = tmp_path / "golden.npz"
    np.savez(str(path), inputs=np.arange(9))
    content = bytearray(path.read_bytes())
    content[26:28] = b"\xff\xff"  # the length of the first name
    path.write_bytes(bytes(content) + bytes(70000))
    with pytest.raises(RunError) as caught:
        read_arrays(path, ["inputs"], "make it")
    assert len(caught.value.message) < 1000


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path):
    (tmp_path / "results").mkdir()
    with pytest.raises(RunError, match="results' is a folder"), atomic_path(tmp_path / "results"):
        pytest.fail("nothing is written")


def test_a_file_in_the_way_of_a_path_is_named_before_anything_is_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="'.*file' is a file"):
        check_file(tmp_path / "file" / "x.npz")
    for folder in (tmp_path / "file", tmp_path / "file" / "more"):
        with pytest.raises(RunError, match="file' is a file") as caught:
            check_folder(folder, "Give another.")
        assert caught.value.hint == "Give another."
    assert check_folder(tmp_path / "new" / "more", "") == tmp_path / "new" / "more"
