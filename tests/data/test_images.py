"""How images and masks are brought to another size."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Tuple

import numpy as np
import pytest
from PIL import Image

from vaiopt.data import data_recipe, load_dataset, split_dataset
from vaiopt.data.images import RESIZES, fit_images, fit_masks
from vaiopt.data.unlabelled import read_unlabelled
from vaiopt.errors import DataError
from vaiopt.settings import choices


def half(height: int, width: int) -> np.ndarray:
    """An image whose left half is 100 and whose right half is 200."""
    x = np.full((1, height, width, 1), 100, np.uint8)
    x[:, :, width // 2 :] = 200
    return x


def test_every_way_is_a_choice_of_the_settings() -> None:
    assert tuple(RESIZES) == choices.names(choices.RESIZES)


@pytest.mark.parametrize("shape", [(20, 60), (60, 20), (1, 100), (100, 1), (7, 13), (9, 9)])
@pytest.mark.parametrize("size", [(10, 10), (5, 20), (20, 5), (1, 1), (64, 48)])
@pytest.mark.parametrize("resize", RESIZES)
def test_any_image_gets_the_size_that_is_asked_for(
    shape: Tuple[int, int], size: Tuple[int, int], resize: str
) -> None:
    x = np.full((1, *shape, 3), 9, np.uint8)
    fitted = fit_images(x, size, False, resize)
    assert fitted.shape == (1, *size, 3) and set(np.unique(fitted)) <= {0, 9}
    masks = fit_masks(x[..., 0], size, resize)
    assert masks.shape == (1, *size) and set(np.unique(masks)) <= {9, 255}
    assert ((masks == 255) == (fitted[..., 0] == 0)).all()  # the same geometry


def test_stretched_takes_all_cropped_the_middle_and_padded_keeps_the_form() -> None:
    x = half(20, 60)
    stretched = fit_images(x, (10, 10), False)[0, :, :, 0]
    assert (stretched[:, :4] == 100).all() and (stretched[:, 6:] == 200).all()
    x[:, :, :20] = x[:, :, 40:] = 7  # what is cut off
    cropped = fit_images(x, (10, 10), False, "crop")[0, :, :, 0]
    assert (cropped[:, 1:4] == 100).all() and (cropped[:, 6:9] == 200).all()
    padded = fit_images(half(20, 60), (9, 9), False, "pad")[0, :, :, 0]
    assert (padded[:3] == 0).all() and (padded[6:] == 0).all()
    assert (padded[3:6, :3] == 100).all() and (padded[3:6, 6:] == 200).all()


def test_floats_are_resized_in_their_type() -> None:
    x = half(20, 60).astype(np.float32) / 255
    padded = fit_images(x, (9, 9), False, "pad")
    assert padded.dtype == np.float32 and padded.min() == 0 and 0.7 < padded.max() < 0.8


def test_an_unknown_way_is_refused_with_the_nearest() -> None:
    with pytest.raises(DataError, match="data.resize is 'streched'") as caught:
        load_dataset("digits", image_size=[4, 4], resize="streched")
    assert "'stretch'" in caught.value.hint


@pytest.mark.parametrize("resize", RESIZES)
def test_files_arrays_and_what_is_predicted_are_resized_alike(tmp_path: Path, resize: str) -> None:
    random = np.random.RandomState(0)
    x = random.randint(0, 256, (20, 12, 30, 3)).astype(np.uint8)
    for i, pixels in enumerate(x):
        path = tmp_path / "photos" / "ab"[i % 2] / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(str(path))
    np.savez(str(tmp_path / "arrays.npz"), x=x, y=np.arange(20) % 2)
    options: Any = {"image_size": [8, 8], "resize": resize}
    of_files = load_dataset(str(tmp_path / "photos"), **options)
    of_arrays = load_dataset(str(tmp_path / "arrays.npz"), **options)
    places = [int(Path(name).stem) for name in of_files.files.names]
    assert (of_files.x == of_arrays.x[places]).all()
    recipe = data_recipe(of_files, split_dataset(of_files, (7, 2, 1), seed=0))
    found = read_unlabelled(tmp_path / "photos", recipe)
    assert sorted(a.tobytes() for a in found.load(0, 20)) == sorted(a.tobytes() for a in of_files.x)
    assert (read_unlabelled(x, recipe).load(0, 20) == of_arrays.x).all()


@pytest.mark.parametrize("resize", RESIZES)
def test_masks_of_files_are_resized_as_those_of_arrays(tmp_path: Path, resize: str) -> None:
    random = np.random.RandomState(0)
    x = random.randint(0, 256, (6, 12, 30, 3)).astype(np.uint8)
    masks = random.randint(0, 3, (6, 12, 30)).astype(np.uint8)
    for name, arrays in (("images", x), ("masks", masks)):
        (tmp_path / "roads" / name).mkdir(parents=True)
        for i, array in enumerate(arrays):
            Image.fromarray(array).save(str(tmp_path / "roads" / name / f"{i}.png"))
    np.savez(str(tmp_path / "arrays.npz"), x=x, y=masks)
    options: Any = {"image_size": [8, 8], "resize": resize, "task": "segmentation"}
    of_files = load_dataset(str(tmp_path / "roads"), **options)
    of_arrays = load_dataset(str(tmp_path / "arrays.npz"), **options)
    assert (of_files.x == of_arrays.x).all() and (of_files.y == of_arrays.y).all()
    assert (255 in of_files.y) == (resize == "pad")
