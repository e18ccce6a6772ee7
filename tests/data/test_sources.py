"""Every kind of source is a row, and nothing but its row makes it one."""

from pathlib import Path

import numpy as np
import pytest

from vaiopt.data import load, load_dataset, make_dataset
from vaiopt.data.sources import SOURCES, Source
from vaiopt.data.sources.source import named
from vaiopt.errors import DataError
from vaiopt.settings import choices

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "how-to" / "data.md"


def made_up():
    return make_dataset("made_up", np.zeros((4, 3)), [0, 1, 0, 1])


def test_the_settings_explain_every_row_in_its_order():
    assert choices.names(choices.SOURCES) == tuple(source.name for source in SOURCES)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_row_is_the_first_that_its_own_name_fits(source, tmp_path):
    np.savez(str(tmp_path / "FILE.npz"), x=np.zeros((2, 2)), y=[0, 1])
    for name in ("FILE.npy", "FILE.h5", "FILE.tfrecord"):
        (tmp_path / name).touch()
    (tmp_path / "FILE.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    folder = tmp_path / "FOLDER"
    folder.mkdir()
    pairs = tmp_path / "pairs"
    for name in ("images", "masks"):
        (pairs / name).mkdir(parents=True)
    names = choices.names(choices.SOURCES)
    paths = {name: tmp_path / name for name in names if (tmp_path / name).exists()}
    (tmp_path / "list.csv").write_text("file,label\na.png,b\n", encoding="utf-8")
    paths["FILE.csv of images"] = tmp_path / "list.csv"
    for name in ("train-images-idx3-ubyte", "pets/cat_1.png", "pets/cat_2.png", "pets/dog_1.png"):
        path = tmp_path / ("idx" if "idx" in name else "") / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "pets" / "dog_2.png").touch()
    paths.update(
        {"FOLDER of IDX files": tmp_path / "idx", "FOLDER of named images": tmp_path / "pets"}
    )
    path = {**paths, "FOLDER/images+masks": pairs}.get(source.name)
    assert next(row.name for row in SOURCES if row.matches(source.name, path)) == source.name


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_row_stands_in_the_guide(source):
    assert f"`{source.name}`" in DOCUMENT.read_text(encoding="utf-8")


def test_a_made_up_row_loads_and_is_suggested(monkeypatch):
    with pytest.raises(DataError, match="unknown data source 'made_up'"):
        load_dataset("made_up")
    monkeypatch.setattr(load, "SOURCES", (*SOURCES, named("made_up", made_up)))
    dataset = load_dataset("made_up", limit=2)
    assert len(dataset) == 2 and dataset.request.source == "made_up"
    with pytest.raises(DataError) as caught:
        load_dataset("made_upp")
    assert "'made_up'" in caught.value.hint


def test_a_made_up_kind_of_file_is_loaded_by_its_row(monkeypatch, tmp_path):
    def matches(text, path):
        return path is not None and path.suffix == ".dat"

    def read(request, path):
        table = np.loadtxt(str(path), delimiter=",")
        return make_dataset(path.name, table[:, :-1], table[:, -1])

    (tmp_path / "a.dat").write_text("1,2,0\n3,4,1\n", encoding="utf-8")
    with pytest.raises(DataError, match="neither an .npz or .csv file nor a folder"):
        load_dataset("a.dat", base=tmp_path)
    monkeypatch.setattr(load, "SOURCES", (*SOURCES, Source("FILE.dat", matches, read)))
    assert load_dataset("a.dat", base=tmp_path).x.tolist() == [[1, 2], [3, 4]]
