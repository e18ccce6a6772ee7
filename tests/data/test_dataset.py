"""What arrays are taken, and how those that cannot be are refused."""

import hashlib

import numpy as np
import pytest

from vaiopt.data import make_dataset
from vaiopt.data.dataset import arrays_sha256
from vaiopt.data.limit import limit_dataset
from vaiopt.errors import DataError

Y = np.asarray([0, 1, 2, 0, 1, 2])


def table(rows=6, columns=3, dtype=np.float64):
    return np.arange(rows * columns).reshape(rows, columns).astype(dtype)


def refused(match, x=None, y=Y, **options):
    with pytest.raises(DataError, match=match) as caught:
        make_dataset("made", table() if x is None else x, y, **options)
    assert caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    "given, kept",
    [
        (np.uint8, np.uint8),
        (np.bool_, np.uint8),
        (np.int64, np.float32),
        (np.uint16, np.float32),
        (np.float16, np.float32),
        (np.float64, np.float32),
    ],
)
def test_samples_are_kept_as_uint8_or_float32(given, kept):
    dataset = make_dataset("made", table(dtype=given), Y)
    assert dataset.x.dtype == kept and dataset.y.dtype == np.int64


def test_images_without_a_channel_axis_get_one():
    dataset = make_dataset("made", np.zeros((6, 5, 4), np.uint8), Y)
    assert (
        dataset.x.shape == (6, 5, 4, 1) and dataset.sample_shape == (5, 4, 1) and dataset.is_image
    )


def test_bool_images_know_their_range():
    assert make_dataset("made", np.zeros((6, 5, 4), bool), Y).value_range == (0.0, 1.0)


def test_samples_of_the_wrong_kind_are_refused():
    refused("x of 'made' has 1 axes", np.zeros(6))
    refused("x of 'made' has 5 axes", np.zeros((6, 2, 2, 2, 2)))
    refused("x of 'made' is empty", np.zeros((0, 3)))
    refused("x of 'made' is empty", np.zeros((6, 0)))
    refused("channels first", np.zeros((6, 3, 32, 32)))
    refused("holds no numbers but Python objects", np.asarray([[None, 1]] * 6, dtype=object))
    refused("holds no numbers but text", np.asarray([["a", "b"]] * 6))
    refused("complex", np.zeros((6, 2), complex))
    refused("x of 'made'", [[1, 2], [3], [4], [5], [6], [7]])
    refused("x of 'made' has 0 axes", object())


