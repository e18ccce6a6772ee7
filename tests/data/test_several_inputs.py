"""Samples of several inputs by name: from arrays, files, functions, through store and splits."""

import numpy as np
import pytest

from vaiopt.data import load_dataset, split_dataset
from vaiopt.data.data_sheet import sheet_of_splits
from vaiopt.data.dataset import make_dataset
from vaiopt.data.found import found_line
from vaiopt.data.inputs import kept_apart, picture_or_row, values_of
from vaiopt.data.labels import made_anew
from vaiopt.data.preprocessing import Preprocessing
from vaiopt.data.recipe import data_recipe
from vaiopt.data.scratch import Scratch
from vaiopt.data.sources.function import dataset_returned
from vaiopt.data.store import StoredData, opened, stored
from vaiopt.data.unlabelled import read_unlabelled
from vaiopt.errors import DataError
from vaiopt.passed import arrays_of
from vaiopt.sheets.data import data as data_sheet_of

RANDOM = np.random.RandomState(0)
PICTURE = RANDOM.randint(0, 256, (120, 8, 8)).astype(np.uint8)
SPOT = RANDOM.rand(120, 5).astype(np.float32) * [1, 10, 100, 1, 1]
Y = np.arange(120) % 3
X = {"picture": PICTURE, "spot": SPOT}


def known():
    return make_dataset("two", X, Y)


def saved(path, **arrays):
    np.savez(str(path), **{"x_picture": PICTURE, "x_spot": SPOT, "y": Y, **arrays})
    return str(path)


def test_an_npz_has_an_array_for_each_input(tmp_path):
    given = {"x_test_picture": PICTURE[:9], "x_test_spot": SPOT[:9], "y_test": Y[:9]}
    data = load_dataset(saved(tmp_path / "data.npz", **given))
    assert [(one.name, one.shape, one.dtype) for one in data.inputs] == [
        ("picture", (8, 8, 1), "uint8"),
        ("spot", (5,), "float32"),
    ]
    # each in its own type: a picture beside numbers takes no more than by itself
    assert data.x.shape == (120, 64 + 5 * 4) and data.x.dtype == np.uint8
    found = kept_apart(data.test_x, data.inputs)
    assert np.array_equal(found["picture"], PICTURE[:9, ..., None])
    assert np.array_equal(found["spot"], SPOT[:9].astype(np.float32))
    values = values_of(data.x, data.inputs)
    assert values.shape == (120, 69) and values.dtype == np.float32
    assert np.array_equal(values[:, :64], PICTURE.reshape(120, 64))
    assert values_of(values, data.inputs) is values


def test_one_array_beside_those_of_other_names_stays_one_input(tmp_path):
    data = load_dataset(saved(tmp_path / "data.npz", x=SPOT))
    assert data.inputs == () and "x_picture" in data.notes[0]
    alone = make_dataset("d", {"picture": PICTURE}, Y)
    assert alone.inputs == () and alone.sample_shape == (8, 8, 1)


def test_functions_and_python_give_them_as_a_dictionary():
    pair, named = dataset_returned((X, Y), "mine"), dataset_returned({"x": X, "y": Y}, "mine")
    assert np.array_equal(pair.x, named.x) and pair.sha256() == named.sha256()
    assert pair.inputs == named.inputs == known().inputs


