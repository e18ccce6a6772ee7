"""Images that have their classes in their names are read by these."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import numpy as np
import pytest

from vaiopt.data import load_dataset
from vaiopt.data.sources.named_images import class_of, is_named
from vaiopt.errors import DataError

Image = pytest.importorskip("PIL.Image")


def images(folder: Path, names: Sequence[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        Image.new("RGB", (6, 5), (number, 0, 0)).save(str(folder / name))
    return folder


def both(start: int = 0, count: int = 6) -> Sequence[str]:
    return [f"{kind}.{n}.png" for kind in ("cat", "dog") for n in range(start, start + count)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cat.0.jpg", "cat"),
        ("great_dane_12.png", "great_dane"),
        ("daisy (12).png", "daisy"),
        ("rose7.png", "rose"),
        ("n02085620_10074.jpg", "n02085620"),
        ("Größe-3.png", "Größe"),
        ("0001.png", None),
        ("2023-12-01 10-22.png", None),
        ("IMG_20231201_1234.jpg", None),
        ("DSC01.jpg", None),
        ("video_frame_3.png", None),
        ("cat.png", None),
        ("a1b2c3d4.png", None),
    ],
)
def test_a_name_tells_its_class_before_its_number(name: str, kind: str) -> None:
    assert class_of(Path(name)) == kind


def test_a_flat_folder_is_read_by_the_names(tmp_path: Path) -> None:
    found = load_dataset(str(images(tmp_path / "pets", both())))
    assert found.classes == ("cat", "dog") and list(found.y) == [0] * 6 + [1] * 6
    assert found.x.shape == (12, 5, 6, 3) and list(found.x[:, 0, 0, 0]) == list(range(12))
    assert found.files is not None and found.files.names[6] == "dog.0.png"
    assert any("begin with" in note for note in found.notes)


def test_given_sets_are_read_and_those_without_classes_left_out(tmp_path: Path) -> None:
    images(tmp_path / "train", both())
    images(tmp_path / "val", both(10, 2))
    images(tmp_path / "test1", [f"{n}.png" for n in range(4)])
    found = load_dataset(str(tmp_path))
    assert len(found.x) == 12 and found.validation_x is not None and len(found.validation_x) == 4
    assert found.test_x is None and any("'test1' have no class" in note for note in found.notes)
    images(tmp_path / "val", ["cow.1.png"])
    with pytest.raises(DataError, match=r"cow.1.png' begins with none of the 2 classes"):
        load_dataset(str(tmp_path))


def test_what_cannot_be_read_is_told_or_left_out(tmp_path: Path) -> None:
    images(tmp_path, both())
    (tmp_path / "cat.9.png").write_bytes(b"no image")
    (tmp_path / "._cat.7.png").write_bytes(b"of macOS")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"cat.9.png"):
        load_dataset(str(tmp_path))
    found = load_dataset(str(tmp_path), skip_corrupt=True)
    assert len(found.x) == 12 and len(found.y) == 12
    assert found.files is not None and len(found.files.left_out) == 3


@pytest.mark.parametrize(
    "names",
    [
        [f"IMG_{n}.png" for n in range(6)] + [f"DSC_{n}.png" for n in range(6)],
        [f"cat_{n}.png" for n in range(6)],
        [*(f"cat_{n}.png" for n in range(6)), "dog_1.png"],
        [*(f"cat_{n}.png" for n in range(6)), "dog_1.png", "dog_2.png", "other.png"],
    ],
)
def test_names_of_cameras_one_class_and_strays_are_no_classes(
    tmp_path: Path, names: Sequence[str]
) -> None:
    assert not is_named(images(tmp_path, names))
    with pytest.raises(DataError, match="no class folders"):
        load_dataset(str(tmp_path))


def test_a_limit_keeps_the_shares_and_files_decide_the_fingerprint(tmp_path: Path) -> None:
    images(tmp_path, both())
    few = load_dataset(str(tmp_path), limit=6)
    assert len(few.x) == 6 and np.bincount(few.y).tolist() == [3, 3]
    before = load_dataset(str(tmp_path)).sha256()
    (tmp_path / "cat.0.png").rename(tmp_path / "dog.99.png")
    assert load_dataset(str(tmp_path)).sha256() != before


def test_a_class_of_which_no_image_is_left_is_named(tmp_path: Path) -> None:
    images(tmp_path, both())
    for number in range(6):
        (tmp_path / f"dog.{number}.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="no image of class 'dog' can be read"):
        load_dataset(str(tmp_path), skip_corrupt=True)
