"""The distribution of weights before training, and the file that keeps it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiopt.errors import RunError
from vaiopt.keras import load_keras, save_model
from vaiopt.report.weights import read_weights
from vaiopt.study.initial_weights import (
    ENOUGH,
    MOST,
    histogram,
    histograms,
    read_initial_weights,
    write_initial_weights,
)


@given(st.integers(2, 5000), st.integers(0, 10**6))
def test_a_density_covers_all_values_and_adds_up_to_one(count: int, seed: int) -> None:
    values = np.random.RandomState(seed).normal(size=count)
    edges, density = histogram(values).density()
    assert edges[0] == pytest.approx(values.min()) and edges[-1] == pytest.approx(values.max())
    assert np.sum(density * np.diff(edges)) == pytest.approx(1.0)
    assert len(density) == 8 or count / len(density) >= ENOUGH


def test_a_constant_has_no_density() -> None:
    found = histogram(np.zeros((3, 4), np.float32))
    assert (found.low, found.high, found.deviation, found.counts.sum()) == (0.0, 0.0, 0.0, 12)
    assert [len(part) for part in found.density()] == [0, 0]


def test_of_a_large_tensor_so_many_values_are_taken_from_all_of_it() -> None:
    found = histogram(np.linspace(-1.0, 1.0, 3 * MOST + 1))
    assert found.counts.sum() <= MOST
    assert found.low == -1.0 and found.high > 0.9999
    assert found.deviation == pytest.approx(3**-0.5, rel=1e-3)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    found = {"dense/kernel:0": histogram(np.arange(12.0)), "dense/bias:0": histogram(np.zeros(3))}
    write_initial_weights(tmp_path / "initial_weights.npz", found)
    read = read_initial_weights(tmp_path / "initial_weights.npz", "")
    assert list(read) == list(found)
    for name, row in found.items():
        assert np.array_equal(read[name].counts, row.counts)
        assert (read[name].low, read[name].high, read[name].mean, read[name].deviation) == (
            row.low,
            row.high,
            row.mean,
            row.deviation,
        )


def test_a_model_without_weights_has_an_empty_file(tmp_path: Path) -> None:
    write_initial_weights(tmp_path / "w.npz", {})
    assert read_initial_weights(tmp_path / "w.npz", "") == {}


def test_a_damaged_file_is_refused_with_the_command_that_makes_it(tmp_path: Path) -> None:
    (tmp_path / "w.npz").write_bytes(b"PK\x03\x04 no")
    with pytest.raises(RunError) as caught:
        read_initial_weights(tmp_path / "w.npz", "vaiopt choose run")
    assert "vaiopt choose run" in (caught.value.hint or "")


def test_names_are_those_of_the_model_file_nested_models_and_statistics_included(
    tmp_path: Path,
) -> None:
    keras = load_keras()
    inner = keras.Sequential(
        [
            keras.layers.Dense(4, input_shape=(8,), name="first"),
            keras.layers.BatchNormalization(name="norm"),
        ],
        name="inner",
    )
    model = keras.Sequential([inner, keras.layers.Dense(2, name="last")], name="outer")
    model.build((None, 8))
    save_model(model, tmp_path / "m.h5")
    tensors = read_weights(tmp_path / "m.h5", histograms(model))
    assert {t.layer for t in tensors} == {"first", "norm", "last"}
    for tensor in tensors:
        assert tensor.before is not None
        assert tensor.before.deviation == pytest.approx(tensor.values.std(), abs=1e-6)


@pytest.mark.parametrize(
    "name, array",
    [
        ("names", np.array([1.5])),
        ("low", np.array(["x"])),
        ("low", np.array([np.nan])),
        ("high", np.array([1e300])),
        ("mean", np.zeros(2)),
        ("counts", np.zeros((1, 64))),
        ("counts", np.zeros((1, 64), np.int64)),
        ("counts", -np.ones((1, 64), np.int64)),
        ("counts", np.ones((1, 32), np.int64)),
        ("version", np.array(["1"])),
        ("version", np.array(7)),
    ],
)
def test_arrays_of_another_form_are_refused(tmp_path: Path, name: str, array: np.ndarray) -> None:
    path = tmp_path / "initial_weights.npz"
    write_initial_weights(path, {"kernel:0": histogram(np.arange(12.0))})
    with np.load(str(path)) as file:
        arrays = dict(file)
    np.savez(str(path), **{**arrays, name: array})
    with pytest.raises(RunError, match="initial_weights.npz"):
        read_initial_weights(path, "make it")
