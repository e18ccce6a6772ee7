"""Validation and test sets that come with the data, weights of samples, and arrays of no use."""

from typing import Any

import numpy as np
import pytest

from tests.data.test_folders import save
from vaiopt.data import Dataset, load_dataset, make_dataset, split_dataset, split_notes
from vaiopt.data.batches import DeviceData
from vaiopt.errors import DataError


def samples(count: int, start: int = 0) -> Any:
    """Samples whose first feature is their number."""
    x = np.stack([np.arange(start, start + count), np.arange(count) % 2], axis=1)
    return x.astype(np.float32), np.arange(count) % 2


def given(**more: Any) -> Dataset:
    (x, y), (test_x, test_y), (val_x, val_y) = samples(40), samples(10, 40), samples(20, 50)
    sets = {"validation_x": val_x, "validation_y": val_y, "test_x": test_x, "test_y": test_y}
    return make_dataset("made", x, y, **{**sets, **more})


def numbers(part: Any) -> Any:
    return sorted(part.raw[:, 0].astype(int).tolist())


def test_given_sets_are_the_parts_of_their_names() -> None:
    splits = split_dataset(given(), (7, 2, 1), seed=0)
    assert numbers(splits.train) == list(range(40))
    assert numbers(splits.test) == list(range(40, 50))
    assert numbers(splits.validation) == list(range(50, 70))
    assert "no effect" in split_notes(splits)[0]


def test_beside_a_given_validation_set_the_rest_is_split_into_training_and_test() -> None:
    splits = split_dataset(given(test_x=None, test_y=None), (7, 2, 1), seed=0)
    assert splits.sizes() == {"train": 35, "validation": 20, "test": 5} or (
        splits.sizes()["train"] + splits.sizes()["test"] == 40
    )
    assert numbers(splits.validation) == list(range(50, 70))
    assert sorted(numbers(splits.train) + numbers(splits.test)) == list(range(40))
    assert "training and test part only" in split_notes(splits)[0]


def test_the_reserved_test_data_of_several_ratios_stay_out_of_a_given_validation_set() -> None:
    data = given(test_x=None, test_y=None)
    first, second = (
        split_dataset(data, ratios, seed=0, reserved=0.9) for ratios in ((9, 5, 1), (4, 5, 1))
    )
    assert numbers(first.test) == numbers(second.test)
    assert set(numbers(second.train)) < set(numbers(first.train))


def test_a_test_set_that_is_pooled_is_told() -> None:
    data = given(validation_x=None, validation_y=None)
    assert "pooled with the rest" in split_notes(split_dataset(data, (7, 2, 1), seed=0))[0]
    assert split_notes(split_dataset(data, (7, 2, 1), seed=0, pool=False)) == []


def test_pooled_sets_are_split_with_the_rest() -> None:
    splits = split_dataset(given(), (7, 2, 1), seed=0, pool_validation=True)
    assert sum(splits.sizes().values()) == 70 and len(splits.validation) == 14
    alone = split_dataset(given(), (7, 2, 1), seed=0, pool=False, pool_validation=True)
    assert numbers(alone.test) == list(range(40, 50))
    assert sorted(numbers(alone.train) + numbers(alone.validation)) == [
        *range(40),
        *range(50, 70),
    ]


def test_preprocessing_looks_at_the_validation_set_and_never_at_the_test_set() -> None:
    val_x, test_x = np.full((2, 2), 900.0), np.full((2, 2), -900.0)
    y = np.arange(2)
    data = given(validation_x=val_x, validation_y=y, test_x=test_x, test_y=y)
    low, high = (split_dataset(data, seed=0).preprocessing.apply(x) for x in (test_x, val_x))
    assert high.max() <= 1 and low.min() < -1


def test_each_set_keeps_its_share_of_a_limit(tmp_path: Any) -> None:
    (x, y), (val_x, val_y), w = samples(80), samples(20, 80), np.arange(80)
    arrays = {"x": x, "y": y, "x_val": val_x, "y_val": val_y, "sample_weight": w}
    np.savez(str(tmp_path / "d.npz"), **arrays)
    data = load_dataset(str(tmp_path / "d.npz"), limit=50)
    assert len(data.y) == 40 and data.validation is not None and len(data.validation.y) == 10
    assert data.weights is not None and data.weights.tolist() == data.x[:, 0].tolist()


