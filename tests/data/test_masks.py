"""Folders of images and their masks."""

import numpy as np
import pytest

from vaiopt.data import load_dataset
from vaiopt.errors import DataError
from vaiopt.search.training.options import model_overrides
from vaiopt.search.training.shared import Shared
from vaiopt.settings import load_settings

image = pytest.importorskip("PIL.Image")


def write(root, count=4, size=(8, 6), highest=2, mode="L"):
    random = np.random.RandomState(0)
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for i in range(count):
        pixels = random.randint(0, 255, (size[1], size[0], 3)).astype(np.uint8)
        image.fromarray(pixels).save(str(root / "images" / f"{i}.png"))
        mask = random.randint(0, highest + 1, (size[1], size[0])).astype(np.uint8)
        found = image.fromarray(mask)
        if mode == "P":
            found.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
        found.convert(mode).save(str(root / "masks" / f"{i}.png"))
    return root


@pytest.mark.parametrize("mode", ["L", "P"])
def test_images_and_masks_are_paired_by_their_names(tmp_path, mode):
    dataset = load_dataset(str(write(tmp_path / "roads", mode=mode)))
    assert dataset.task == "segmentation" and dataset.classes == ("0", "1", "2")
    assert dataset.x.shape == (4, 6, 8, 3) and dataset.y.shape == (4, 6, 8)
    assert len(dataset.fingerprint) == 64


def test_given_sets_names_and_a_size_are_taken(tmp_path):
    for name in ("train", "val", "test"):
        write(tmp_path / "roads" / name)
    (tmp_path / "roads" / "classes.txt").write_text("sky\nroad\nvoid\n")
    dataset = load_dataset(str(tmp_path / "roads"), image_size=[12, 16], unscored=["void"], limit=9)
    assert dataset.x.shape[1:] == (12, 16, 3) and dataset.y.shape[1:] == (12, 16)
    assert dataset.classes == ("sky", "road") and set(np.unique(dataset.y)) == {0, 1, 255}
    assert len(dataset.test.y) == len(dataset.validation.y) == 3


