"""MNIST and its kin are read as they are given away."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from vaiopt.data import load_dataset
from vaiopt.errors import DataError

RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.randint(0, 256, (30, 9, 8)).astype(np.uint8)
LABELS = (np.arange(30) % 3).astype(np.uint8)
CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx(array: np.ndarray) -> bytes:
    code = CODES[array.dtype.str[1:]]
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A training set, packed, and a test set, as it is."""
    for name, array in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
        packed = gzip.compress(idx(array))
        (tmp_path / f"train-{name}-ubyte.gz").write_bytes(packed)
        (tmp_path / f"t10k-{name}-ubyte").write_bytes(idx(array[:10]))
    return tmp_path


def test_images_and_labels_of_both_sets_are_read(folder: Path) -> None:
    found = load_dataset(str(folder))
    assert found.x.shape == (30, 9, 8, 1) and np.array_equal(found.x[..., 0], IMAGES)
    assert found.task == "classification" and np.array_equal(found.y, LABELS)
    assert found.test_x is not None and np.array_equal(found.test_x[..., 0], IMAGES[:10])
    again = load_dataset(str(folder / "train-images-idx3-ubyte.gz"))
    assert again.sha256() == found.sha256()


@pytest.mark.parametrize("kind", sorted(CODES))
def test_all_types_are_read_the_highest_byte_first(tmp_path: Path, kind: str) -> None:
    x = (np.arange(60).reshape(20, 3) * 2).astype(kind)
    (tmp_path / "train-images.idx2-ubyte").write_bytes(idx(x))
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(idx(LABELS[:20]))
    found = load_dataset(str(tmp_path))
    assert np.array_equal(found.x, x.astype(found.x.dtype)) and found.x.dtype.isnative


def test_of_several_data_sets_in_a_folder_one_is_named(folder: Path) -> None:
    for kind in ("images-idx3", "labels-idx1"):
        content = (folder / f"train-{kind}-ubyte.gz").read_bytes()
        (folder / f"emnist-letters-train-{kind}-ubyte.gz").write_bytes(content)
    with pytest.raises(DataError, match="holds 2 data sets") as caught:
        load_dataset(str(folder))
    assert "train-images-idx3" in caught.value.hint
    letters = load_dataset(str(folder / "emnist-letters-train-images-idx3-ubyte.gz"))
    assert len(letters.x) == 30 and letters.test_x is None


def damaged(content: bytes, how: str) -> bytes:
    inside = gzip.decompress(content)
    return {
        "empty": b"",
        "no gzip": inside,
        "cut off": content[:50],
        "text": gzip.compress(b"<html>not found</html>"),
        "fewer": gzip.compress(inside[:-7]),
        "more": gzip.compress(inside + b"x"),
        "huge": gzip.compress(inside[:4] + b"\xff" * 12 + inside[16:]),
        "no axis": gzip.compress(inside[:3] + b"\0" + inside[4:]),
    }[how]


@pytest.mark.parametrize(
    "how", ["empty", "no gzip", "cut off", "text", "fewer", "more", "huge", "no axis"]
)
def test_damaged_files_are_refused_by_name(folder: Path, how: str) -> None:
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(damaged(path.read_bytes(), how))
    with pytest.raises(DataError, match="train-images-idx3-ubyte.gz"):
        load_dataset(str(folder))


def test_files_in_folders_called_so_are_read_where_there_are_no_others(folder: Path) -> None:
    whole = load_dataset(str(folder)).sha256()
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        inside = folder / "folders" / path.name
        inside.mkdir(parents=True)
        (inside / path.name).write_bytes(content)
    assert load_dataset(str(folder / "folders")).sha256() == whole
    assert load_dataset(str(folder)).sha256() == whole


def test_what_is_missing_or_there_twice_is_said(folder: Path) -> None:
    labels = folder / "train-labels-idx1-ubyte.gz"
    (folder / "train-labels-idx1-ubyte").write_bytes(gzip.decompress(labels.read_bytes()))
    with pytest.raises(DataError, match="labels of 'train' twice"):
        load_dataset(str(folder))
    (folder / "train-labels-idx1-ubyte").unlink()
    labels.unlink()
    with pytest.raises(DataError, match="holds no array 'y'"):
        load_dataset(str(folder))
