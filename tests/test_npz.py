"""What an ``.npz`` file says of itself is looked at before anything is unpacked."""

import io
import random
import struct
import time
import zipfile

import numpy as np
import pytest

from vaiopt import memory, npz
from vaiopt.data import load_dataset
from vaiopt.errors import DataError
from vaiopt.npz import NpzError, few_names, load_npz
from vaiopt.quantize.checks import load_calibration


def header(shape, descr="|u1", order=False):
    """An ``.npy`` file without its values."""
    text = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape!r}, }}"
    return raw_header(text.encode("latin-1"))


def raw_header(text, version=2):
    length = struct.pack("<H" if version == 1 else "<I", len(text) + 1)
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + b"\n"


def archive(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(str(path), "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def refused(path, wanted=("x", "y")):
    started = time.perf_counter()
    with pytest.raises(NpzError) as caught:
        load_npz(path, wanted)
    assert time.perf_counter() - started < 30
    return caught.value


ARRAYS = {
    "uint8": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "float": np.linspace(0, 1, 7),
    "big-endian": np.arange(5, dtype=">i4"),
    "bool": np.array([True, False]),
    "text": np.array(["a", "größe"]),
    "bytes": np.array([b"a", b"bc"]),
    "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "scalar": np.float32(3),
    "empty": np.zeros((0, 3), np.float32),
    "complex": np.ones(3, complex),
    "date": np.array(["2020-01-01"], "M8[D]"),
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_writes_is_read_as_numpy_reads_it(tmp_path, save):
    save(str(tmp_path / "a.npz"), **{name.replace("-", "_"): a for name, a in ARRAYS.items()})
    with np.load(str(tmp_path / "a.npz")) as expected:
        found = load_npz(tmp_path / "a.npz", expected.files)
        assert list(found) == expected.files
        for name in expected.files:
            assert found[name].dtype == expected[name].dtype
            assert found[name].shape == expected[name].shape
            assert (found[name] == expected[name]).all()


def test_the_header_that_python_2_and_other_programs_write_is_read(tmp_path):
    texts = (
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 3L), }",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (2,3), }",
        b"{'descr':'|u1','fortran_order':False,'shape':(2, 3)}    ",
    )
    for text in texts:
        content = raw_header(text, version=1) + bytes(range(6))
        if b"2L" in text:  # numpy takes out the L where the version is 1, or warns
            content = content[:-6].replace(b"L", b" ") + bytes(range(6))
        archive(tmp_path / "a.npz", [("x.npy", content)])
        assert load_npz(tmp_path / "a.npz", ["x"])["x"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_arrays_that_are_not_wanted_are_not_even_looked_at(tmp_path):
    pickled = np.array([{}, None], dtype=object)
    np.savez(str(tmp_path / "a.npz"), x=np.ones(3), other=pickled)
    assert load_npz(tmp_path / "a.npz", ["x"])["other"] is None
    assert refused(tmp_path / "a.npz", ["other"]).kind == "pickled"


def test_a_bomb_is_told_its_size_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 10**6)
    np.savez_compressed(str(tmp_path / "a.npz"), x=np.zeros((20, 200, 200), np.uint8), y=np.ones(3))
    monkeypatch.setattr(npz, "_unpack", lambda *arguments: pytest.fail("it was unpacked"))
    error = refused(tmp_path / "a.npz")
    assert error.kind == "large" and "0.8 MB" in str(error) and "1.0 MB are free" in str(error)
    with pytest.raises(DataError, match="a.npz.*does not fit into memory.*0.8 MB"):
        load_dataset(str(tmp_path / "a.npz"))
    with pytest.raises(DataError, match="a.npz.*0.8 MB"):
        load_calibration(tmp_path / "a.npz")


def test_a_bomb_of_many_arrays_counts_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 10**6)
    many = {f"a{i}": np.zeros(10**5, np.uint8) for i in range(10)}
    np.savez_compressed(str(tmp_path / "a.npz"), **many)
    assert load_npz(tmp_path / "a.npz", ["a1", "a2"])["a1"].sum() == 0
    assert refused(tmp_path / "a.npz", many).kind == "large"


