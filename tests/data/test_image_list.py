"""A table that lists images is read as these images, with what it says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vaiopt.data import load_dataset
from vaiopt.data.image_files import read_picture
from vaiopt.errors import DataError

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve images in ``images/``."""
    (tmp_path / "images").mkdir()
    random = np.random.RandomState(0)
    for number in range(12):
        pixels = random.randint(0, 256, (6, 5, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(str(tmp_path / "images" / f"{number}.png"))
    return tmp_path


def write(folder: Path, *lines: str, head: str = "file,label", name: str = "list.csv") -> str:
    (folder / name).write_text("\n".join([head, *lines]) + "\n")
    return str(folder / name)


def listed(count: int = 12, tail: Any = lambda n: "ab"[n % 2]) -> Any:
    return [f"images/{n}.png,{tail(n)}" for n in range(count)]


def test_images_and_classes_are_those_of_the_lines(folder: Path) -> None:
    found = load_dataset(write(folder, *listed()))
    assert found.task == "classification" and found.classes == ("a", "b")
    assert list(found.y) == [0, 1] * 6 and found.x.shape == (12, 6, 5, 3)
    for number in range(12):
        path = folder / "images" / f"{number}.png"
        assert np.array_equal(found.x[number], read_picture(path, False, (6, 5)))
    assert found.files is not None and found.files.names[3] == "images/3.png"
    assert found.feature_names == ()
    again = load_dataset(write(folder, *reversed(listed())))
    assert np.array_equal(again.x, found.x[::-1]) and again.sha256() != found.sha256()


def test_names_may_be_of_a_folder_beside_the_list(folder: Path) -> None:
    lines = [line.partition("/")[2] for line in listed()]
    found = load_dataset(write(folder, *lines))
    assert found.files is not None and found.files.names[3] == "images/3.png"
    (folder / "copies").mkdir()
    (folder / "copies" / "0.png").write_bytes((folder / "images" / "0.png").read_bytes())
    with pytest.raises(DataError, match="cannot be used"):  # which folder is not told
        load_dataset(write(folder, *lines))


def test_names_may_lack_their_endings(folder: Path) -> None:
    """As in the tables of Kaggle: ``id,breed`` beside ``train/`` and ``test/``."""
    (folder / "images").rename(folder / "train")
    (folder / "train" / "5.png").rename(folder / "train" / "5.PNG")
    (folder / "test").mkdir()
    (folder / "test" / "0.png").write_bytes((folder / "train" / "0.png").read_bytes())
    lines = [f"{n},{'ab'[n % 2]}" for n in range(12)]
    found = load_dataset(write(folder, *lines, head="id,breed"))
    assert found.files is not None and found.classes == ("a", "b")
    assert found.files.names[4:6] == ("train/4.png", "train/5.PNG")
    assert np.array_equal(found.x[3], read_picture(folder / "train" / "3.png", False, (6, 5)))
    nested = load_dataset(write(folder, *[f"train/{line}" for line in lines], head="id,breed"))
    assert np.array_equal(nested.x, found.x)
    with pytest.raises(DataError, match="cannot be read") as error:
        load_dataset(write(folder, *lines, "77,a", head="id,breed"))
    assert "77" in str(error.value) + error.value.hint
    Image.new("RGB", (6, 5)).save(str(folder / "train" / "3.jpg"))
    with pytest.raises(DataError, match=r"3.jpg or 3.png"):
        load_dataset(write(folder, *lines, head="id,breed"))


def test_a_table_whose_first_column_names_no_images_is_a_table(folder: Path) -> None:
    rows = [f"{n},{n % 3},{'ab'[n % 2]}" for n in range(12)]
    rows[2] = f"99,{rows[2][2:]}"
    table = load_dataset(write(folder, *rows, head="n,m,label"))
    assert table.files is None and table.sample_shape == (2,)


@pytest.mark.parametrize("first", ["/etc/hosts", "../0", "a/b" * 2000])
def test_texts_that_are_no_names_of_images_are_looked_for_without_harm(
    folder: Path, first: str
) -> None:
    rows = [f"{first}{n},{'ab'[n % 2]}" for n in range(12)]
    found = load_dataset(write(folder, *rows, head="text,label"))
    assert found.files is None and found.classes == ("a", "b")  # words as features


def test_a_wide_table_beside_its_images_is_a_table(folder: Path) -> None:
    names = ",".join(f"margin{i}" for i in range(20))
    rows = [f"{n},{'ab'[n % 2]},{','.join(str(n * i % 7) for i in range(20))}" for n in range(12)]
    found = load_dataset(write(folder, *rows, head=f"id,species,{names}"), target="species")
    assert found.files is None and found.sample_shape == (21,)


def test_quantities_several_of_them_and_other_columns(folder: Path) -> None:
    lines = [f"images/{n}.png,{n % 3},{n / 7:.3f},{n * 0.5 + 0.25},x{n}" for n in range(12)]
    head = "file,group,angle,speed,comment"
    one = load_dataset(write(folder, *lines, head=head), target="angle")
    assert one.task == "regression" and one.y[7] == pytest.approx(1.0)
    assert any("not used: group, speed, comment" in note for note in one.notes)
    two = load_dataset(write(folder, *lines, head=head), target="angle,speed")
    assert two.y.shape == (12, 2) and two.classes == ("angle", "speed")


def test_a_column_of_sets_is_heeded(folder: Path) -> None:
    parts = ["train"] * 6 + ["val"] * 2 + ["Test"] * 4
    lines = [f"{line},{part}" for line, part in zip(listed(), parts)]
    found = load_dataset(write(folder, *lines, head="file,label,split"), target="label")
    assert len(found.x) == 6
    assert found.validation_x is not None and len(found.validation_x) == 2
    assert found.test_x is not None and found.test_y is not None and len(found.test_x) == 4
    assert list(found.test_y) == [0, 1, 0, 1]
    path = folder / "images" / "8.png"
    assert np.array_equal(found.test_x[0], read_picture(path, False, (6, 5)))


def test_large_lists_stay_in_a_file_and_are_the_same(folder: Path) -> None:
    source = write(folder, *listed())
    one, other = load_dataset(source), load_dataset(source, in_memory_mb=0)
    assert isinstance(one.x, np.ndarray) and not isinstance(other.x, np.ndarray)
    assert np.array_equal(other.x[:], one.x) and other.sha256() == one.sha256()


def test_a_limit_reads_only_what_is_kept(folder: Path) -> None:
    for number in range(4, 12):
        (folder / "images" / f"{number}.png").unlink()
    source = write(folder, *listed(4))
    assert len(load_dataset(source, limit=2).x) == 2


def test_files_that_cannot_be_read_are_all_named_or_left_out(folder: Path) -> None:
    (folder / "images" / "3.png").write_bytes(b"no image")
    (folder / "images" / "5.png").unlink()
    source = write(folder, *listed())
    with pytest.raises(DataError) as caught:
        load_dataset(source)
    assert "images/3.png" in str(caught.value) and "images/5.png" in str(caught.value)
    found = load_dataset(source, skip_corrupt=True)
    assert len(found.x) == len(found.y) == 10 and list(found.y[:5]) == [0, 1, 0, 0, 0]


@pytest.mark.parametrize("lines, head, text", [
    (["images/0.png,a", "/etc/passwd.png,b"], "file,label", "not within its folder"),
    (["images/0.png,a", "../x.png,b"], "file,label", "not within its folder"),
    (["images/0.png,a", ",b"], "file,label", "has a gap in sample 1"),
    (["images/0.png,", "images/1.png,b"], "file,label", "has gaps"),
    (["images/0.png,a,train", "images/1.png,b,rest"], "file,label,split", "holds 'rest'"),
    (["images/0.png,a,val", "images/1.png,b,test"], "file,label,split", "no line of 'train'"),
    (["images/0.png,train", "images/1.png,train"], "file,split", "says nothing of its images"),
])  # fmt: skip
def test_lists_that_cannot_be_used_are_refused(
    folder: Path, lines: Any, head: str, text: str
) -> None:
    with pytest.raises(DataError, match=text):
        load_dataset(write(folder, *lines, head=head), target="")


def test_a_table_that_names_no_images_is_a_table(folder: Path) -> None:
    lines = [f"{n // 2},{n % 3},{'ab'[n % 2]}" for n in range(12)]
    found = load_dataset(write(folder, *lines, head="p,q,label"))
    assert found.x.shape == (12, 2)


def test_a_table_in_a_folder_that_may_not_be_listed_is_a_table(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(folder, *[f"{n},{n % 3},{'ab'[n % 2]}" for n in range(12)], head="n,m,label")

    def closed(self: Path) -> Any:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", closed)
    assert load_dataset(path).sample_shape == (2,)
