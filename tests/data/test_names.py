"""A sample is called by its file or line, and by the right one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vaiopt.data import load_dataset, split_dataset
from vaiopt.data.names import names_of_test


def folder(path: Path, sets: Any = ("",)) -> Path:
    """Images whose grey value is the number in their name."""
    for number in range(30):
        place = path / sets[number % len(sets)] / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.full((4, 4), 5 * number, np.uint8)
        Image.fromarray(pixels).save(str(place / f"{5 * number}.png"))
    return path


@pytest.mark.parametrize("sets", [("",), ("train", "train", "val", "val", "test", "test")])
@pytest.mark.parametrize("limit", [0, 18])
def test_a_test_image_has_the_name_of_its_file(tmp_path: Path, sets: Any, limit: int) -> None:
    dataset = load_dataset(str(folder(tmp_path / "images", sets)), limit=limit)
    splits = split_dataset(dataset, (7, 2, 2), seed=0)
    found = names_of_test(splits, range(len(splits.test)))
    assert len(found) == len(splits.test) > 0
    for place, name in found.items():
        assert name.endswith(f"/{int(splits.test.raw[place].max())}.png"), name


def test_a_row_of_a_table_has_the_number_of_its_line(tmp_path: Path) -> None:
    lines = ["size,kind", *(f"{number},{'ab'[number % 2]}" for number in range(2, 42))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    splits = split_dataset(load_dataset(str(tmp_path / "t.csv")), (7, 2, 1), seed=0)
    for place, name in names_of_test(splits, range(len(splits.test))).items():
        assert name == f"line {int(splits.test.raw[place][0])}"


def test_arrays_have_no_names() -> None:
    splits = split_dataset(load_dataset("digits"), (7, 2, 1), seed=0)
    assert names_of_test(splits, [0, 1]) == {}
