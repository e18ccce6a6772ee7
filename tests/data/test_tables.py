"""Tables as text, and data frames: names, texts, gaps, targets, and what is refused."""

import gzip
from pathlib import Path
from types import SimpleNamespace
from typing import Any, List

import numpy as np
import pytest

from tests.search.quick import QUICK
from vaiopt.data import DataRecipe, data_recipe, load_dataset, make_dataset, split_dataset
from vaiopt.data.sources import csv_text
from vaiopt.data.table import Column
from vaiopt.errors import DataError
from vaiopt.search.training.shared import Shared
from vaiopt.settings import load_settings

TABLE = """height,colour,ripe
3.5,red,yes
,green,no
2.5,NA,yes
1.5,red,no
"""


def write(folder: Path, text: str, name: str = "t.csv") -> str:
    (folder / name).write_bytes(text.encode("utf-8"))
    return str(folder / name)


def load(folder: Path, text: str, **options: Any) -> Any:
    return load_dataset(write(folder, text), **options)


def test_texts_are_one_hot_coded_and_gaps_filled(tmp_path: Path) -> None:
    data = load(tmp_path, TABLE)
    assert data.feature_names == ("height", "colour=green", "colour=red")
    assert data.x.tolist() == [[3.5, 0, 1], [2.5, 1, 0], [2.5, 0, 1], [1.5, 0, 1]]
    assert data.classes == ("no", "yes") and data.y.tolist() == [1, 0, 1, 0]
    assert data.columns == (
        Column("height", "number", 2.5),
        Column("colour", "text", "red", ("green", "red")),
    )
    said = " ".join(data.notes)
    for words in ("last column", "'ripe'", "height (1, with 2.5)", "colour (2)"):
        assert words in said


@pytest.mark.parametrize("delimiter, name", [(";", "t.csv"), ("\t", "t.tsv"), ("|", "t.csv")])
def test_other_delimiters_and_decimal_commas(tmp_path: Path, delimiter: str, name: str) -> None:
    text = TABLE.replace(",", delimiter).replace(".", ",").replace("\n", "\r\n")
    data = load_dataset(write(tmp_path, "\ufeff" + text, name))
    assert data.x[0].tolist() == [3.5, 0, 1]


def test_a_packed_table_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(TABLE.encode()))
    packed = load_dataset(str(tmp_path / "t.csv.gz"))
    assert packed.sha256() == load(tmp_path, TABLE).sha256()


def test_any_column_may_be_the_target_and_numbers_name_classes(tmp_path: Path) -> None:
    text = "quality,a,b\n" + "".join(f"{3 + n % 4 * 3}.0,{n % 9},{n * n}\n" for n in range(40))
    data = load(tmp_path, text, target="quality")
    assert data.classes == ("3", "6", "9", "12") and data.y[:4].tolist() == [0, 1, 2, 3]
    assert data.feature_names == ("a", "b") and not data.notes
    with pytest.raises(DataError, match="has no column 'qualty'") as caught:
        load(tmp_path, text, target="qualty")
    assert "quality" in caught.value.hint


def test_a_column_that_is_called_a_target_is_it_wherever_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "pixels.csv"
    lines = [f"{'ab'[i % 2]},{i},{i + 7}" for i in range(12)]
    path.write_text("\n".join(["Label,pixel0,pixel1", *lines]))
    dataset = load_dataset(str(path))
    assert dataset.classes == ("a", "b") and dataset.feature_names == ("pixel0", "pixel1")
    assert "the column 'Label'" in dataset.notes[0]
    path.write_text("\n".join(["label,class,kind", *[f"{i},{i},{'ab'[i % 2]}" for i in range(12)]]))
    assert "the last column" in load_dataset(str(path)).notes[0]  # two are called so
    path.write_text("\n".join(["x,y,kind", *[f"{i},{i},{'ab'[i % 2]}" for i in range(12)]]))
    assert "the last column" in load_dataset(str(path)).notes[0]  # y is a place


def test_the_index_that_pandas_writes_is_left_out_and_said(tmp_path: Path) -> None:
    data = load(tmp_path, ",a,b\n0,3,x\n1,4,y\n2,5,x\n")
    assert data.feature_names == ("a",) and "not used" in data.notes[0]


def test_a_column_that_says_what_lines_are_for_gives_sets(tmp_path: Path) -> None:
    text = "".join(f"{i},{i % 2},{'train val test train'.split()[i % 4]}\n" for i in range(12))
    found = load(tmp_path, "a,y,Split\n" + text)
    assert found.feature_names == ("a",) and len(found.x) == 6
    assert found.validation_x[:, 0].tolist() == [1, 5, 9] and found.test_y.tolist() == [0, 0, 0]
    other = load(tmp_path, "a,usage,y\n1,train,0\n2,car,1\n3,car,0\n")  # called so, and no split
    assert other.feature_names == ("a", "usage=car", "usage=train") and other.test is None
    asked = load(tmp_path, "a,b,set\n1,1,train\n2,1,test\n3,2,train\n", target="set")
    assert list(asked.classes) == ["test", "train"] and len(asked.x) == 3


