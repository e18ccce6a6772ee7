"""The golden arrays: what is compared on the kit is checked when it is read."""

import numpy as np
import pytest

from vaiopt.errors import RunError
from vaiopt.int8.golden import GOLDEN_ARRAYS, read_golden

GOOD = {
    "inputs": np.zeros((3, 4, 4, 1), np.int8),
    "outputs": np.ones((3, 10), np.int8),
    "input_position": np.array(7, np.int32),
    "output_position": np.array(2, np.int32),
}
DAMAGED = {
    "inputs": [np.zeros((3, 4), np.float32), np.zeros((2, 4), np.int8), np.array(1, np.int8)],
    "outputs": [np.zeros((3, 4), np.uint8), np.array(["a", "b", "c"])],
    "input_position": [np.zeros(2, np.int32), np.array(1.5), np.array("7")],
    "output_position": [np.array([1]), np.array(True)],
}


def test_golden_arrays_are_read_as_they_were_written(tmp_path):
    np.savez(str(tmp_path / "golden.npz"), **GOOD, raw=np.zeros(3), input_name=np.array("x/input"))
    golden = read_golden(tmp_path / "golden.npz", "vaiopt quantize")
    assert (golden.input_position, golden.output_position) == (7, 2)
    arrays = golden.arrays()
    assert set(arrays) == set(GOLDEN_ARRAYS)
    assert all(np.array_equal(arrays[name], GOOD[name]) for name in GOLDEN_ARRAYS)


@pytest.mark.parametrize(
    "name, number", [(name, i) for name, bad in DAMAGED.items() for i in range(len(bad))]
)
def test_an_array_that_is_not_what_it_must_be_is_an_error(tmp_path, name, number):
    np.savez(str(tmp_path / "golden.npz"), **dict(GOOD, **{name: DAMAGED[name][number]}))
    with pytest.raises(RunError, match="golden.npz"):
        read_golden(tmp_path / "golden.npz", "vaiopt quantize")


@pytest.mark.parametrize("name", GOLDEN_ARRAYS)
def test_a_missing_array_is_an_error(tmp_path, name):
    np.savez(str(tmp_path / "golden.npz"), **{k: v for k, v in GOOD.items() if k != name})
    with pytest.raises(RunError, match="golden.npz"):
        read_golden(tmp_path / "golden.npz", "vaiopt quantize")


MORE = {"inputs_1": np.ones((3, 2), np.int8), "input_position_1": np.array(5, np.int32)}


def test_further_inputs_are_read_and_lie_in_one_row(tmp_path):
    names = {"input_name": np.array("b/input"), "input_name_1": np.array("a/input")}
    np.savez(str(tmp_path / "golden.npz"), **GOOD, **MORE, **names)
    golden = read_golden(tmp_path / "golden.npz", "vaiopt quantize")
    assert golden.frames.shape == (3, 18) and golden.rows.shape == (3, 10)
    assert [one.name for one in golden.all_inputs] == ["b/input", "a/input"]
    assert golden.positions == (7, 5, 2)
    assert {"inputs_1", "input_position_1"} <= set(golden.arrays())


@pytest.mark.parametrize(
    "change",
    [
        {"inputs_1": np.ones((2, 2), np.int8)},
        {"inputs_1": np.ones((3, 2), np.float32)},
        {"input_position_1": np.array(0.5)},
        {"input_position_1": None},
    ],
)
def test_a_further_input_that_is_not_what_it_must_be_is_an_error(tmp_path, change):
    arrays = {k: v for k, v in {**GOOD, **MORE, **change}.items() if v is not None}
    np.savez(str(tmp_path / "golden.npz"), **arrays)
    with pytest.raises(RunError, match="golden.npz"):
        read_golden(tmp_path / "golden.npz", "vaiopt quantize")
