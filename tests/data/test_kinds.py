"""Which of tables, signals and images samples are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Tuple

import numpy as np
import pytest

from vaiopt.data import load_dataset
from vaiopt.data.dataset import Dataset, make_dataset
from vaiopt.data.found import found_line
from vaiopt.data.kinds import with_kind
from vaiopt.data.recipe import data_recipe
from vaiopt.data.splits import split_dataset
from vaiopt.data.unlabelled import read_unlabelled
from vaiopt.errors import DataError

Y = [0, 1] * 10


def of(shape: Tuple[int, ...], dtype: str = "float32", y: Any = None, **more: Any) -> Dataset:
    x = np.random.RandomState(0).uniform(0, 9, (20, *shape)).astype(dtype)
    return make_dataset("made", x, Y if y is None else y, **more)


@pytest.mark.parametrize(
    "shape, dtype, found",
    [
        ((28, 28), "float32", (28, 28, 1)),
        ((24, 40), "float32", (24, 40, 1)),
        ((4, 4), "float32", (4, 4, 1)),
        ((64, 200), "uint8", (64, 200, 1)),
        ((128, 9), "float32", (128, 9)),
        ((187, 1), "float32", (187, 1)),
        ((16, 6), "float32", (16, 6)),
        ((100, 3), "uint8", (100, 3)),
        ((1000, 12), "int16", (1000, 12)),
        ((30,), "float32", (30,)),
        ((12, 1, 5), "float32", (12, 1, 5)),
    ],
)
def test_three_axes_are_images_only_where_they_look_so(
    shape: Tuple[int, ...], dtype: str, found: Tuple[int, ...]
) -> None:
    dataset = of(shape, dtype)
    assert dataset.sample_shape == found
    assert (dataset.is_image, dataset.is_signal) == (len(found) == 3, len(found) == 2)


def test_samples_of_a_task_of_images_are_images() -> None:
    masks = np.random.RandomState(0).randint(0, 2, (20, 40, 9))
    assert of((40, 9), y=masks).sample_shape == (40, 9, 1)


def test_what_a_person_says_counts() -> None:
    square, series, rows = of((28, 28)), of((128, 9)), of((30,))
    assert with_kind(square, "signal").sample_shape == (28, 28)
    assert with_kind(series, "image").sample_shape == (128, 9, 1)
    assert with_kind(rows, "signal").sample_shape == (30, 1)
    assert with_kind(series, "table").sample_shape == (128 * 9,)
    assert with_kind(of((64, 1, 5)), "signal").sample_shape == (64, 5)
    assert with_kind(rows, "auto") is rows and with_kind(rows, "table") is rows
    with pytest.raises(DataError, match="data.kind is 'image', but a sample"):
        with_kind(rows, "image")
    with pytest.raises(DataError, match="the task is segmentation"):
        with_kind(
            of((40, 9), y=np.arange(7200).reshape(20, 40, 9) % 2, task="segmentation"), "signal"
        )
    with pytest.raises(DataError, match="data.kind is 'signals'"):
        load_dataset("digits", kind="signals")


def test_signals_are_told_and_scaled_by_channel() -> None:
    dataset = of((128, 3))
    dataset = replace(dataset, x=dataset.x * np.array([1, 10, 100], np.float32))
    assert "20 signals of 128 steps and 3 channels (float32)" in found_line(dataset, {})
    splits = split_dataset(dataset, (6, 2, 2), seed=0)
    assert np.shape(splits.preprocessing.scale) == (3,) and splits.preprocessing.layout == "NTC"
    x = splits.train.x
    assert x.min() >= -1 and x.max() <= 127 / 128


def test_a_recipe_knows_the_kind_and_what_is_predicted_takes_it(tmp_path: Any) -> None:
    path = tmp_path / "rows.npz"
    x = np.random.RandomState(0).uniform(0, 9, (20, 30)).astype("float32")
    np.savez(str(path), x=x, y=Y)
    dataset = load_dataset(str(path), kind="signal")
    recipe = data_recipe(dataset, split_dataset(dataset, (6, 2, 2), seed=0))
    assert (recipe.kind, recipe.shape) == ("signal", (30, 1))
    given = read_unlabelled(x, recipe)
    assert next(iter(given.batches(20))).shape == (20, 30, 1)
    assert "[grey images: data.kind=image]" not in found_line(dataset, {})


def test_bytes_that_use_few_of_their_levels_are_told(tmp_path: Any) -> None:
    random = np.random.RandomState(0)
    few = random.randint(0, 17, (40, 8, 8)).astype(np.uint8)
    np.savez(str(tmp_path / "few.npz"), x=few, y=np.arange(40) % 2)
    (note,) = load_dataset(str(tmp_path / "few.npz")).notes
    assert "use only 0 to 16" in note and "data.offset=8" in note and "data.scale=8" in note
    np.savez(str(tmp_path / "all.npz"), x=few * 15, y=np.arange(40) % 2)
    assert load_dataset(str(tmp_path / "all.npz")).notes == ()
