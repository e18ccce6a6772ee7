"""Regression on the kit: the errors of quantities."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import numpy as np

from kit_errors import MAKE_AGAIN, KitError
from kit_targets import check_values, decode, result_of

SHARE = "r2"
"""The score of which more is better and 1 is best, for a mean over several outputs."""

CLOSE = 1e-6
"""Of the size of a value: what float64 may lose."""


def check_labels(array: np.ndarray, path: str, name: str, classes: int) -> np.ndarray:
    """Return values (N, quantities), float64. Raises KitError: they are none."""
    values = check_values(array, path, name, 2)
    if values.shape[1] != classes:
        raise KitError(
            f"'{path}': array '{name}' holds {values.shape[1]} values a sample, not {classes}",
            MAKE_AGAIN,
        )
    return values.astype(np.float64)


def check_outputs(shape: Sequence[int], manifest: Any, path: str) -> None:
    """Raise KitError unless a model gives one value a quantity."""
    count = int(np.prod(shape, dtype=np.int64))
    if count != len(manifest.classes):
        raise KitError(
            f"'{path}' gives {count} values for {len(manifest.classes)} quantities", MAKE_AGAIN
        )


def predict(outputs: np.ndarray, position: int, manifest: Any) -> np.ndarray:
    """Return the quantities of int8 ``outputs`` (N, …), float64 (N, quantities)."""
    return decode(outputs.reshape(len(outputs), -1), position, manifest)


def words(predicted: np.ndarray, real: np.ndarray, manifest: Any) -> str:
    """Return the quantities of a sample, by name."""
    pairs = zip(manifest.classes, np.ravel(predicted))
    return ", ".join(f"{name} {float(value):.4g}" for name, value in pairs)


def errors_of(y: np.ndarray, predicted: np.ndarray) -> Dict[str, float]:
    """Return RMSE and MAE over all values (N, quantities), and the mean R² of the quantities."""
    off = predicted - y
    spread = np.square(y - y.mean(axis=0)).sum(axis=0)
    left = np.square(off).sum(axis=0)
    share = np.divide(left, spread, out=np.ones_like(left), where=spread > 0)
    return {
        "rmse": float(np.sqrt(np.square(off).mean())),
        "mae": float(np.abs(off).mean()),
        "r2": float((1.0 - share).mean()),
    }


def score(predicted: np.ndarray, samples: Any, classes: List[str]) -> Dict[str, Any]:
    """Return the errors and, when known, how many values are those of the int8 Keras model."""
    expected, same = samples.expected, None
    if expected is not None:
        same = np.abs(predicted - expected) <= CLOSE * (np.abs(expected) + CLOSE)
    return result_of(len(samples.y), errors_of(samples.y, predicted), same)


def told(result: Dict[str, Any]) -> str:
    """Return the score that counts in words."""
    return f"RMSE {result['scores']['rmse']:.4g}"
