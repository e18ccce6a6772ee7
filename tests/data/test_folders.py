"""Folders of images."""

import numpy as np
import pytest
from PIL import Image

from vaiopt.data import load_dataset, split_dataset
from vaiopt.errors import DataError


def save(path, size=(8, 6), mode="L", value=None, seed=0):
    """Write an image of ``size`` (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.RandomState(seed).randint(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    if value is not None:
        pixels[:] = value
    Image.fromarray(pixels).convert(mode).save(str(path))
    return path


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("cat", "dog")):
        for i in range(4):
            save(tmp_path / "pets" / name / f"{i}.png", value=100 * number + i)
    return tmp_path / "pets"


def refused(match, folder, **options):
    with pytest.raises(DataError, match=match) as caught:
        load_dataset(str(folder), **options)
    return caught.value


def test_classes_are_the_sorted_names_of_subfolders(folder):
    (folder / "notes.txt").write_text("not an image", encoding="utf-8")
    (folder / "cat" / "Thumbs.db").write_bytes(b"x")
    (folder / ".hidden").mkdir()
    dataset = load_dataset(str(folder))
    assert dataset.classes == ("cat", "dog") and dataset.name == "pets"
    assert dataset.x.shape == (8, 6, 8, 1) and dataset.x.dtype == np.uint8
    assert (
        dataset.x[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 100, 101, 102, 103]
        and dataset.y.tolist() == [0] * 4 + [1] * 4
    )


def test_train_and_test_folders_are_a_given_test_set(tmp_path):
    for part, count in (("train", 10), ("test", 3)):
        for name in ("a", "b"):
            for i in range(count):
                save(tmp_path / part / name / f"{i}.bmp")
    dataset = load_dataset(str(tmp_path))
    assert len(dataset.y) == 20 and dataset.test_y.tolist() == [0] * 3 + [1] * 3
    assert split_dataset(dataset, seed=0, pool=False).sizes() == {
        "train": 16,
        "validation": 4,
        "test": 6,
    }
    (tmp_path / "test" / "c").mkdir()
    refused("holds a class 'c' that", tmp_path)
    (tmp_path / "test" / "c").rmdir()
    save(tmp_path / "train" / "c" / "0.png")
    refused("has no class folder 'c'", tmp_path)


def test_another_folder_beside_train_is_refused_rather_than_left_out(tmp_path):
    for part in ("train", "extra"):
        save(tmp_path / part / "a" / "0.png")
    refused("holds 'train' and also 'extra'", tmp_path)


@pytest.mark.parametrize(
    "mode, suffix",
    [
        ("RGB", "png"),
        ("RGB", "jpg"),
        ("RGBA", "png"),
        ("P", "png"),
        ("CMYK", "jpg"),
        ("L", "JPEG"),
        ("1", "png"),
        ("LA", "png"),
    ],
)
def test_every_usual_kind_of_image_is_read(tmp_path, mode, suffix):
    for name in ("a", "b"):
        save(tmp_path / name / ("0." + suffix), mode=mode)
    channels = 1 if mode in ("1", "L", "LA") else 3
    assert load_dataset(str(tmp_path)).x.shape == (2, 6, 8, channels)
    assert load_dataset(str(tmp_path), grayscale=True).x.shape == (2, 6, 8, 1)


def test_grey_and_colour_together_become_colour(folder):
    save(folder / "cat" / "9.png", mode="RGB")
    assert load_dataset(str(folder)).x.shape == (9, 6, 8, 3)


def test_images_are_resized_to_height_and_width(folder):
    save(folder / "cat" / "9.png", size=(20, 30))
    assert load_dataset(str(folder), image_size=[3, 4]).x.shape == (9, 3, 4, 1)
    error = refused("images differ in size: '.*0.png' is 8x6, '.*9.png' is 20x30", folder)
    assert "[6, 8]" in error.hint


def test_the_hash_is_that_of_the_files(folder):
    before = load_dataset(str(folder))
    assert before.sha256() == load_dataset(str(folder), image_size=[3, 4]).sha256()
    save(folder / "cat" / "0.png", value=77)
    assert load_dataset(str(folder)).sha256() != before.sha256()


def test_with_a_limit_other_images_are_not_even_opened(folder):
    limited = load_dataset(str(folder), limit=4, seed=3)
    kept = set(limited.x[:, 0, 0, 0].tolist())
    for number, name in enumerate(("cat", "dog")):
        for i in range(4):
            if 100 * number + i not in kept:
                (folder / name / f"{i}.png").write_bytes(b"broken")
    assert load_dataset(str(folder), limit=4, seed=3).sha256() == limited.sha256()
    assert np.bincount(limited.y).tolist() == [2, 2]


def test_broken_images_are_named(folder):
    content = (folder / "dog" / "2.png").read_bytes()
    for broken in (b"", b"hello", content[:20], content[: len(content) // 2]):
        (folder / "dog" / "2.png").write_bytes(broken)
        refused("dog.2.png' cannot be read as an image", folder)


def test_16_bit_images_are_refused(folder):
    Image.fromarray(np.full((6, 8), 40000, np.uint16)).save(str(folder / "cat" / "0.png"))
    refused("more than 8 bits", folder)


def test_folders_without_classes_or_images_are_refused(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    refused("holds no class folders", tmp_path / "empty")
    save(tmp_path / "one" / "a" / "0.png")
    refused("a single class folder, 'a'", tmp_path / "one")
    (folder / "eel").mkdir()
    refused("class folder '.*eel' holds no image", folder)


def test_a_folder_that_may_not_be_read_is_refused(folder, monkeypatch):
    def closed(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(type(folder), "iterdir", closed)
    refused("pets' cannot be read \\(.*Permission denied", folder)
