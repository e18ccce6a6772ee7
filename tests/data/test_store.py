"""Large data are loaded once per machine, and what is put on the disk for that is gone after it."""

import dataclasses
import gc
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from vaiopt.data import make_dataset, store
from vaiopt.data.dataset import ARRAYS, Dataset, Request
from vaiopt.data.rows import Place, Rows
from vaiopt.data.scratch import Scratch
from vaiopt.data.store import Store, StoredData, in_memory, load_once
from vaiopt.errors import DataError
from vaiopt.search.training.trial import Job, run_trial
from vaiopt.settings import load_settings, override

X = np.random.RandomState(0).rand(40, 6).astype("float32")
Y = np.arange(40) % 2
LARGE = Request("made", in_memory_mb=0)


def loader(calls):
    def load(request):
        calls.append(request)
        names = [f"f{i}" for i in range(6)]
        made = make_dataset(
            "made", X, Y, test_x=X[:5], test_y=Y[:5], weights=Y + 1.0, feature_names=names
        )
        return replace(made, request=request, notes=("a note",), value_range=(0.0, 2.0))

    return load


def test_the_first_worker_loads_and_the_others_read():
    calls, parent = [], Store()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: Store(parent.paths).load(LARGE, loader(calls)), range(4)))
    assert len(calls) == 1
    expected = loader([])(LARGE)
    for dataset in found:
        assert isinstance(dataset.x, Rows) and isinstance(dataset.test_x, Rows)
        assert dataset.sha256() == expected.sha256() and dataset.request == LARGE
        for name in ("name", "classes", "task", "feature_names", "notes", "value_range"):
            assert getattr(dataset, name) == getattr(expected, name)
        for name in ARRAYS:
            one, other = getattr(dataset, name), getattr(expected, name)
            assert (one is None) == (other is None) and (one is None or (one[:] == other).all())


def test_small_data_are_kept_by_each_process():
    calls, small = [], Request("made")
    shared = Store()
    for _ in range(2):
        assert isinstance(shared.load(small, loader(calls)).x, np.ndarray)
    assert len(calls) == 2 and isinstance(load_once(small, loader(calls)).x, np.ndarray)


def test_other_data_are_loaded_by_themselves():
    calls, shared = [], Store()
    for request in (LARGE, replace(LARGE, limit=3), replace(LARGE, in_memory_mb=0.0)):
        shared.load(request, loader(calls))
    assert [request.limit for request in calls] == [0, 3]


def test_a_file_that_is_written_again_meanwhile_is_an_error(tmp_path):
    path = str(tmp_path / "x.npy")
    np.save(path, X)

    def load(request):
        return make_dataset("made", Rows(Place(path, 128, X.shape, "<f4")), Y)

    shared = Store()
    assert (shared.load(LARGE, load).x[:] == X).all()
    os.utime(path, (1, 1))
    with pytest.raises(DataError, match="has changed while it was used"):
        shared.load(LARGE, load)


def test_what_lies_on_the_disk_is_gone_with_its_samples():
    dataset = load_once(LARGE, loader([]))
    path = dataset.x.place.path
    assert os.path.exists(path) and np.array_equal(in_memory(dataset).x, X)
    assert not [name for name in os.listdir(os.environ.get("TMPDIR", "/tmp")) if path in name]
    handle = dataset.x._file.fileno()
    del dataset
    gc.collect()
    with pytest.raises(OSError):
        os.fstat(handle)


def test_a_full_disk_and_too_little_memory_are_errors(monkeypatch):
    monkeypatch.setattr("vaiopt.data.scratch.SPARE", 10**18)
    with pytest.raises(DataError, match="there is no room") as caught:
        Scratch().append(X)
    assert "TMPDIR" in caught.value.hint
    monkeypatch.undo()
    dataset = load_once(LARGE, loader([]))
    monkeypatch.setattr("vaiopt.memory.available", lambda: 100)
    with pytest.raises(DataError, match="cannot be sent to a cluster"):
        in_memory(dataset)


def test_a_trial_on_data_in_a_file_is_the_same_trial(tmp_path):
    records = []
    for megabytes in (64, 0):
        settings = override(
            load_settings(None),
            [
                *("data.source=digits", "data.limit=150", "model.family=mlp_tabular"),
                *("train.epochs=2", f"data.in_memory_mb={megabytes}", "search.workers=0"),
            ],
        )
        records.append(run_trial(Job(str(tmp_path / str(megabytes)), settings, 0, {})))
    one, other = records
    assert one.status == "complete", one.reason
    assert other.metrics == one.metrics and len(other.curve) == 2
    drop = [{k: v for k, v in e.items() if k != "seconds"} for e in (*one.curve, *other.curve)]
    assert drop[:2] == drop[2:]


def test_a_worker_uses_the_store_of_its_parent(monkeypatch):
    monkeypatch.setattr(store, "_IN_USE", [])
    calls, parent = [], Store()
    store.use_store(parent.paths)
    assert load_once(LARGE, loader(calls)).x.place.path == parent.data.path
    assert store.scratch().path == parent.data.path
    load_once(LARGE, loader(calls))
    assert len(calls) == 1


def test_every_field_of_a_dataset_is_stored():
    fields = {field.name for field in dataclasses.fields(Dataset)} - {"request", *ARRAYS}
    assert fields | {"arrays"} == {field.name for field in dataclasses.fields(StoredData)}
