"""What data were found is said in a line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.search.quick import SETTINGS
from vaiopt.data import load_dataset
from vaiopt.data.dataset import make_dataset
from vaiopt.data.found import found_line
from vaiopt.search.training.describe import describe_search

SIZES = {"train": 1257, "validation": 360, "test": 180}


def test_images_classes_and_parts_are_told() -> None:
    line = found_line(load_dataset("digits"), SIZES)
    for told in ("'digits'", "1,797 images of 8×8×1", "10 classes", "train 1,257", "test 180"):
        assert told in line, line


def test_few_classes_are_told_with_their_samples() -> None:
    x, y = np.zeros((6, 3), np.float32), [0, 0, 0, 0, 1, 1]
    x[0] = 1.0
    table = make_dataset("table", x, y, classes=("cat", "dog"))
    line = found_line(table, {"train": 6})
    digits = found_line(load_dataset("digits"), SIZES)
    assert "10 classes (174 of '8' to 183 of '3')" in digits
    assert "6 rows of 3 features" in line and "2 classes (cat 4, dog 2)" in line


def test_equal_counts_are_told_once() -> None:
    x, y = np.arange(40, dtype=np.float32).reshape(20, 2), np.arange(20) % 10
    even = make_dataset("even", x, y)
    assert "10 classes (2 of each)" in found_line(even, {"train": 20})


def test_what_is_no_class_is_told_by_its_form() -> None:
    dataset = load_dataset("digits")
    masks = replace(dataset, y=np.zeros((len(dataset.y), 8, 8), np.int64))
    assert "of 8×8" in found_line(masks, SIZES)
    numbers = replace(dataset, y=np.zeros(len(dataset.y), np.float32), classes=())
    assert "of a number" in found_line(numbers, SIZES)


def test_a_search_says_it_before_its_first_trial() -> None:
    first, *_ = describe_search(SETTINGS).notes
    assert first.startswith("data '") and "classes" in first
