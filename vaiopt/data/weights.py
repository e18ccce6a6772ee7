"""How much each sample counts in a loss."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from vaiopt.errors import DataError
from vaiopt.tasks.arrays import as_array

HINT = "Give one number from 0 per sample, not all of them 0."


def check_weights(weights: Any, count: int, label: str) -> Optional[np.ndarray]:
    """Return the weights of samples as float32 (N,), None if there are none.

    Args:
        weights: (N,) or (N, 1), or None.
        count: N, of the samples.
        label: what these are called in messages, such as ``x_train of 'data.npz'``.

    Raises:
        DataError: they are no numbers from 0, not finite, all 0, or of another count.
    """
    if weights is None:
        return None
    array = as_array(weights, f"the weights of {label}")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype.kind not in "biuf" or array.ndim != 1:
        raise DataError(
            f"the weights of {label} have shape {array.shape} and type {array.dtype}", HINT
        )
    if len(array) != count:
        raise DataError(
            f"{label} has {count} samples, but there are {len(array)} weights of them", HINT
        )
    with np.errstate(over="ignore"):
        result = np.ascontiguousarray(array, dtype=np.float32)
    usable = np.isfinite(result) & (result >= 0)
    if not usable.all():
        where = int(np.argmin(usable))
        raise DataError(f"the weights of {label} hold {array[where]} at index {where}", HINT)
    if not result.any():
        raise DataError(f"the weights of {label} are all 0", HINT)
    return result