def test_a_column_that_counts_the_lines_is_said(tmp_path: Path) -> None:
    lines = [f"{i + 5},{i * i},{i % 2}\n" for i in range(6)]

    def told(text: str) -> List[str]:
        notes = load(tmp_path, text).notes
        return [note.split("'")[1] for note in notes if note.startswith("column '")]

    assert told("id,a,y\n" + "".join(lines)) == ["id"]
    assert told("a,b,y\n" + "".join(lines[::-1])) == []
    assert told("t,y\n1,1.5\n2,2.5\n3,0.5\n") == []  # there is nothing else to learn from


def test_a_few_texts_in_a_short_column_of_numbers_are_no_groups(tmp_path: Path) -> None:
    lines = [f"{'oops' if i == 3 else i},{i % 2}\n" for i in range(20)]
    with pytest.raises(DataError, match="column 'a' .* holds numbers and texts, such as 'oops'"):
        load(tmp_path, "a,y\n" + "".join(lines))
    groups = [f"{'4+' if i % 5 == 4 else i % 5},{i % 2}\n" for i in range(20)]
    assert load(tmp_path, "a,y\n" + "".join(groups)).x.shape == (20, 5)


def test_names_of_columns_may_be_numbers(tmp_path: Path) -> None:
    assert load(tmp_path, "0.5,1,kind\n1,2,a\n3,4,b\n").feature_names == ("0.5", "1")


def test_quoted_cells_and_empty_lines(tmp_path: Path) -> None:
    data = load(tmp_path, 'a,"b, c",d\n1,"x, ""y""",p\n\n2,z,q\n,,\n')
    assert data.feature_names == ("a", 'b, c=x, "y"', "b, c=z") and len(data.y) == 2


MANY = "".join(f"{n},text {n},{n % 2}\n" for n in range(60))
REFUSED = {
    "line 3 of .* has 2 cells, the first line 3": "a,b,c\n1,2,x\n1,y\n2,3,z\n",
    "line 2 of .* has 4 cells": "a,b,c\n1,2,3,x\n",
    "begins with numbers": "1,2,0\n3,4,1\n",
    "begins with a line of data": "5.1,3.5,setosa\n4.9,3.0,setosa\n7.0,3.2,virginica\n",
    "single column, 'a'": "a\n1\n2\n",
    "two columns 'a'": "a,a,b\n1,2,x\n",
    "column 2 of .* has no name": "a,,b\n1,2,x\n",
    "column 1 of .* has no name": ",a,b\n7,2,x\n9,2,y\n",
    "no line of data": "a,b\n",
    "holds no line": "",
    "column 'a' of .* nothing but gaps": "a,b,c\nNA,1,x\n,2,y\n",
    "'c' of .* has gaps: the first in sample 1": "a,c\n1,x\n2,\n",
    "60 different texts .such as 'text 0'": "a,b,c\n" + MANY,
    "'a' of .* numbers and texts, such as 'x'": "a,c\nx,p\n"
    + "".join(f"{n},{n % 2}\n" for n in range(60)),
    "line 2 of .* holds a formula, '=SUM": "a,b,c\n1,=SUM(A1),p\n",
    "formula, '#DIV/0!'": "a,b,c\n1,#DIV/0!,p\n",
    "10,000 different texts": "a,y\n" + "".join(f"1,t{n}\n" for n in range(10000)),
    "single class": "a,y\n1,x\n2,x\n",
    "line 2 of .* cannot be read": 'a,b\n1,"open\n',
    "zero bytes": "a,b\n1,\0\n",
    "infinity|infinite": "a,b\n1e999,x\n2,y\n",
    "holds inf at index": "a,b\n1e300,x\n2,y\n",
}


@pytest.mark.parametrize("match", REFUSED)
def test_a_table_that_is_none_is_refused_with_its_line_or_column(
    tmp_path: Path, match: str
) -> None:
    with pytest.raises(DataError, match=match) as caught:
        load(tmp_path, REFUSED[match])
    assert caught.value.hint


def test_bytes_that_are_no_text_and_no_gzip_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("größe,y\n1,x\n".encode("latin-1"))
    with pytest.raises(DataError, match="is not UTF-8"):
        load_dataset(str(tmp_path / "t.csv"))
    (tmp_path / "t.csv.gz").write_bytes(b"none")
    with pytest.raises(DataError, match="cannot be read"):
        load_dataset(str(tmp_path / "t.csv.gz"))


