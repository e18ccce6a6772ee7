"""Samples that stay in a file are the same samples, and never in memory at once."""

import os
import pickle
from dataclasses import replace

import numpy as np
import pytest

from vaiopt.data import split_dataset
from vaiopt.data.batches import SHUFFLED_AT_ONCE, DeviceData
from vaiopt.data.dataset import Request
from vaiopt.data.load import load_request
from vaiopt.data.rows import Place, Rows, rows_of_memmap
from vaiopt.data.threads import in_order
from vaiopt.errors import DataError

RANDOM = np.random.RandomState(0)
Y = np.arange(60) % 3


def images(dtype="uint8", count=60):
    return (RANDOM.rand(count, 4, 5, 3) * 250).astype(dtype)


def both(folder, source, **options):
    """Load a source in memory, and as it is in its file."""
    request = Request(source, base=str(folder), **options)
    return load_request(request), load_request(replace(request, in_memory_mb=0))


def write_hdf5(path, **arrays):
    h5py = pytest.importorskip("h5py")
    with h5py.File(str(path), "w") as file:
        for name, array in arrays.items():
            file[name] = array


def same_batches(one, other):
    """Return whether all batches of two datasets are the same, in two shuffled epochs."""
    drawn = []
    for dataset in (one, other):
        splits = split_dataset(dataset, seed=1)
        part, device = splits.train, DeviceData(dataset)
        data = device.batches(part.indices, splits.preprocessing, 16, labels=part.y, shuffle_seed=3)
        batches = [(x.numpy(), y.numpy()) for epoch in range(2) for x, y in data]
        drawn.append((splits.preprocessing, batches))
    (first, batches), (second, others) = drawn
    same = all(np.array_equal(a, b) for x, y in zip(batches, others) for a, b in zip(x, y))
    return first == second and same and len(batches) == len(others)


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int16", "float32", "float64", ">f4"])
def test_samples_of_every_type_are_the_same_from_file_and_memory(tmp_path, dtype):
    x = images(dtype)
    given = {"x": x, "y": Y, "x_test": x[:9], "y_test": Y[:9]}
    np.savez(str(tmp_path / "a.npz"), **given)
    for limit in (0, 40):
        one, other = both(tmp_path, "a.npz", limit=limit)
        assert isinstance(one.x, np.ndarray) and isinstance(other.x, Rows)
        assert other.x.dtype == one.x.dtype and other.x.shape == one.x.shape
        assert other.sha256() == one.sha256() and other.value_range == one.value_range
        assert np.array_equal(other.x[:], one.x) and np.array_equal(other.test_x[:], one.test_x)
    assert same_batches(one, other)


@pytest.mark.parametrize("name", ["x.npy", "big.npy", "a.h5", "packed.h5"])
def test_other_files_of_arrays_too(tmp_path, name):
    x = images()[..., 0].astype("float32")
    np.save(str(tmp_path / "x.npy"), x)
    np.save(str(tmp_path / "big.npy"), x)
    for labels in ("y.npy", "big_y.npy"):
        np.save(str(tmp_path / labels), Y)
    if name.endswith(".h5"):
        write_hdf5(tmp_path / "a.h5", x=x, Y=Y, classes=np.array([b"a", b"b", b"c"]))
        h5py = pytest.importorskip("h5py")
        with h5py.File(str(tmp_path / "packed.h5"), "w") as file:
            file.create_dataset("X", data=x, chunks=(7, 4, 5), compression="gzip")
            file["y"] = Y
    one, other = both(tmp_path, name)
    assert isinstance(other.x, Rows) and one.sample_shape == (4, 5)
    assert np.array_equal(other.x[:], one.x) and other.sha256() == one.sha256()
    assert np.array_equal(one.y, Y) and not one.notes
    assert one.classes == (("a", "b", "c") if name == "a.h5" else ("0", "1", "2"))


def test_images_in_a_file_are_resized_and_turned_grey_alike(tmp_path):
    np.savez(str(tmp_path / "a.npz"), x=images(), y=Y)
    one, other = both(tmp_path, "a.npz", image_size=(3, 3), grayscale=True)
    assert isinstance(other.x, Rows) and np.array_equal(other.x[:], one.x)
    assert one.sample_shape == (3, 3, 1)


def test_rows_are_read_in_any_order_and_sent_to_other_processes(tmp_path):
    x = images("float32")
    x.tofile(str(tmp_path / "x.bin"))
    rows = Rows(Place(str(tmp_path / "x.bin"), 0, x.shape, "<f4"))
    order = np.array([5, 4, 6, 7, 8, 59, 0, -1, 5])
    again = pickle.loads(pickle.dumps(rows.chosen(np.arange(10, 30))))
    assert np.array_equal(rows[order], x[order])
    assert np.array_equal(again[np.arange(3)], x[10:13]) and len(again) == 20
    assert np.array_equal(rows[Y == 2], x[Y == 2]) and np.array_equal(rows[3], x[3])
    assert rows[5:5].shape == (0, 4, 5, 3)
    with pytest.raises(IndexError):
        rows.take(np.array([60]))


def test_a_file_that_is_cut_off_meanwhile_is_an_error(tmp_path):
    path = tmp_path / "x.bin"
    images().tofile(str(path))
    rows = Rows(Place(str(path), 0, (60, 4, 5, 3), "|u1"))
    os.truncate(str(path), 300)
    with pytest.raises(DataError, match="was cut off while it was read"):
        rows[:]
    with pytest.raises(DataError, match="has 300 bytes, but its samples end at 3600"):
        Rows(rows.place)