LIES = {
    "many values, none there": (header((10, 10)), "holds 0"),
    "few values, many there": (header((3,)) + bytes(10**6), "holds 1000000"),
    "a value too few": (header((3,)) + b"ab", "holds 2"),
    "values of no bytes": (header((10**17,), "|S0"), "0 bytes"),
    "a negative shape": (header((-1,)), "header"),
    "records": (header((1,), [("a", "<f4")]) + bytes(4), "records"),
    "python objects": (header((1,), "|O") + b"cos\nsystem\n(S'true'\ntR.", "pickled"),
    "no such type": (header((1,), "hello") + b"a", "not understood"),
    "a text that is executed": (raw_header(b"__import__('os').system('true')"), "header"),
    "a long text": (raw_header(b"(" * 10**6), "1000001 characters"),
    "a deep text": (raw_header(b"-" * 9000 + b"1"), "header"),
    "many digits": (raw_header(header((1,))[12:-1].replace(b"1", b"1" * 9000)), "header"),
    "many spaces": (raw_header(b"{" + b" " * 9900), "header"),
    "another archive": (b"PK\3\4" + bytes(100), "no array"),
    "nothing": (b"", "no array"),
    "a header that is cut off": (header((3,))[:20], "cut off"),
    "a length that is cut off": (header((3,))[:9], "error"),
}


@pytest.mark.parametrize("lie", sorted(LIES))
def test_a_header_that_lies_is_refused(tmp_path, lie):
    content, told = LIES[lie]
    error = refused(archive(tmp_path / "a.npz", [("x.npy", content)]))
    assert told in str(error) and error.array == "x"
    with pytest.raises(DataError, match="x"):
        load_dataset(str(tmp_path / "a.npz"))


def test_an_archive_that_lies_on_sizes_is_refused(tmp_path):
    content = header((3,)) + b"abc"
    path = archive(tmp_path / "a.npz", [("x.npy", content)], zipfile.ZIP_STORED)
    size = struct.pack("<I", len(content))
    more = struct.pack("<I", len(content) + 10**9)
    path.write_bytes(path.read_bytes().replace(size, more))
    assert "holds 1000000003" in str(refused(path))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_that_have_no_bound_are_refused(tmp_path, method):
    path = archive(tmp_path / "a.npz", [("x.npy", header((3,)) + b"abc")], method)
    assert "packed" in str(refused(path))


def test_encrypted_and_doubled_arrays_are_refused(tmp_path):
    content = header((3,)) + b"abc"
    path = archive(tmp_path / "a.npz", [("x.npy", content)])
    whole = bytearray(path.read_bytes())
    whole[whole.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(bytes(whole))
    assert "encrypted" in str(refused(path))
    with pytest.warns(UserWarning, match="Duplicate"):
        archive(path, [("x.npy", content), ("x.npy", content)])
    assert "twice" in str(refused(path))
    archive(path, [("x.npy", content), ("x", content)])
    assert "twice" in str(refused(path))


def test_an_archive_of_a_hundred_thousand_members_is_refused(tmp_path):
    entry = struct.pack(
        "<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0
    )
    listed = (entry + b"x") * 100_000
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, len(listed), 0, 0)
    (tmp_path / "a.npz").write_bytes(b"PK\3\4"[:0] + listed + end)
    assert "too many arrays" in str(refused(tmp_path / "a.npz"))


def test_of_many_arrays_a_few_are_named(tmp_path):
    np.savez(str(tmp_path / "a.npz"), **{f"a{i}": np.ones(1) for i in range(1000)})
    with pytest.raises(DataError, match="and 990 more") as caught:
        load_dataset(str(tmp_path / "a.npz"))
    assert len(caught.value.message) < 400
    assert few_names([]) == "nothing" and few_names("ba") == "a, b"


def test_whatever_is_damaged_there_is_one_error(tmp_path):
    made = io.BytesIO()
    np.savez_compressed(made, x=np.arange(500), y=np.array(["a", "b"]))
    whole, draw, path = made.getvalue(), random.Random(0), tmp_path / "a.npz"
    for _ in range(600):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(len(damaged))
            damaged[place : place + draw.randint(0, 3)] = bytes([draw.randrange(256)])
        path.write_bytes(bytes(damaged[: draw.randint(1, 2 * len(damaged))]))
        try:
            found = load_npz(path, ("x", "y"))
        except NpzError:
            continue
        assert isinstance(found, dict)
