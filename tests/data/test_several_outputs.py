"""Labels of several outputs by name: from arrays, files, functions, through store and splits."""

from dataclasses import replace

import numpy as np
import pytest

from vaiopt.data import load_dataset, split_dataset
from vaiopt.data.augment.batch import IMAGE, Frame
from vaiopt.data.augment.operations import refusal
from vaiopt.data.data_sheet import sheet_of_splits
from vaiopt.data.dataset import make_dataset
from vaiopt.data.found import found_line
from vaiopt.data.scratch import Scratch
from vaiopt.data.sources.function import dataset_returned
from vaiopt.data.store import StoredData, opened, stored
from vaiopt.errors import DataError
from vaiopt.passed import arrays_of
from vaiopt.tasks import task_of

X = np.random.RandomState(0).rand(120, 6).astype(np.float32)
Y = {"kind": np.arange(120) % 3, "size": X.sum(axis=1)}
TEXT = "kind=classification,size=regression"


def test_an_npz_has_an_array_for_each_output(tmp_path):
    labels = {"y_kind": Y["kind"], "y_size": Y["size"]}
    given = {"x_test": X[:9], "y_test_kind": Y["kind"][:9], "y_test_size": Y["size"][:9]}
    np.savez(str(tmp_path / "data.npz"), x=X, **labels, **given)
    data = load_dataset(str(tmp_path / "data.npz"), task=TEXT)
    assert data.task == TEXT and data.y.dtype.names == ("kind", "size")
    assert data.test_y["kind"].tolist() == Y["kind"][:9].tolist()
    told = load_dataset(str(tmp_path / "data.npz"))
    assert told.task == TEXT and "several outputs" in told.notes[0]


def test_plain_labels_stay_plain_beside_an_array_of_another_name(tmp_path):
    np.savez(str(tmp_path / "data.npz"), x=X, y=Y["kind"], y_size=Y["size"])
    data = load_dataset(str(tmp_path / "data.npz"))
    assert data.task == "classification" and "y_size" in data.notes[0]


def test_functions_and_python_give_them_as_a_dictionary():
    pair = dataset_returned((X, Y), "mine", TEXT)
    named = dataset_returned({"x": X, "y": Y, "classes": {"kind": list("abc")}}, "mine", TEXT)
    assert np.array_equal(pair.y, named.y) and pair.sha256() == named.sha256()
    assert named.classes == ("kind: a", "kind: b", "kind: c", "size: y")


def test_one_task_for_several_outputs_is_refused():
    with pytest.raises(DataError, match="one task: regression") as caught:
        make_dataset("d", X, Y, task="regression")
    assert "tasks.kind" in caught.value.hint


def test_passed_arrays_come_back_from_their_file(tmp_path):
    data = make_dataset("d", X, Y, task=TEXT, classes={"kind": list("abc")})
    np.savez(str(tmp_path / "data.npz"), **arrays_of(data))
    again = load_dataset(str(tmp_path / "data.npz"))
    assert np.array_equal(again.y, data.y) and again.classes == data.classes


def test_the_store_keeps_labels_by_output():
    data, place = make_dataset("d", X, Y, task=TEXT), Scratch()
    kept = StoredData.from_json(stored(data, place).to_json())
    again = opened(kept, place.path, None)
    assert np.array_equal(again.y, data.y) and again.task == TEXT


def test_hash_tells_names_of_outputs_apart():
    other = {"kind": Y["kind"], "width": Y["size"]}
    assert (
        make_dataset("d", X, Y).sha256()
        != make_dataset("d", X, other).sha256()
        != make_dataset("d", X, Y["kind"]).sha256()
    )


def test_what_moves_pixels_is_refused_beside_an_output_of_masks():
    low, high = np.float32(-1), np.float32(1)
    frame = Frame(IMAGE, (8, 8, 1), low, high, task_of("kind=classification,mask=segmentation"))
    assert "the output 'mask' lies over them" in refusal("flip", 0.5, frame)[0]
    assert refusal("brightness", 0.1, frame) == ("", "")
    assert refusal("flip", 0.5, replace(frame, task=task_of(TEXT))) == ("", "")


def test_splits_and_sheet_know_each_output():
    data = make_dataset("d", X, Y, task=TEXT)
    splits = split_dataset(data, (7, 2, 1), seed=0)
    assert np.bincount(splits.train.y["kind"]).tolist() == [28, 28, 28]
    sheet = sheet_of_splits(splits)
    assert [row.name for row in sheet.classes] == ["kind: 0", "kind: 1", "kind: 2"]
    assert [row.name for row in sheet.quantities] == ["size: y"]
    assert sheet.remarks == ()  # classes of one output are not held against those of another
    told = found_line(data, splits.sizes())
    assert "output 'kind': 3 classes" in told and "output 'size': regression" in told
