"""Folders of images."""

import numpy as np
import pytest
from PIL import Image

from vaiopt.data import DataRecipe, data_recipe, load_dataset, split_dataset
from vaiopt.data.names import names_of_test
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
    (tmp_path / "test" / "d").mkdir()
    refused("holds a class 'c' .and 1 more. that", tmp_path)
    (tmp_path / "test" / "c").rmdir()
    (tmp_path / "test" / "d").rmdir()


def test_a_given_set_may_lack_classes_and_it_is_told(tmp_path):
    for name in "abc":
        for part in ("train", "val", "test"):
            save(tmp_path / part / name / f"{part}.png")
    (tmp_path / "test" / "b" / "test.png").unlink()
    (tmp_path / "val" / "c" / "val.png").unlink()
    (tmp_path / "val" / "c").rmdir()
    dataset = load_dataset(str(tmp_path))
    assert dataset.test_y.tolist() == [0, 2] and dataset.validation_y.tolist() == [0, 1]
    assert "the given test set has no sample of class 'b'" in dataset.notes
    assert "the given validation set has no sample of class 'c'" in dataset.notes
    (tmp_path / "test" / "a" / "test.png").unlink()
    (tmp_path / "test" / "c" / "test.png").unlink()
    refused("test' hold no image", tmp_path)


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


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_of_16_bits_the_upper_8_count(tmp_path, suffix):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        pixels = np.full((6, 8), 0x9C40, np.uint16)
        Image.fromarray(pixels).save(str(tmp_path / name / f"0.{suffix}"))
    dataset = load_dataset(str(tmp_path))
    assert dataset.x.shape == (2, 6, 8, 1) and set(np.unique(dataset.x)) == {0x9C}


def test_16_bits_of_which_few_are_used_are_told(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((6, 8), 4000, np.uint16)).save(str(tmp_path / name / "0.png"))
    assert "these use only 0 to 15 of 255" in load_dataset(str(tmp_path)).notes[0]


def test_pixels_of_more_than_16_bits_are_refused(folder):
    Image.fromarray(np.full((6, 8), 70000, np.int32)).save(str(folder / "cat" / "0.tif"))
    refused("0.tif' has pixels of more than 16 bits", folder)
    Image.fromarray(np.full((6, 8), 0.5, np.float32)).save(str(folder / "cat" / "0.tif"))
    refused("0.tif' has pixels of a kind that is not read .mode F", folder)