def test_a_packed_table_is_unpacked_no_further_than_the_limit(
    tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(csv_text, "LARGEST", 1000)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,x\n" * 10**6))
    with pytest.raises(DataError, match="larger than"):
        load_dataset(str(tmp_path / "t.csv.gz"))


@pytest.mark.parametrize("text", ["0.5 1.25 3", " ".join(map(str, range(200)))])
def test_a_target_of_numbers_that_are_no_classes_is_a_quantity(tmp_path: Path, text: str) -> None:
    lines = "a,price\n" + "".join(f"{i},{n}\n" for i, n in enumerate(text.split()))
    dataset = load(tmp_path, lines)
    assert dataset.task == "regression" and dataset.classes == ("price",)
    assert dataset.y[:, 0].tolist() == [float(n) for n in text.split()]


def test_several_targets_are_as_many_quantities_or_labels(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b,c,d\n1,0.5,1,0\n2,3,1,1\n3,4,0,1\n")
    found = load_dataset(str(path), target="b, c")
    assert found.task == "regression" and found.classes == ("b", "c") and found.y.shape == (3, 2)
    assert load_dataset(str(path), target="c,d").task == "multilabel"
    with pytest.raises(DataError, match="no column 'e'"):
        load_dataset(str(path), target="b,e")
    with pytest.raises(DataError, match="holds 0.5, which is no class"):
        load_dataset(str(path), target="b", task="classification")


def test_a_target_is_for_tables_only() -> None:
    with pytest.raises(DataError, match="data.target is set, but 'digits'"):
        load_dataset("digits", target="y")


def test_the_recipe_has_the_columns_and_an_earlier_one_is_read(tmp_path: Path) -> None:
    text = TABLE + "".join(f"{n},red,{'yes' if n % 2 else 'no'}\n" for n in range(20))
    settings = load_settings(None, [*QUICK, f"data.source={write(tmp_path, text)}"])
    shared = Shared(settings)
    recipe = data_recipe(shared.dataset, split_dataset(shared.dataset, seed=0))
    content = recipe.to_json()
    assert DataRecipe.from_json(content) == recipe and content["columns"][1]["kind"] == "text"
    for name in ("columns", "target", "pool_validation"):
        del content[name]
    assert DataRecipe.from_json(content).columns == ()


class Frame:
    """What counts of a data frame, for where pandas is not installed."""

    def __init__(self, **columns: List[Any]) -> None:
        self._columns = columns
        self.columns = list(columns)

    def __getitem__(self, name: str) -> Any:
        return SimpleNamespace(tolist=lambda: self._columns[name])

    def __len__(self) -> int:
        return len(self._columns[self.columns[0]])

    def to_numpy(self) -> Any:
        return np.asarray(list(zip(*self._columns.values())))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(list(zip(*self._columns.values())), dtype=dtype)


def test_data_frames_are_coded_together() -> None:
    x = Frame(a=[1.0, float("nan"), 3.0], b=["p", None, "p"])
    test_x = Frame(a=[5.0, 6.0], b=["q", "p"])
    data = make_dataset("d", x, [0, 1, 0], test_x=test_x, test_y=[1, 0])
    assert data.feature_names == ("a", "b=p", "b=q") and data.test_x is not None
    assert data.x.tolist() == [[1, 1, 0], [4, 1, 0], [3, 1, 0]]
    assert data.test_x.tolist() == [[5, 0, 1], [6, 1, 0]]


def test_a_frame_of_numbers_is_as_its_array() -> None:
    frame, array = Frame(a=[1, 2], b=[3, 4]), np.asarray([[1, 3], [2, 4]])
    data = make_dataset("d", frame, [0, 1])
    assert data.sha256() == make_dataset("d", array, [0, 1]).sha256()
    assert data.feature_names == ("a", "b")


def test_frames_of_other_columns_or_things_are_refused() -> None:
    with pytest.raises(DataError, match="not the same in all sets"):
        make_dataset("d", Frame(a=["x"]), [0], test_x=Frame(b=["x"]), test_y=[1])
    with pytest.raises(DataError, match="data frames and arrays"):
        make_dataset("d", Frame(a=["x"]), [0], test_x=[[1]], test_y=[1])
    with pytest.raises(DataError, match="column 'a' of 'd' holds a list"):
        make_dataset("d", Frame(a=[[1], "x"]), [0, 1])


def test_pandas_own_frames_and_series() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, None, 3.0], "b": pandas.Categorical(["p", "q", None])})
    data = make_dataset("d", frame, pandas.Series(["no", "yes", "no"]))
    assert data.x.tolist() == [[1, 1, 0], [2, 0, 1], [3, 1, 0]] and data.classes == ("no", "yes")
