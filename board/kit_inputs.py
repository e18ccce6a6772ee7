"""Several inputs on the kit: samples, and what a runner is given, are rows of the values of all
inputs, one after the other.
"""

from __future__ import annotations

from typing import Any, List, Sequence

import numpy as np


class Input:
    """One of several inputs of a model.

    Attributes:
        tensor_name: in the compiled model. width: its values. position: its fix position.
        offset, scale: of the preprocessing, for each value of a sample.

    Args:
        tensor_name, position: as above. shape: of a raw sample.
        offset, scale: numbers, or one per channel.
    """

    def __init__(
        self, tensor_name: str, position: int, shape: Sequence[int], offset: Any, scale: Any
    ) -> None:
        self.tensor_name, self.position = tensor_name, position
        self.width = int(np.prod(shape, dtype=np.int64))
        self.offset, self.scale = (repeated(numbers, shape) for numbers in (offset, scale))


def repeated(numbers: Any, shape: Sequence[int]) -> np.ndarray:
    """Return numbers of an input, one or one per channel, for each value of a sample, float32."""
    return np.broadcast_to(np.asarray(numbers, np.float32), tuple(shape)).reshape(-1)


def steps(position: Any, inputs: Sequence[Input]) -> Any:
    """Return ``2**position`` for the values of a sample: one number, or of several inputs one for
    each value.
    """
    if not inputs:
        return np.float32(2.0**position)
    return np.concatenate(
        [np.full(one.width, 2.0**own, np.float32) for own, one in zip(position, inputs)]
    )


def pour(row: np.ndarray, inputs: List[np.ndarray]) -> None:
    """Fill the inputs (batch, ...) of a model from rows (batch, values); of one input they are that
    array itself.
    """
    if len(inputs) == 1:
        return
    start = 0
    for array in inputs:
        width = array[0].size
        array[...] = row[:, start : start + width].reshape(array.shape)
        start += width


def row_for(inputs: List[np.ndarray]) -> np.ndarray:
    """Return what frames are put into: the only input (batch, ...), or rows (batch, values)."""
    if len(inputs) == 1:
        return inputs[0]
    return np.zeros((len(inputs[0]), sum(array[0].size for array in inputs)), dtype=np.int8)