@pytest.mark.parametrize(
    "value, named", [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf"), (1e39, "1e\\+39")]
)
def test_values_that_are_no_float32_numbers_are_refused_with_their_place(value, named):
    x = table()
    x[4, 1] = value
    refused(f"x of 'made' holds {named} at index \\[4, 1\\] \\(1 such", x)


def test_nan_in_a_given_test_set_names_that_array():
    refused("x_test of 'made' holds nan", test_x=np.full((2, 3), np.nan), test_y=[0, 1])


def test_lengths_that_differ_are_refused():
    refused(
        "x of 'made' has 6 samples, but y of 'made' has 5 labels",
        y=Y[:5].tolist() and [0, 1, 2, 0, 1],
    )
    refused(
        "x_test of 'made' has 2 samples, but y_test of 'made' has 3",
        test_x=np.zeros((2, 3)),
        test_y=[0, 1, 2],
    )


def test_a_test_set_must_be_whole_and_alike():
    refused("there is x_test of 'made' but no y_test", test_x=np.zeros((2, 3)))
    refused("there is y_test of 'made' but no x_test", test_y=[0, 1])
    refused(
        "has shape \\(3,\\), of x_test of 'made' \\(4,\\)", test_x=np.zeros((2, 4)), test_y=[0, 1]
    )


def test_a_test_set_of_another_type_makes_both_float32():
    dataset = make_dataset("made", table(dtype=np.uint8), Y, test_x=np.zeros((2, 3)), test_y=[0, 1])
    assert dataset.x.dtype == dataset.test_x.dtype == np.float32


@pytest.mark.parametrize(
    "labels",
    [
        Y,
        Y.astype(np.uint8),
        Y.astype(float),
        Y[:, None],
        np.eye(3)[Y],
        np.eye(3, dtype=bool)[Y],
        Y.tolist(),
    ],
    ids=str,
)
def test_class_numbers_and_one_hot_rows_are_taken(labels):
    dataset = make_dataset("made", table(), labels)
    assert dataset.y.tolist() == Y.tolist() and dataset.classes == ("0", "1", "2")


@pytest.mark.parametrize(
    "form", [np.asarray, lambda v: np.asarray(v, dtype=object), lambda v: np.asarray(v, dtype="S")]
)
def test_names_become_classes_in_sorted_order(form):
    dataset = make_dataset("made", table(), form(["cat", "dog", "ant", "cat", "dog", "ant"]))
    assert dataset.classes == ("ant", "cat", "dog") and dataset.y.tolist() == [1, 2, 0, 1, 2, 0]


def test_names_follow_the_given_classes_in_both_sets():
    names = ["cat", "dog", "ant", "cat", "dog", "ant"]
    dataset = make_dataset(
        "made", table(), names, test_x=table(1), test_y=["ant"], classes=["dog", "cat", "ant"]
    )
    assert (
        dataset.classes == ("dog", "cat", "ant")
        and dataset.y.tolist() == [1, 0, 2, 1, 0, 2]
        and dataset.test_y.tolist() == [2]
    )


def test_labels_of_the_wrong_kind_are_refused():
    refused("y of 'made' holds the negative label -1", y=[0, 1, -1, 0, 1, 0])
    half = [0, 1, 0.5, 0, 1, 0]
    refused("y of 'made' holds 0.5, which is not a class", y=half, task="classification")
    refused("holds nan", y=[0, 1, np.nan, 0, 1, 0])
    rows = [[1, 0], [0, 1], [1, 1], [1, 0], [0, 1], [1, 0]]
    refused("row 2 is not one-hot", y=rows, task="classification")
    refused("has 3 axes", y=np.zeros((6, 2, 2)))
    refused("y of 'made' is empty", y=[])
    refused("holds neither numbers nor names", y=np.asarray([None] * 6, dtype=object))
    refused("holds neither numbers nor names", y=np.zeros(6, complex))
    refused("single class, '0'", y=[0] * 6)
    refused("class 1 \\('1'\\) of y of 'made' has no sample", y=[0, 2, 0, 2, 0, 2])
    refused(
        "class 2 \\('c'\\) of y of 'made' has no sample",
        y=[0, 1, 0, 1, 0, 1],
        classes=["a", "b", "c"],
    )
    refused("holds class 2, but there are 2 class names", classes=["a", "b"])
    refused("holds class 1000000000, but there are fewer samples", y=[0, 1, 2, 0, 1, 10**9])
    refused("not a class number", y=np.asarray([0, 1, 2, 0, 1, 2**63], dtype=np.uint64))
    refused(
        "holds the label 'dgo', which is not a class",
        y=["dog", "cat", "dgo", "cat", "dog", "cat"],
        classes=["dog", "cat"],
    )
    refused("names in one and numbers in the other", y=["a", "b"] * 3, test_x=table(1), test_y=[0])


@pytest.mark.parametrize(
    "classes", [["a", "a", "b"], [["a", "b", "c"]], ["a", "", "b"], 3, "abc", None.__class__]
)
def test_class_names_that_are_no_list_of_different_names_are_refused(classes):
    refused("class names of y of 'made'", classes=classes)


def test_a_wrong_value_range_or_feature_names_are_refused():
    refused("value_range", value_range=(3, 3))
    refused("value_range", value_range=(0, 1, 2))
    refused("2 feature names", feature_names=["a", "b"])


def test_the_hash_is_over_type_shape_and_little_endian_bytes():
    dataset = make_dataset("made", table(dtype=np.uint8), Y)
    expected = hashlib.sha256(
        b"uint8 6x3;" + bytes(range(18)) + b"int64 6;" + Y.astype("<i8").tobytes()
    ).hexdigest()
    assert dataset.sha256() == expected
    assert arrays_sha256([Y.astype(">i4")]) == arrays_sha256([Y.astype("<i4")])
    assert arrays_sha256([table()]) != arrays_sha256([table().reshape(3, 6)])
    assert arrays_sha256([table()[:, ::2]]) == arrays_sha256([table()[:, ::2].copy()])


def test_a_limit_keeps_the_shares_of_classes_and_of_the_test_set():
    y = np.repeat([0, 1], [80, 20])
    dataset = make_dataset(
        "made",
        np.arange(100)[:, None],
        y,
        test_x=np.arange(50)[:, None],
        test_y=np.repeat([0, 1], 25),
    )
    limited = limit_dataset(dataset, 30, 1)
    assert np.bincount(limited.y).tolist() == [16, 4] and np.bincount(limited.test_y).tolist() == [
        5,
        5,
    ]
    assert np.array_equal(dataset.y[limited.x[:, 0].astype(int)], limited.y)
    assert limit_dataset(dataset, 0, 1) is dataset and limit_dataset(dataset, 150, 1) is dataset


def test_a_limit_that_is_no_count_or_loses_a_class_is_refused():
    dataset = make_dataset("made", np.arange(100)[:, None], np.repeat([0, 1], [98, 2]))
    for limit in (-1, 1.5, True, "10"):
        with pytest.raises(DataError, match="data.limit"):
            limit_dataset(dataset, limit, 1)
    with pytest.raises(
        DataError, match="data.limit = 10 leaves class '1' of 'made' without a sample"
    ):
        limit_dataset(dataset, 10, 1)