def write_set(images, masks, image_name="{}.png", mask_name="{}.png", count=3):
    """Write images into a folder and their masks into another."""
    random = np.random.RandomState(0)
    for folder, name, shape, highest in (
        (images, image_name, (6, 8, 3), 255),
        (masks, mask_name, (6, 8), 3),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(count):
            pixels = random.randint(0, highest, shape).astype(np.uint8)
            image.fromarray(pixels).save(str(folder / name.format(i)))


@pytest.mark.parametrize(
    "images, masks",
    [
        ("{}", "{}annot"),
        ("{}", "{}_masks"),
        ("{}_images", "{}_labels"),
        ("images/{}", "masks/{}"),
        ("leftImg8bit/{}", "gtFine/{}"),
        ("data/{}/images", "data/{}/masks"),
    ],
)
def test_given_sets_lie_where_people_put_them(tmp_path, images, masks):
    for count, name in enumerate(("train", "val", "test"), 2):
        write_set(tmp_path / images.format(name), tmp_path / masks.format(name), count=count)
    dataset = load_dataset(str(tmp_path))
    assert dataset.task == "segmentation"
    assert [len(y) for y in (dataset.y, dataset.validation_y, dataset.test_y)] == [2, 3, 4]


def test_a_set_without_masks_is_named(tmp_path):
    write_set(tmp_path / "train", tmp_path / "train_masks")
    write_set(tmp_path / "test", tmp_path / "elsewhere")
    with pytest.raises(DataError, match="no masks for 'test'"):
        load_dataset(str(tmp_path))


@pytest.mark.parametrize(
    "image_name, mask_name",
    [
        ("{}.jpg", "{}_mask.png"),
        ("img_1{}.png", "mask_1{}.png"),
        ("a_{}_left.png", "a_{}_gt_id.png"),
    ],
)
def test_names_may_differ_by_what_all_of_a_folder_share(tmp_path, image_name, mask_name):
    write_set(tmp_path / "images", tmp_path / "masks", image_name, mask_name, count=4)
    assert len(load_dataset(str(tmp_path)).y) == 4
    (tmp_path / "masks" / mask_name.format(2)).unlink()
    with pytest.raises(DataError, match="no mask for"):
        load_dataset(str(tmp_path))


def test_what_does_not_fit_is_refused_with_the_file(tmp_path):
    root = write(tmp_path / "roads")
    (root / "masks" / "3.png").unlink()
    with pytest.raises(DataError, match="no mask for '3.png'"):
        load_dataset(str(root))
    image.new("RGB", (8, 6), "red").save(str(root / "masks" / "3.png"))
    with pytest.raises(DataError, match="3.png' has colours"):
        load_dataset(str(root))
    image.new("L", (4, 6)).save(str(root / "masks" / "3.png"))
    with pytest.raises(DataError, match="3.png' is 4x6, its image 8x6"):
        load_dataset(str(root))
    (root / "classes.txt").write_text("sky\n")
    image.new("L", (8, 6)).save(str(root / "masks" / "3.png"))
    with pytest.raises(DataError, match="names 1 classes, and the masks hold class 2"):
        load_dataset(str(root))
    with pytest.raises(DataError, match="data.unscored names 'sky'"):
        (root / "classes.txt").unlink()
        load_dataset(str(root), unscored=["sky"])


def test_masks_take_the_size_that_is_searched(tmp_path):
    root = write(tmp_path / "roads", count=30, size=(8, 8))
    words = [f"data.source={root}", "data.image_size={choice=[8,16]}", "model.family=unet"]
    settings = load_settings(None, words)
    shared = Shared(settings)
    hp = shared.hyperparameters({"image_size": 16}, model_overrides(settings))
    assert hp.input_shape == (16, 16, 3) and hp.y_shape == (16, 16)
    assert shared.at({"image_size": 16}).dataset.y.shape == (30, 16, 16)


def test_all_pairs_that_do_not_fit_are_told_at_once_or_left_out(tmp_path):
    root = write(tmp_path / "roads", count=9)
    (root / "masks" / "0.png").unlink()
    (root / "images" / "1.png").unlink()
    image.new("L", (4, 6)).save(str(root / "masks" / "2.png"))
    (root / "masks" / "3.png").write_bytes(b"")
    (root / "images" / "4.png").write_bytes(b"x")
    (root / "masks" / "notes.txt").write_text("x")
    with pytest.raises(DataError, match="5 files of '.*roads' cannot be used") as caught:
        load_dataset(str(root))
    for told in ("no mask for '0.png'", "no image for the mask '1.png'", "2.png' is 4x6, its"):
        assert told in caught.value.message
    dataset = load_dataset(str(root), skip_corrupt=True)
    assert dataset.files.names == tuple(f"images/{i}.png" for i in (5, 6, 7, 8))
    assert len(dataset.x) == len(dataset.y) == 4
    assert dataset.files.left_out[0].count == 5 and "1 .txt" in dataset.notes[0]


def test_a_mask_that_keeps_no_numbers_is_named(tmp_path):
    root = write(tmp_path / "roads")
    (root / "masks" / "2.png").rename(root / "masks" / "2.jpg")
    with pytest.raises(DataError, match="masks.2.jpg' is of a format that changes numbers"):
        load_dataset(str(root))


STORED = {
    "1": lambda numbers: image.fromarray(numbers * 255).convert("1"),
    "16 bits": lambda numbers: image.fromarray(numbers.astype(np.uint16)),
    "grey RGB": lambda numbers: image.fromarray(numbers).convert("RGB"),
    "tif": image.fromarray,
}


@pytest.mark.parametrize("kind", STORED)
def test_masks_are_numbers_however_they_are_stored(tmp_path, kind):
    root = write(tmp_path / "roads", highest=1)
    before = load_dataset(str(root)).y
    for path in (root / "masks").glob("*.png"):
        numbers = np.asarray(image.open(str(path)))
        stored = STORED[kind](numbers)
        path.unlink()
        stored.save(str(path.with_suffix(".tif" if kind == "tif" else ".png")))
    assert (load_dataset(str(root)).y == before).all()


def test_masks_turn_with_their_images(tmp_path):
    root = write(tmp_path / "roads", size=(8, 6))
    turned = image.Exif()
    turned[0x0112] = 6
    for path in [*(root / "images").glob("*.png"), *(root / "masks").glob("*.png")]:
        found = image.open(str(path))
        found.load()
        found.save(str(path), exif=turned)
    dataset = load_dataset(str(root))
    assert dataset.x.shape[1:3] == dataset.y.shape[1:] == (8, 6)
