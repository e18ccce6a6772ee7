import json
import os
import zipfile

import numpy as np
import pytest

from vaiopt.errors import RunError
from vaiopt.files import atomic_folder, atomic_path, read_arrays, read_json, require, write_json


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


def test_a_folder_that_cannot_be_swapped_in_leaves_the_old_one_in_its_place(tmp_path, monkeypatch):
    folder = tmp_path / "f"
    with atomic_folder(folder) as new:
        (new / "old").write_text("1")
    replace, calls = os.replace, []

    def failing(source, target):
        calls.append(source)
        if len(calls) == 2:
            raise OSError("no space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError), atomic_folder(folder) as new:
        (new / "new").write_text("2")
    assert [p.name for p in folder.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


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
