"""What data are is told before anything is learned of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.search.quick import SETTINGS
from vaiopt import flow
from vaiopt.data import make_dataset, split_dataset
from vaiopt.data.data_sheet import DataSheet, data_sheet, sheet_of_splits
from vaiopt.errors import DataError
from vaiopt.present.shown import sheet_of
from vaiopt.report.images import png
from vaiopt.search.training.describe import describe_search
from vaiopt.settings import override
from vaiopt.sheets import results as shown  # noqa: F401  the sheet of each result


def images(count: int = 60) -> np.ndarray:
    return np.random.RandomState(0).randint(0, 256, (count, 8, 8, 1)).astype(np.uint8)


def sheet(x: Any, y: Any, task: str = "auto") -> DataSheet:
    dataset = make_dataset("mine", x, y, task=task)
    return sheet_of_splits(split_dataset(dataset, (7, 2, 1), seed=0))


def test_classes_are_counted_in_each_part() -> None:
    found = sheet(images(), np.arange(60) % 3)
    assert found.samples == {"train": 42, "validation": 12, "test": 6}
    assert [row.counts for row in found.classes] == [{"train": 14, "validation": 4, "test": 2}] * 3
    assert (found.repeated, found.warnings, found.remarks) == ((), (), ())
    assert "33.33 %" in sheet_of(found).to_text(100)


def test_the_record_is_read_as_it_was_written() -> None:
    found = sheet(images(), np.arange(60) % 3)
    assert DataSheet.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    "task, y, counted",
    [
        ("multilabel", np.arange(120).reshape(60, 2) % 3 == 0, {"0": 20, "1": 20}),
        ("segmentation", np.tile(np.r_[0, 0, 1, 255], (60, 8, 2)), {"0": 1920, "1": 960}),
        ("regression", np.arange(60.0), {}),
        ("image_to_image", images(), {}),
    ],
)
def test_every_task_has_a_sheet(task: str, y: Any, counted: Any) -> None:
    found = sheet(images(), np.asarray(y, np.float32 if task == "regression" else np.uint8), task)
    assert {row.name: sum(row.counts.values()) for row in found.classes} == counted
    assert found.counted == ("pixels" if task == "segmentation" else "samples")
    if task == "regression":
        (quantity,) = found.quantities
        assert (quantity.low, quantity.median, quantity.high) == (0, 29.5, 59)
    assert sheet_of(found).to_text(80)


def test_the_columns_of_a_table_are_described() -> None:
    x = np.arange(360, dtype=np.float32).reshape(60, 6)
    found = sheet(x, np.arange(60) % 2)
    assert len(found.columns) == 6 and found.columns[0].low == 0 and found.columns[5].high == 359
    wide = sheet(np.random.RandomState(0).rand(60, 70), np.arange(60) % 2)
    assert len(wide.columns) == 50 and wide.more_columns == 20


def test_samples_that_are_in_two_parts_are_a_warning() -> None:
    x, y = images(), np.arange(60) % 2
    parts = {"train": np.arange(40), "validation": np.arange(40, 50), "test": np.arange(50, 60)}
    x[55] = x[54] = x[3]  # 55 has another label
    x[20] = x[10]
    found = data_sheet(make_dataset("mine", x, y), parts)
    across = found.repeated[0]
    assert (across.first, across.second, across.count) == ("train", "test", 2)
    assert across.contradictions == 1 and "sample 3 = sample 54" in across.examples
    twice = {(row.first, row.second, row.count) for row in found.repeated[1:]}
    assert twice == {("test", "test", 1), ("train", "train", 1)}
    (warning,) = found.warnings
    assert warning.startswith("2 samples of test are in train, too, 1 of them with another label")
    assert f"WARNING: {warning}" in " ".join(sheet_of(found).to_text(1000).split("\n"))


def test_what_contradicts_itself_within_a_part_is_told() -> None:
    x, y = images(), np.arange(60) % 2
    x[1] = x[0]
    (line,) = data_sheet(make_dataset("mine", x, y), {"train": np.arange(60)}).remarks
    assert line == "1 sample of train is there with another label, too: sample 0 = sample 1"


def test_uneven_classes_are_told_with_the_cure() -> None:
    y = np.r_[np.zeros(50, int), np.ones(10, int)]
    (line,) = sheet(images(), y).remarks
    assert line.startswith("'0' has 5 times the samples of '1' (35 and 7 in train)")
    assert 'train.class_weights = "balanced"' in line
    (line,) = sheet(images(), {"kind": y, "even": np.arange(60) % 2}).remarks
    assert 'train.class_weights = {kind = "balanced"}' in line


def test_several_inputs_are_described_each() -> None:
    spot = np.arange(120.0).reshape(60, 2)
    found = sheet({"picture": images(), "spot": spot}, np.arange(60) % 2)
    names = [row.name for row in found.columns]
    assert names == ["picture", "spot 0", "spot 1"] and not found.more_columns
    assert (found.columns[2].low, found.columns[2].median, found.columns[2].high) == (1, 60, 119)
    picture = found.columns[0]
    assert (picture.low, picture.high) == (images().min(), images().max())
    assert picture.mean == pytest.approx(float(images().mean()))
    assert "spot 1" in sheet_of(found).to_text(1000)


def test_data_that_are_too_large_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaiopt.data.data_sheet.MOST_BYTES", 100)
    found = sheet(np.zeros((60, 8, 8, 1), np.uint8), np.arange(60) % 2)
    assert not found.compared and "not looked for" in sheet_of(found).to_text(1000)


def photos(folder: Path) -> Path:
    """Two classes of images in two sizes, a text, and a test sample that training has, too."""
    for number in range(40):
        side = 8 if number % 4 else 12
        pixels = np.random.RandomState(number).randint(0, 256, (side, 8), np.uint8)
        kind = "test" if number >= 30 else "train"
        path = folder / kind / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(pixels))
    (folder / "test" / "a" / "30.png").write_bytes((folder / "train" / "a" / "2.png").read_bytes())
    (folder / "train" / "a" / "README.txt").write_text("x")
    return folder


def test_a_folder_of_photos_shows_its_files(tmp_path: Path) -> None:
    folder = photos(tmp_path / "photos")
    found = flow.describe_data(str(folder), ["data.image_size=[8,8]", "data.pool=false"])
    assert found.samples["test"] == 10 and found.shape == (8, 8, 1)
    sizes = found.file_sizes
    assert sizes is not None and sizes.smallest == (8, 8) and sizes.largest == (8, 12)
    assert [str(row) for row in found.left_out] == ["1 .txt (train/a/README.txt)"]
    assert found.warnings[0].startswith("1 sample of test is in ")
    assert "train/a/2.png = test/a/30.png" in found.warnings[0]
    settings = tmp_path / "mine.toml"
    settings.write_text(f"version = 1\n[data]\nsource = '{folder}'\npool = false\n")
    with pytest.raises(DataError, match="images differ in size"):
        flow.describe_data(str(settings))
    again = flow.describe_data(str(settings), ["data.image_size=[8,8]"])
    assert again.repeated == found.repeated


def test_data_that_cannot_be_split_are_shown_all_the_same(tmp_path: Path) -> None:
    x, y = images(9), np.r_[np.zeros(8, int), 1]
    np.savez(str(tmp_path / "few.npz"), x=x, y=y)
    found = flow.describe_data(str(tmp_path / "few.npz"))
    assert found.samples == {"all": 9}
    assert "they cannot be split yet: class '1'" in found.notes[-1]


def test_a_search_keeps_the_sheet_and_tells_what_is_uneven(tmp_path: Path) -> None:
    y = np.r_[np.zeros(100, int), np.ones(20, int)]
    np.savez(str(tmp_path / "uneven.npz"), x=images(120), y=y)
    settings = override(SETTINGS, {"data.source": str(tmp_path / "uneven.npz"), "data.limit": 0})
    found = describe_search(settings)
    assert found.sheet is not None and found.sheet.samples == found.splits
    assert "'0' has 5 times" in " ".join(found.notes)


def test_what_stands_beside_a_settings_file_is_told_as_it_is_named_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", x=images(), y=np.arange(60) % 3)
    Path("mine.toml").write_text('[data]\nsource = "mine.npz"\n', encoding="utf-8")
    found = flow.describe_data("mine.toml")
    assert found.source == "mine.npz" and str(tmp_path) not in sheet_of(found).to_text(200)