def test_a_memory_mapped_array_stays_in_its_file(tmp_path):
    np.save(str(tmp_path / "x.npy"), images())
    mapped = np.load(str(tmp_path / "x.npy"), mmap_mode="r")
    for part in (mapped, mapped[7:20]):
        assert np.array_equal(rows_of_memmap(part)[:], part)
    assert rows_of_memmap(mapped[::2]) is None


def test_a_number_that_is_none_is_found_with_its_place(tmp_path):
    x = images("float32")
    x[41, 1, 2, 0] = np.nan
    np.savez(str(tmp_path / "a.npz"), x=x, y=Y)
    for options in ({}, {"in_memory_mb": 0}):
        with pytest.raises(DataError, match=r"holds nan at index \[41, 1, 2, 0\]"):
            load_request(Request("a.npz", base=str(tmp_path), **options))


def test_above_the_limit_the_hash_is_of_name_size_and_time(tmp_path, monkeypatch):
    monkeypatch.setattr("vaiopt.data.dataset.HASHED_WHOLE", 1000)
    np.savez(str(tmp_path / "a.npz"), x=images(), y=Y)
    contents, stamped = both(tmp_path, "a.npz")
    assert stamped.sha256() != contents.sha256()
    os.utime(str(tmp_path / "a.npz"), (1, 1))
    assert both(tmp_path, "a.npz")[1].sha256() != stamped.sha256()
    assert both(tmp_path, "a.npz", hashed="contents")[1].sha256() == contents.sha256()


@pytest.mark.parametrize(
    "name, message",
    [
        ("lone.npy", "are no labels"),
        ("short.h5", "x of 'short.h5' has 60 samples, but y of 'short.h5' has 59 labels"),
        ("text.h5", "is not an HDF5 file"),
        ("group.h5", "'x' of .* is a group"),
        ("elsewhere.h5", "from another file"),
        ("text.npy", "cannot be read"),
        ("cut_x.npy", "its header says"),
    ],
)
def test_files_that_cannot_be_used_are_refused(tmp_path, name, message):
    np.save(str(tmp_path / "lone.npy"), images())
    for text in ("text.h5", "text.npy"):
        (tmp_path / text).write_text("hello", encoding="utf-8")
    content = (tmp_path / "lone.npy").read_bytes()
    (tmp_path / "cut_x.npy").write_bytes(content[:-7])
    np.save(str(tmp_path / "cut_y.npy"), Y)
    if name.endswith(".h5"):
        h5py = pytest.importorskip("h5py")
        write_hdf5(tmp_path / "short.h5", x=images(), y=Y[:-1])
        write_hdf5(tmp_path / "group.h5", **{"x/deep": images(), "y": Y})
        with h5py.File(str(tmp_path / "elsewhere.h5"), "w") as file:
            file["x"] = h5py.ExternalLink("short.h5", "/x")
    with pytest.raises(DataError, match=message) as caught:
        load_request(Request(name, base=str(tmp_path), in_memory_mb=0))
    assert caught.value.hint


def test_very_many_samples_are_shuffled_anew_each_epoch():
    from vaiopt.data.batches import _shuffled_batches

    epochs = _shuffled_batches(10, 4, 3)
    first, second = ([b.numpy().tolist() for b in epochs] for _ in range(2))
    assert [len(b) for b in first] == [4, 4, 2] and first != second
    assert sorted(sum(first, [])) == sorted(sum(second, [])) == list(range(10))
    assert [b.numpy().tolist() for b in _shuffled_batches(10, 4, 3)] == first
    assert SHUFFLED_AT_ONCE > 10**6


def test_a_folder_of_images_is_the_same_from_a_file(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for number, x in enumerate(images()):
        path = tmp_path / "photos" / "abc"[number % 3] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(x).save(str(path))
    for options in ({}, {"image_size": (3, 7), "grayscale": True}, {"limit": 30}):
        one, other = both(tmp_path, "photos", **options)
        assert isinstance(one.x, np.ndarray) and isinstance(other.x, Rows)
        assert np.array_equal(other.x[:], one.x) and other.sha256() == one.sha256()
    assert same_batches(one, other)
    (tmp_path / "photos" / "b" / "10.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match=r"10\.png"):
        both(tmp_path, "photos")


def test_the_files_of_a_large_folder_are_told_by_their_times(tmp_path, monkeypatch):
    image = pytest.importorskip("PIL.Image")
    for number, x in enumerate(images(count=12)):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(x).save(str(path))
    request = Request("photos", base=str(tmp_path))
    contents = load_request(request).sha256()
    monkeypatch.setattr("vaiopt.data.sources.folder.HASHED_WHOLE", 10)
    stamped = load_request(request).sha256()
    os.utime(str(path), (1, 1))
    assert len({contents, stamped, load_request(request).sha256()}) == 3
    assert load_request(replace(request, hashed="contents")).sha256() == contents


def test_files_are_decoded_in_their_order_and_few_ahead():
    begun = []

    def call(item):
        begun.append(item)
        return item * 2

    found = in_order(call, range(10_000))
    assert next(found) == 0 and len(begun) < 1000
    assert list(found) == [2 * n for n in range(1, 10_000)]
