"""Tables in Parquet files give what the same table gives as text."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import numpy as np
import pytest

from vaiopt.data import load_dataset
from vaiopt.data.sources import parquet
from vaiopt.errors import DataError, MissingToolError

pa = pytest.importorskip("pyarrow", minversion="14.0.1")
pq = pytest.importorskip("pyarrow.parquet")

COLUMNS = {
    "width": [1.5, 2.25, None, 4.0, 0.1, 6.0],
    "count": [1, 2, 3, 4, 5, 6],
    "colour": ["red", "blue", "red", None, "blue", "red"],
    "kind": ["cat", "dog", "cat", "dog", "cat", "dog"],
}


def written(folder: Path, columns: object = None, name: str = "table.parquet") -> Path:
    path = folder / name
    pq.write_table(pa.table(COLUMNS if columns is None else columns), str(path))
    return path


def as_text(folder: Path) -> Path:
    lines = [",".join(COLUMNS)]
    for cells in zip(*COLUMNS.values()):
        lines.append(",".join("" if cell is None else str(cell) for cell in cells))
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_table_is_the_same_as_text_and_as_parquet(tmp_path: Path) -> None:
    one, other = load_dataset(str(as_text(tmp_path))), load_dataset(str(written(tmp_path)))
    assert np.array_equal(one.x, other.x) and np.array_equal(one.y, other.y)
    assert one.feature_names == other.feature_names and one.classes == other.classes


def test_packed_texts_short_floats_flags_and_dates_are_cells(tmp_path: Path) -> None:
    columns = {
        "packed": pa.array(["a", "b", "a", "b"]).dictionary_encode(),
        "short": pa.array([0.5, 1.5, 2.5, 3.5], pa.float32()),
        "flag": pa.array([True, False, True, False]),
        "day": pa.array([datetime.date(2020, 1, day) for day in (1, 1, 2, 2)]),
        "kind": [0, 1, 0, 1],
    }
    data = load_dataset(str(written(tmp_path, columns)))
    assert data.x.shape == (4, 7) and data.x.max() == 3.5


def test_the_index_of_a_data_frame_is_no_column(tmp_path: Path) -> None:
    columns = {**COLUMNS, "__index_level_0__": [9, 8, 7, 6, 5, 4]}
    assert len(load_dataset(str(written(tmp_path, columns))).columns) == 3


def test_a_list_of_images_may_be_parquet(tmp_path: Path) -> None:
    from PIL import Image

    for number in range(4):
        Image.fromarray(np.full((4, 4), number, np.uint8)).save(str(tmp_path / f"{number}.png"))
    columns = {"file": [f"{number}.png" for number in range(4)], "kind": ["a", "b", "a", "b"]}
    data = load_dataset(str(written(tmp_path, columns, "list.parquet")))
    assert data.x.shape == (4, 4, 4, 1) and data.classes == ("a", "b")


@pytest.mark.parametrize(
    "columns, words",
    [
        ({"image": [b"ab", b"cd"], "kind": [0, 1]}, "column 'image' .* holds binary"),
        ({"boxes": [[1, 2], [3]], "kind": [0, 1]}, "column 'boxes' .* holds list"),
        ({"only": [1, 2]}, "single column"),
        ({"a": pa.array([], pa.int64()), "b": pa.array([], pa.int64())}, "holds no line of data"),
    ],
)
def test_what_is_no_table_of_cells_is_refused(columns: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        load_dataset(str(written(tmp_path, columns)))


@pytest.mark.parametrize("keep", [0, 3, 40, -5])
def test_a_file_that_is_cut_is_refused(keep: int, tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        load_dataset(str(path))


def test_many_equal_cells_in_few_bytes_are_held_against_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, {"a": pa.array(np.zeros(10**6, np.int8)), "b": [1] * 10**6})
    assert path.stat().st_size < 10**5
    monkeypatch.setattr("vaiopt.memory.available", lambda: 10**8)
    with pytest.raises(DataError, match="does not fit into memory"):
        load_dataset(str(path))


def test_an_old_pyarrow_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path)
    monkeypatch.setattr(pa, "__version__", "12.0.1")
    with pytest.raises(MissingToolError, match="may run code"):
        load_dataset(str(path))


def test_without_pyarrow_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert parquet.first_of_parquet(path) == {}
    with pytest.raises(MissingToolError) as caught:
        load_dataset(str(path))
    assert "vaiopt[parquet]" in caught.value.hint