def test_bytes_stay_bytes_where_all_inputs_are_bytes_and_one_number_is_a_vector():
    data = make_dataset("d", {"a": PICTURE, "b": PICTURE[:, :2, :2, None]}, Y)
    assert data.x.dtype == np.uint8 and data.x.shape == (120, 68)
    assert make_dataset("d", {"a": PICTURE, "one": SPOT[:, 0]}, Y).inputs[1].shape == (1,)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"x_spot": SPOT[:100]}, "120 samples of the input 'picture' and 100 of 'spot'"),
        ({"x_spot": np.full((120, 5), np.nan)}, "input 'spot' of x of 'data.npz' holds nan"),
        ({"x_test_spot": SPOT, "y_test": Y}, "x_test of .* has nothing for the input 'picture'"),
        ({"x_val": PICTURE, "y_val": Y}, "x_val of .* is one array"),
        ({"x_spot": SPOT.astype(str)}, "input 'spot' .* holds no numbers"),
        (
            {"x_test_spot": SPOT[:, :4], "x_test_picture": PICTURE, "y_test": Y},
            "input 'spot' has shape \\(5,\\) in x of 'data.npz', \\(4,\\) in x_test",
        ),
        (
            {"x_val_spot": SPOT, "x_val_picture": PICTURE, "x_val_dot": SPOT, "y_val": Y},
            "samples of 'dot', which no other set has",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        load_dataset(saved(tmp_path / "data.npz", **change))


def test_an_input_is_not_called_as_a_set_of_samples():
    for name in ("test", "val_picture"):
        with pytest.raises(DataError, match=f"called '{name}', as sets of samples are"):
            make_dataset("d", {name: PICTURE, "spot": SPOT}, Y)


def test_settings_of_one_input_and_tasks_over_samples_are_refused(tmp_path):
    path = saved(tmp_path / "data.npz")
    for options in ({"image_size": (4, 4)}, {"grayscale": True}, {"kind": "signal"}):
        with pytest.raises(DataError, match="several inputs|2 inputs"):
            load_dataset(path, **options)
    with pytest.raises(DataError, match="2 inputs .*image_to_image"):
        make_dataset("d", X, PICTURE[..., None], task="image_to_image")
    with pytest.raises(DataError, match="data.offset is a list"):
        split_dataset(known(), (7, 2, 1), seed=0, offset=[1.0] * 69)


def test_passed_arrays_come_back_from_their_file(tmp_path):
    data = known()
    arrays = arrays_of(data)
    assert arrays["x_picture"].dtype == np.uint8 and arrays["x_picture"].shape == (120, 8, 8, 1)
    np.savez(str(tmp_path / "data.npz"), **arrays)
    again = load_dataset(str(tmp_path / "data.npz"))
    assert np.array_equal(again.x, data.x) and again.sha256() == data.sha256()
    assert made_anew(data, "two", "classification").inputs == data.inputs


def test_the_store_keeps_what_lies_in_a_row():
    data, place = known(), Scratch()
    kept = StoredData.from_json(stored(data, place).to_json())
    again = opened(kept, place.path, None)
    assert np.array_equal(again.x[:], data.x) and again.inputs == data.inputs


def test_hash_tells_names_of_inputs_apart():
    other = make_dataset("two", {"picture": PICTURE, "dot": SPOT}, Y)
    rows = make_dataset("two", known().x, Y)
    assert len({known().sha256(), other.sha256(), rows.sha256()}) == 3


def test_each_input_is_prepared_as_it_would_be_alone():
    splits = split_dataset(known(), (7, 2, 1), seed=0)
    alone = [split_dataset(make_dataset("d", x, Y), (7, 2, 1), seed=0) for x in X.values()]
    given = splits.train.given
    assert list(given) == ["picture", "spot"]
    for found, own in zip(given.values(), alone):
        assert np.array_equal(found, own.train.x) and found.dtype == np.float32
    way = splits.preprocessing
    content = way.to_json()
    assert "offset" not in content and content["inputs"][0]["offset"] == 128.0
    assert Preprocessing.from_json(content) == way and way.input_range == (-1.0, 127 / 128)
    for damage in ({"inputs": []}, {"shape": [70]}, {"inputs": [content]}, {"inputs": [1]}):
        with pytest.raises(DataError, match="preprocessing is damaged"):
            Preprocessing.from_json({**content, **damage})


def test_people_are_told_the_inputs():
    data = known()
    splits = split_dataset(data, (7, 2, 1), seed=0)
    line = found_line(data, splits.sizes())
    assert "120 samples of 'picture' (8×8×1, uint8) and 'spot' (5, float32)" in line
    sheet = sheet_of_splits(splits)
    assert [row.name for row in sheet.columns][:2] == ["picture", "spot 0"]
    assert sheet.inputs == data.inputs
    assert ("of", "'picture' (8×8×1, uint8) and 'spot' (5, float32)", "two") in data_sheet_of(
        sheet
    ).facts
    shown = picture_or_row(data.x[:2], data.inputs)
    assert shown.dtype == np.uint8 and np.array_equal(shown[..., 0], PICTURE[:2])
    spots = make_dataset("d", {"a": SPOT, "b": SPOT}, Y)
    assert picture_or_row(spots.x[:2], spots.inputs).shape == (2, 10)


def test_samples_to_predict_are_given_by_input(tmp_path):
    data = load_dataset(saved(tmp_path / "data.npz"))
    recipe = data_recipe(data, split_dataset(data, (7, 2, 1), seed=0))
    path = tmp_path / "given.npz"
    for start in ("x_", "x_test_", ""):
        np.savez(str(path), **{f"{start}picture": PICTURE[:4], f"{start}spot": SPOT[:4]})
        rows = np.concatenate(list(read_unlabelled(path, recipe).batches(3)))
        assert np.array_equal(rows, values_of(data.x[:4], data.inputs))
    named = read_unlabelled({"spot": SPOT[:4], "picture": PICTURE[:4]}, recipe)
    assert np.array_equal(named.load(0, 4), values_of(data.x[:4], data.inputs))
    for given, message in (
        ({"picture": PICTURE}, "nothing for the input 'spot'"),
        ({"picture": PICTURE, "spot": SPOT[:, :2]}, "input 'spot' .* has samples of shape"),
        ({"picture": PICTURE, "spot": SPOT[:9]}, "120 samples of the input 'picture' and 9"),
    ):
        with pytest.raises(DataError, match=message):
            read_unlabelled(given, recipe)
    plain = load_dataset(saved(tmp_path / "plain.npz", x=SPOT))
    one = data_recipe(plain, split_dataset(plain, (7, 2, 1), seed=0))
    with pytest.raises(DataError, match="the model of the run has one input"):
        read_unlabelled({"spot": SPOT}, one)
