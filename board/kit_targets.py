"""What int8 outputs are of the labels, and how often they are what was expected."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional

import numpy as np

from kit_errors import MAKE_AGAIN, KitError


def as_row(outputs: List[np.ndarray]) -> np.ndarray:
    """Return the only output (batch, …) of a model, or the values of several in one row."""
    if len(outputs) == 1:
        return outputs[0]
    return np.concatenate([output.reshape(len(output), -1) for output in outputs], axis=1)


CHUNK = 1 << 18
"""Values that are turned at a time: what lies in between takes many times an int8's byte."""


def few_at_a_time(array: np.ndarray) -> Iterator[slice]:
    """Yield slices over the samples (N, …) of an array, each of some :data:`CHUNK` values."""
    step = max(1, CHUNK // max(1, int(np.prod(array.shape[1:], dtype=np.int64))))
    for start in range(0, len(array), step):
        yield slice(start, start + step)


def real_values(outputs: np.ndarray, position: int) -> np.ndarray:
    """Return int8 outputs (N, …) as real numbers, ``int8 * 2**-position``, float64."""
    return outputs.astype(np.float64) * 2.0**-position


def decode(outputs: np.ndarray, position: int, manifest: Any) -> np.ndarray:
    """Return int8 outputs (N, …) as values of the labels: ``real * scale + offset`` of the
    manifest's targets, float64.
    """
    real = real_values(outputs, position)
    if manifest.targets is None:
        return real
    offset, scale = manifest.targets
    return np.asarray(real * scale + offset)


def check_values(array: np.ndarray, path: str, name: str, axes: int) -> np.ndarray:
    """Return labels (N, …) of so many axes. Raises KitError: they are no finite numbers."""
    kind = array.dtype.kind
    if kind not in "uif" or array.ndim != axes or (kind == "f" and not np.isfinite(array).all()):
        raise KitError(
            f"'{path}': array '{name}' is {array.dtype} of shape {array.shape}, not finite numbers"
            f" along {axes} axes",
            MAKE_AGAIN,
        )
    return array


def agreement(same: np.ndarray) -> Dict[str, Any]:
    """Return how many of so many things are as expected."""
    equal = int(np.count_nonzero(same))
    return {"samples": int(same.size), "equal": equal, "fraction": equal / max(1, same.size)}


def result_of(
    count: int, scores: Dict[str, float], same: Optional[np.ndarray], **more: Any
) -> Dict[str, Any]:
    """Return the result of a task: its scores, the headline first, and the agreement if known."""
    result: Dict[str, Any] = {"samples": int(count), "scores": scores, **more}
    if same is not None:
        result["agreement"] = agreement(same)
    return result
