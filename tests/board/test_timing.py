"""Throughput counts each execution whose outputs differ from those of one thread alone."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "board"))

import kit_timing


class Runner:
    """Gives the first byte of its input as every byte of its output, but in every tenth run."""

    def __init__(self, size: int, steady: bool) -> None:
        self.batch, self._runs, self._steady = 1, 0, steady
        self.input = np.zeros((1, 4), dtype=np.int8)
        self.output = np.zeros((1, size), dtype=np.int8)

    def execute(self) -> None:
        self._runs += 1
        self.output[...] = self.input[0, 0]
        if not self._steady and self._runs % 10 == 0:
            self.output[0, -1] += 1


@pytest.mark.parametrize("size", [1, 10, kit_timing.SMALL_BYTES + 1])
@pytest.mark.parametrize("steady", [True, False])
def test_outputs_that_differ_are_counted_whatever_their_size(size: int, steady: bool) -> None:
    frames = np.repeat(np.arange(50, dtype=np.int8)[:, None], 4, axis=1)
    expected = np.repeat(frames[:, :1], size, axis=1)
    result = kit_timing.measure_throughput(
        lambda: Runner(size, steady), frames, 1, 2, expected, None
    )
    assert result["frames"] == 100
    assert result["different_outputs"] == (0 if steady else 10)


def test_small_outputs_are_compared_without_an_array_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> bool:
        raise AssertionError("an array was made for each frame")

    monkeypatch.setattr(np, "array_equal", refuse)
    frames = np.zeros((10, 4), dtype=np.int8)
    expected = np.zeros((10, 10), dtype=np.int8)
    result = kit_timing.measure_throughput(lambda: Runner(10, True), frames, 1, 1, expected, None)
    assert result["different_outputs"] == 0