def test_folders_without_classes_or_images_are_refused(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    refused("holds no class folders", tmp_path / "empty")
    save(tmp_path / "one" / "a" / "0.png")
    refused("a single class folder, 'a'", tmp_path / "one")
    for name in ("eel", "eft"):
        (folder / name).mkdir()
    refused("class folder '.*eel' holds no image .and 1 more", folder)


def test_a_folder_that_may_not_be_read_is_refused(folder, monkeypatch):
    def closed(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(type(folder), "iterdir", closed)
    refused("pets' cannot be read \\(.*Permission denied", folder)


def test_folders_in_class_folders_belong_to_the_class(folder):
    save(folder / "dog" / "old" / "9.png", value=104)
    dataset = load_dataset(str(folder))
    assert dataset.y.tolist() == [0] * 4 + [1] * 5 and "dog/old/9.png" in dataset.files.names


def test_classes_one_folder_too_deep_are_refused(tmp_path):
    for version in ("v1", "v2"):
        for name in ("cat", "dog"):
            save(tmp_path / version / name / "0.png")
    assert "v1'" in refused("hold no images themselves, but folders", tmp_path).hint


def test_a_folder_around_the_classes_or_the_sets_is_gone_into(tmp_path):
    for name in ("cat", "dog"):
        save(tmp_path / "archive" / "pets" / name / "0.png")
        for part in ("seg_train", "seg_test"):
            save(tmp_path / "scenes" / part / part / name / "0.png")
    assert load_dataset(str(tmp_path / "archive")).classes == ("cat", "dog")
    dataset = load_dataset(str(tmp_path / "scenes"))
    assert dataset.classes == ("cat", "dog") and dataset.test_y.tolist() == [0, 1]


def test_a_folder_that_holds_itself_is_refused_by_its_own_name(tmp_path):
    (tmp_path / "round" / "self").mkdir(parents=True)
    (tmp_path / "round" / "self" / "again").symlink_to("..", target_is_directory=True)
    refused("round' holds a single class folder, 'self'", tmp_path / "round")


def test_a_single_class_is_refused_and_a_list_beside_it_is_named(tmp_path):
    save(tmp_path / "images" / "0.png")
    assert "FOLDER/CLASS" in refused("a single class folder, 'images'", tmp_path).hint
    (tmp_path / "labels.csv").write_text("file,label\n0.png,a\n")
    assert "labels.csv" in refused("a single class folder, 'images'", tmp_path).hint


def test_a_test_set_without_classes_is_told_apart(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / "train" / name / "0.png")
    save(tmp_path / "test" / "0.png")
    assert "vaiopt predict" in refused("it has no folders at all", tmp_path).hint


@pytest.mark.parametrize(
    "names", [("Training", "Testing"), ("TRAIN", "Test"), ("train_set", "5-test")]
)
def test_sets_are_known_by_their_usual_names(tmp_path, names):
    for part in names:
        for name in ("a", "b"):
            save(tmp_path / part / name / "0.png")
    dataset = load_dataset(str(tmp_path))
    assert dataset.classes == ("a", "b") and len(dataset.test_y) == 2


def test_links_are_followed_to_images_and_to_classes_but_not_in_circles(folder, tmp_path):
    outside = save(tmp_path / "elsewhere" / "a name.PNG", value=7)
    (folder / "cat" / "link.png").symlink_to(outside)
    (folder / "eel").symlink_to(outside.parent)
    (folder / "cat" / "circle").symlink_to(folder)
    dataset = load_dataset(str(folder))
    assert np.bincount(dataset.y).tolist() == [5, 4, 1]
    assert "links to folders (cat/circle)" in " ".join(dataset.notes)


def test_what_is_left_out_is_counted_by_kind_and_named(folder):
    for name in ("README.txt", "a.txt", "b.txt", "c.txt"):
        (folder / "cat" / name).write_text("x")
    for name in (".DS_Store", "._0.png"):
        (folder / "dog" / name).write_bytes(b"x")
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "__MACOSX" / "cat").mkdir(parents=True)
    (folder / "dog" / "LICENSE").write_text("x")
    save(folder / "loose.png")
    assert load_dataset(str(folder)).notes == (
        "files left out: 4 .txt (cat/README.txt, cat/a.txt, cat/b.txt, ...),"
        " 2 hidden (dog/.DS_Store, dog/._0.png), 1 .db (Thumbs.db),"
        " 1 images beside the class folders (loose.png), 1 without an ending (dog/LICENSE)",
    )


def test_all_that_cannot_be_read_is_told_at_once_and_left_out_when_asked_for(folder):
    whole = (folder / "dog" / "0.png").read_bytes()
    for number in range(12):
        (folder / "dog" / f"x{number}.png").write_bytes(whole[: 20 + number])
    (folder / "cat" / "0.png").write_bytes(whole[: len(whole) // 2])
    (folder / "cat" / "y.png").write_bytes(b"")
    (folder / "cat" / "phone.heic").write_bytes(b"x")
    error = refused("15 files of '.*pets' cannot be used: ", folder)
    for told in ("'cat/0.png' cannot be read", "'cat/phone.heic' is an image", "and 5 more"):
        assert told in error.message
    assert "data.skip_corrupt=true" in error.hint
    dataset = load_dataset(str(folder), skip_corrupt=True)
    assert dataset.y.tolist() == [0] * 3 + [1] * 4 and dataset.x[0, 0, 0, 0] == 1
    assert dataset.files.names[0] == "cat/1.png" and len(dataset.files.names) == 7
    assert "15 that cannot be read (cat/0.png, " in dataset.notes[0]
    for path in (folder / "cat").glob("*.png"):
        path.write_bytes(b"")
    refused("no image of class 'cat' can be read", folder, skip_corrupt=True)
    for path in (folder / "dog").glob("*.png"):
        path.write_bytes(b"")
    refused("22 files of", folder, skip_corrupt=True)


def test_a_run_keeps_that_files_were_left_out(folder):
    for number in range(4, 10):
        save(folder / "cat" / f"{number}.png", seed=number)
        save(folder / "dog" / f"{number}.png", seed=number)
    (folder / "dog" / "9.png").write_bytes(b"")
    dataset = load_dataset(str(folder), skip_corrupt=True, image_size=[4, 4], resize="pad")
    recipe = data_recipe(dataset, split_dataset(dataset, (7, 2, 1), seed=0))
    again = DataRecipe.from_json(recipe.to_json())
    assert again.skip_corrupt and again.resize == "pad"
    part = names_of_test(split_dataset(dataset, (7, 2, 1), seed=0), [0])
    assert (folder / part[0]).is_file()


def test_names_may_hold_anything(folder):
    for name in ("a b", "na\u00efve \U0001f436", "line\nbreak", "tab\there"):
        save(folder / "cat" / f"{name}.PNG")
    (folder / "dog" / "bad\x1b[31m.png").write_bytes(b"x")
    assert r"\x1b" in refused("bad.*cannot be read", folder).message
    assert len(load_dataset(str(folder), skip_corrupt=True)) == 12
