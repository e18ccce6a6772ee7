"""A run's data, loaded again on another day or machine."""

import json

import numpy as np
import pytest

from vaiopt.data import (
    data_recipe,
    load_dataset,
    load_splits,
    make_dataset,
    read_recipe,
    split_dataset,
)
from vaiopt.errors import DataError, RunError
from vaiopt.record import write_record
from vaiopt.runs.layout import Run


def write_recipe(folder, source="digits", base=None, **split):
    dataset = load_dataset(source, base=base, **split.pop("load", {}))
    splits = split_dataset(dataset, **dict({"seed": 3}, **split))
    write_record(Run(folder).trial(0).data, data_recipe(dataset, splits))
    return splits


def same(a, b):
    assert (
        a.sha256() == b.sha256()
        and a.preprocessing == b.preprocessing
        and a.classes == b.classes
        and a.sizes() == b.sizes()
    )
    for part in ("train", "validation", "test"):
        assert np.array_equal(getattr(a, part).x, getattr(b, part).x) and np.array_equal(
            getattr(a, part).y, getattr(b, part).y
        )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"source": "breast_cancer", "ratios": (0.6, 0.3, 0.1), "seed": 0},
        {"load": {"limit": 300, "seed": 9, "image_size": (6, 7)}},
        {"reserved": 0.9, "ratios": (6, 2, 2)},
        {"offset": 8.0, "scale": 8.0},
    ],
)
def test_the_same_parts_come_back(tmp_path, options):
    same(write_recipe(tmp_path, **options), load_splits(Run(tmp_path).trial(0)))


def test_the_recorded_recipe_gives_the_recorded_parts_on_every_python(tmp_path):
    """What one environment wrote (here: its hashes), every other must read: a search on a host,
    quantization in a container.
    """
    write_recipe(tmp_path, seed=42)
    recipe = read_recipe(Run(tmp_path).trial(0))
    assert recipe.sha256 == "feef9d4e785480c154b61de03acf2d3fd4ddbd17d18d130e9105caa2af9dfc23"
    assert recipe.split_sha256 == "a3c0d2a223d896c47108fbf3265752c156691b2c422ae4346676c4e5983b92b9"
    assert recipe.preprocessing.scale == 8.031373023986816


def test_a_relative_file_is_found_from_where_the_search_took_it_and_in_vaiopt_data(
    tmp_path, monkeypatch
):
    (tmp_path / "here").mkdir()
    path = tmp_path / "here" / "data.npz"
    np.savez(str(path), x=np.random.RandomState(0).randn(40, 3), y=np.arange(40) % 2)
    splits = write_recipe(tmp_path / "run", "data.npz", base=path.parent)
    same(splits, load_splits(Run(tmp_path / "run").trial(0)))
    (tmp_path / "elsewhere").mkdir()
    path.rename(tmp_path / "elsewhere" / "data.npz")
    with pytest.raises(DataError, match="there is no 'data.npz'"):
        load_splits(Run(tmp_path / "run").trial(0))
    monkeypatch.setenv("VAIOPT_DATA", str(tmp_path / "elsewhere"))
    same(splits, load_splits(Run(tmp_path / "run").trial(0)))


def test_data_that_changed_is_noticed(tmp_path):
    x, y = np.random.RandomState(0).randn(40, 3), np.arange(40) % 2
    np.savez(str(tmp_path / "data.npz"), x=x, y=y)
    write_recipe(tmp_path / "run", "data.npz", base=tmp_path)
    x[7, 1] += 0.5
    np.savez(str(tmp_path / "data.npz"), x=x, y=y)
    with pytest.raises(DataError, match="the data of 'data.npz' is not what the run"):
        load_splits(Run(tmp_path / "run").trial(0))


def test_data_made_in_memory_cannot_be_loaded_again(tmp_path):
    dataset = make_dataset("mine", np.zeros((40, 3)) + np.arange(40)[:, None], np.arange(40) % 2)
    with pytest.raises(DataError, match="'mine' was made in memory"):
        data_recipe(dataset, split_dataset(dataset, seed=0))


def test_a_candidate_without_a_recipe_says_which_command_makes_it(tmp_path):
    with pytest.raises(RunError) as caught:
        load_splits(Run(tmp_path).trial(0))
    assert f"vaiopt choose {tmp_path} --trial 0" in caught.value.hint


@pytest.mark.parametrize(
    "key",
    ["source", "split", "seed", "preprocessing", "sha256", "split_sha256", "image_size", "classes"],
)
@pytest.mark.parametrize("value", [None, "x", 7, {"a": 1}])
def test_a_damaged_recipe_is_refused(tmp_path, key, value):
    write_recipe(tmp_path)
    path = Run(tmp_path).trial(0).data
    spec = json.loads(path.read_text(encoding="utf-8"))
    spec[key] = value
    path.write_text(json.dumps(spec), encoding="utf-8")
    with pytest.raises((RunError, DataError)):
        load_splits(Run(tmp_path).trial(0))
