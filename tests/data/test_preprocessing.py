"""(x - offset) / scale: all 256 levels by default, never over the edge, the same after JSON."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiopt.data import Preprocessing, make_dataset, split_dataset
from vaiopt.errors import DataError


def images(x, **options):
    return make_dataset("made", x, np.arange(len(x)) % 2, **options)


def random_images(dtype=np.uint8, shape=(60, 4, 5, 1), high=256):
    return np.random.RandomState(0).randint(0, high, shape).astype(dtype)


def test_uint8_images_become_their_value_less_128_at_fix_position_7():
    splits = split_dataset(images(random_images(shape=(60, 4, 5, 3))), seed=0)
    assert (splits.preprocessing.offset, splits.preprocessing.scale) == (128.0, 128.0)
    assert splits.preprocessing.input_range == (-1.0, 127 / 128)
    assert np.array_equal(splits.train.x * 128, splits.train.raw.astype(np.float32) - 128)
    assert splits.train.x.dtype == np.float32 and splits.preprocessing.layout == "NHWC"


def test_a_dark_uint8_image_set_still_has_the_range_of_its_type():
    assert split_dataset(images(random_images(high=20)), seed=0).preprocessing.scale == 128


def test_a_known_value_range_is_used_instead_of_the_types():
    preprocessing = split_dataset(
        images(random_images(high=17), value_range=(0, 16)), seed=0
    ).preprocessing
    assert preprocessing.scale == pytest.approx(16 * 128 / 255)
    assert preprocessing.input_range == pytest.approx((-1, 127 / 128))


finite = st.floats(-(2.0**100), 2.0**100, width=32)


@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=4), st.floats(1e-6, 1e6))
def test_tables_map_lowest_to_minus_1_and_highest_to_127_128_and_never_beyond(ends, wide):
    rows = np.asarray(
        [[a for a, _ in ends], [b for _, b in ends], [a + wide for a, _ in ends]], dtype=np.float32
    )
    dataset = make_dataset("made", np.tile(rows, (40, 1)), np.arange(120) % 2)
    splits = split_dataset(dataset, seed=0)
    x = splits.train.x
    assert x.min() >= -1 and x.max() <= 127 / 128
    assert (
        splits.preprocessing.input_range[0] >= -1
        and splits.preprocessing.input_range[1] <= 127 / 128
    )
    low, high = rows.min(axis=0).astype(np.float64), rows.max(axis=0).astype(np.float64)
    resolved = (high - low) > 1e-3 * np.maximum(np.abs(low), np.abs(high)) + 1e-30
    applied = splits.preprocessing.apply(np.stack([low, high]).astype(np.float32))
    assert applied[0][resolved] == pytest.approx(-1, abs=1e-3)
    assert applied[1][resolved] == pytest.approx(127 / 128, abs=1e-3)


def test_a_feature_that_never_changes_becomes_0():
    x = np.stack([np.arange(40), np.full(40, 3.25)], axis=1)
    splits = split_dataset(make_dataset("made", x, np.arange(40) % 2), seed=0)
    assert np.all(splits.train.x[:, 1] == 0)
    assert splits.preprocessing.scale[1] == 1 and splits.preprocessing.layout == "NF"


def test_the_test_part_has_no_say_in_the_range():
    x = np.zeros((100, 1), np.float32)
    x[:, 0] = np.arange(100)
    first = split_dataset(make_dataset("made", x, np.arange(100) % 2), seed=0)
    x[first.test.indices] += 1e6
    second = split_dataset(make_dataset("made", x, np.arange(100) % 2), seed=0)
    assert second.preprocessing.scale[0] < 1e3
    assert second.test.x.max() > 1, "values outside the range are kept, not clipped"


def test_float_images_use_one_range_for_all_pixels():
    x = np.random.RandomState(0).rand(50, 3, 3, 2)
    x[0, 0, 0, 0], x[1, 1, 1, 1] = 0, 1
    preprocessing = split_dataset(images(x), seed=0, pool=True, ratios=(4, 4, 2)).preprocessing
    assert isinstance(preprocessing.scale, float)
    assert -1 <= preprocessing.input_range[0] <= -0.98


def test_offset_and_scale_of_the_users_own():
    dataset = images(random_images())
    assert split_dataset(dataset, seed=0, scale=255).preprocessing.input_range == (0.0, 1.0)
    assert split_dataset(dataset, seed=0, offset=127).preprocessing.input_range == (-127.0, 128.0)
    colour = images(random_images(shape=(60, 4, 5, 3)))
    splits = split_dataset(colour, seed=0, offset=[1, 2, 3], scale=2)
    assert np.array_equal(
        splits.train.x,
        (splits.train.raw.astype(np.float32) - np.asarray([1, 2, 3], np.float32)) / 2,
    )


@pytest.mark.parametrize(
    "key, value",
    [
        ("scale", 0),
        ("scale", -1),
        ("scale", float("nan")),
        ("offset", float("inf")),
        ("offset", [1, 2]),
        ("scale", "x"),
    ],
)
def test_an_unusable_offset_or_scale_is_refused_by_name(key, value):
    with pytest.raises(DataError, match="data." + key):
        split_dataset(images(random_images()), seed=0, **{key: value})


def test_images_of_a_single_value_are_refused():
    with pytest.raises(DataError, match="same value, 0.5, everywhere"):
        split_dataset(images(np.full((40, 4, 4), 0.5)), seed=0)


def test_json_loses_nothing():
    for dataset in (
        images(random_images()),
        make_dataset("made", np.random.RandomState(1).randn(50, 3), np.arange(50) % 2),
    ):
        splits = split_dataset(dataset, seed=0)
        again = Preprocessing.from_json(json.loads(json.dumps(splits.preprocessing.to_json())))
        assert again == splits.preprocessing
        assert np.array_equal(again.apply(splits.test.raw), splits.test.x)


def test_samples_of_another_shape_are_refused():
    preprocessing = split_dataset(images(random_images()), seed=0).preprocessing
    with pytest.raises(DataError, match=r"\(5, 4, 1\)"):
        preprocessing.apply(np.zeros((2, 5, 4, 1)))


@pytest.mark.parametrize(
    "change",
    [{"scale": 0}, {"scale": None}, {"shape": "x"}, {"input_range": [1]}, {"offset": [1, 2]}],
)
def test_damaged_json_is_refused(change):
    content = split_dataset(images(random_images()), seed=0).preprocessing.to_json()
    content.update(change)
    with pytest.raises(DataError):
        Preprocessing.from_json(content)
    del content["dtype"]
    with pytest.raises(DataError):
        Preprocessing.from_json(content)


def test_the_raw_samples_are_left_as_they_are():
    dataset = make_dataset("made", np.random.RandomState(1).randn(50, 3), np.arange(50) % 2)
    before = dataset.sha256()
    assert split_dataset(dataset, seed=0).train.x is not None
    assert dataset.sha256() == before
