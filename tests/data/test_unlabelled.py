"""Samples to predict are brought into the form of the training data, or refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vaiopt.data import data_recipe, load_dataset, split_dataset
from vaiopt.data.recipe import DataRecipe
from vaiopt.data.unlabelled import read_unlabelled
from vaiopt.errors import DataError


def recipe_of(source: Any, **options: Any) -> DataRecipe:
    dataset = load_dataset(str(source), **options)
    return data_recipe(dataset, split_dataset(dataset, (7, 2, 1), seed=0))


@pytest.fixture(scope="module")
def digits() -> DataRecipe:
    return recipe_of("digits")


def images(folder: Path, count: int = 12, mode: str = "RGB") -> Path:
    """Images of two classes, of whatever size."""
    rng = np.random.RandomState(0)
    for i in range(count):
        path = folder / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.randint(0, 256, (9, 9, 3), np.uint8)).convert(mode).save(str(path))
    return folder


def test_images_are_read_as_those_of_the_run_were(tmp_path: Path) -> None:
    folder = images(tmp_path / "images")
    dataset = load_dataset(str(folder), image_size=(6, 6))
    found = read_unlabelled(folder, recipe_of(folder, image_size=(6, 6)))
    raw = found.load(0, len(found.names))
    assert raw.dtype == np.uint8 and sorted(found.names)[0] == "a/0.png"
    given = {a.tobytes() for a in dataset.x}
    assert {a.tobytes() for a in raw} == given


def test_pixels_are_brought_into_the_range_of_the_raw_data(
    digits: DataRecipe, tmp_path: Path
) -> None:
    """Those of the digits are 0 to 16."""
    path = tmp_path / "white.png"
    pixels = np.zeros((8, 8), np.uint8)
    pixels[0, 0] = 255
    Image.fromarray(pixels).save(str(path))
    raw = read_unlabelled(path, digits).load(0, 1)
    dataset = load_dataset("digits")
    assert abs(float(raw.max()) - float(dataset.x.max())) < 0.01
    assert abs(float(raw.min()) - float(dataset.x.min())) < 0.01
    applied = digits.preprocessing.apply(raw)
    assert abs(applied.max() - digits.preprocessing.input_range[1]) < 1e-3


def test_a_folder_is_searched_and_what_is_left_out_is_said(
    digits: DataRecipe, tmp_path: Path
) -> None:
    images(tmp_path / "in" / "side", 2, "L")
    (tmp_path / "in" / ".hidden.png").write_bytes(b"x")
    (tmp_path / "in" / "phone.heic").write_bytes(b"x")
    found = read_unlabelled(tmp_path / "in", digits)
    (tmp_path / "in" / "side" / "cut.jpg").write_bytes(b"")
    again = read_unlabelled(tmp_path / "in", digits)
    assert found.names == again.names == ("side/a/0.png", "side/b/1.png")
    assert "1 that cannot be read (phone.heic)" in found.notes[0]
    assert "2 that cannot be read (phone.heic, side/cut.jpg)" in again.notes[0]
    for path in (tmp_path / "in" / "side").rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="4 files of '.*in' cannot be used"):
        read_unlabelled(tmp_path / "in", digits)


def test_a_table_is_coded_as_in_training_whatever_else_it_holds(tmp_path: Path) -> None:
    lines = ["size,colour,kind"]
    lines += [f"{i}.5,{'red' if i % 3 else ''},{'ab'[i % 2]}" for i in range(30)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    recipe = recipe_of(tmp_path / "t.csv")
    (tmp_path / "new.csv").write_text("id,colour,size\n7,red,2\n8,,3.5\n")
    found = read_unlabelled(tmp_path / "new.csv", recipe)
    assert found.names == ("line 2", "line 3") and "id" in found.notes[0]
    names = recipe.feature_names
    raw = found.load(0, 2)
    assert raw[:, names.index("size")].tolist() == [2.0, 3.5]
    assert raw[:, names.index("colour=red")].tolist() == [1.0, 1.0]
    for text, message in (
        ("colour\nred\n,", "single column|lacks the column 'size'"),
        ("colour,size\nblue,2\n", "holds 'blue', which training did not"),
        ("colour,size\nred,big\n", "holds 'big', which is no number"),
        ("colour,size\nred,\n", "has gaps"),
        ("colour,kind\nred,a\n", "lacks the column 'size'"),
    ):
        (tmp_path / "new.csv").write_text(text)
        with pytest.raises(DataError, match=message):
            read_unlabelled(tmp_path / "new.csv", recipe)


def test_arrays_of_one_sample_or_many_are_taken(digits: DataRecipe, tmp_path: Path) -> None:
    x = load_dataset("digits").x[:3]
    assert len(read_unlabelled(x, digits).names) == 3
    assert len(read_unlabelled(x[0], digits).names) == 1
    assert len(read_unlabelled(x[0, :, :, 0], digits).names) == 1
    np.savez(str(tmp_path / "x.npz"), x=x)
    assert np.array_equal(read_unlabelled(tmp_path / "x.npz", digits).load(0, 3), x)
    bigger = np.kron(x, np.ones((1, 2, 2, 1)))
    assert read_unlabelled(bigger, digits).load(0, 3).shape == x.shape


def test_what_cannot_be_predicted_is_refused(digits: DataRecipe, tmp_path: Path) -> None:
    images(tmp_path / "photos")
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("x")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    np.savez(str(tmp_path / "other.npz"), z=[1])
    flat = replace(digits, shape=(4,))
    for given, recipe, message, hint in (
        (tmp_path / "foto", digits, "there is no", "photos"),
        (tmp_path / "empty", digits, "holds no image", ".png"),
        (tmp_path / "text.txt", digits, "is no image", ".png"),
        (tmp_path / "table.csv", digits, "not of named columns", ".npz"),
        (tmp_path / "other.npz", digits, "holds no array 'x'", "savez"),
        (tmp_path / "photos", flat, "the data of the run are a table", "4"),
        (np.zeros((2, 5)), digits, "samples of shape", "8, 8, 1"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            read_unlabelled(given, recipe)
        assert hint in caught.value.hint