def test_the_hash_tells_a_validation_set_from_a_test_set_and_from_no_weights() -> None:
    (x, y), (other_x, other_y) = samples(20), samples(10)
    hashes = [
        make_dataset("d", x, y, test_x=other_x, test_y=other_y),
        make_dataset("d", x, y, validation_x=other_x, validation_y=other_y),
        make_dataset("d", x, y, weights=np.ones(20)),
        make_dataset("d", x, y),
    ]
    assert len({data.sha256() for data in hashes}) == 4


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"),
        ("X", "y", "X_valid", "y_valid", "X_test", "y_test"),
        ("x", "y", "x_validation", "y_validation", "x_test", "y_test"),
        *[tuple(f"{s}_{kind}" for s in ("train", "val", "test") for kind in ("images", "labels"))],
    ],
)
def test_usual_names_of_the_sets_are_known(tmp_path: Any, names: Any) -> None:
    arrays = [a for count in (30, 20, 10) for a in samples(count)]
    np.savez(str(tmp_path / "d.npz"), **dict(zip(names, arrays)))
    data = load_dataset(str(tmp_path / "d.npz"))
    assert [len(found.y) for found in data.sets] == [30, 10, 20] and data.notes == ()


def test_an_array_that_nothing_is_done_with_is_named(tmp_path: Any) -> None:
    x, y = samples(20)
    np.savez(str(tmp_path / "d.npz"), x=x, y=y, groups=y, x_dev=x)
    assert "groups, x_dev: not used" in load_dataset(str(tmp_path / "d.npz")).notes[0]


def refused(match: str, tmp_path: Any, **more: Any) -> None:
    x, y = samples(20)
    np.savez(str(tmp_path / "d.npz"), **{"x": x, "y": y, **more})
    with pytest.raises(DataError, match=match) as caught:
        load_dataset(str(tmp_path / "d.npz"))
    assert caught.value.hint


def test_half_a_validation_set_is_refused(tmp_path: Any) -> None:
    x, y = samples(20)
    refused("there is x_val of 'd.npz' but no y_val", tmp_path, x_val=x)
    refused("there are weights of x_val of", tmp_path, sample_weight_val=y)
    refused("both 'x_val' and 'x_valid'", tmp_path, x_val=x, y_val=y, x_valid=x, y_valid=y)
    refused(r"x_val of 'd.npz' \(3,\)", tmp_path, x_val=np.ones((20, 3)), y_val=y)


@pytest.mark.parametrize(
    "weights, match",
    [
        (np.ones(19), "20 samples, but there are 19 weights"),
        (-np.ones(20), "hold -1"),
        (np.full(20, np.nan), "hold nan"),
        (np.zeros(20), "all 0"),
        (np.ones((20, 2)), r"shape \(20, 2\)"),
        (np.array(["much"] * 20), "type"),
    ],
)
def test_weights_that_are_none_are_refused(tmp_path: Any, weights: Any, match: str) -> None:
    refused(match, tmp_path, sample_weight=weights)


def function(folder: Any, returns: str) -> Dataset:
    body = "import numpy as np\ny = np.arange(20) % 2\nx = np.ones((20, 3)) * y[:, None]\n"
    (folder / "mine.py").write_text(f"{body}def load():\n    return {returns}\n", encoding="utf-8")
    return load_dataset(f"{folder}/mine.py:load")


@pytest.mark.parametrize(
    "returns, sizes, weighted",
    [
        ("(x, y), (x[:10], y[:10]), (x[:4], y[:4])", (20, 10, 4), False),
        ("(x, y, y), (x[:10], y[:10]), (x[:4], y[:4])", (20, 10, 4), True),
        ("(x, y), (x[:4], y[:4])", (20, None, 4), False),
        ("x, y, y + 1.5", (20, None, None), True),
        ("{'x': x, 'y': y, 'x_val': x[:10], 'y_val': y[:10]}", (20, 10, None), False),
    ],
)
def test_a_function_returns_sets_and_weights(
    tmp_path: Any, returns: str, sizes: Any, weighted: bool
) -> None:
    data = function(tmp_path, returns)
    found = [None if one is None else len(one.y) for one in (data.validation, data.test)]
    assert (len(data.y), *found) == sizes and (data.weights is not None) == weighted


@pytest.mark.parametrize("name", ["val", "valid", "Validation"])
def test_folders_beside_train_are_given_sets(tmp_path: Any, name: str) -> None:
    for part, count in (("train", 10), (name, 3), ("test", 2)):
        for label in ("a", "b"):
            for i in range(count):
                save(tmp_path / part / label / f"{i}.png")
    data = load_dataset(str(tmp_path), grayscale=True)
    assert split_dataset(data, seed=0).sizes() == {"train": 20, "validation": 6, "test": 4}
    (tmp_path / "more" / "a").mkdir(parents=True)
    with pytest.raises(DataError, match="'more'"):
        load_dataset(str(tmp_path))


def test_batches_bring_their_weights() -> None:
    x, y = samples(20)
    data = make_dataset("d", x, y, weights=np.arange(20))
    splits = split_dataset(data, seed=0)
    part = splits.train
    batches = DeviceData(data).batches(
        part.indices, splits.preprocessing, 4, labels=part.y, weights=part.weights
    )
    found = np.concatenate([weights.numpy() for _, _, weights in batches])
    assert found.tolist() == part.raw[:, 0].tolist()
