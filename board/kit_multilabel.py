"""Several labels a sample on the kit: which are there, and how often that is right."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import numpy as np

from kit_errors import MAKE_AGAIN, KitError
from kit_targets import real_values, result_of

SHARE = "macro_f1"
"""The score of which more is better and 1 is best, for a mean over several outputs."""

HALF = 0.5
"""The probability above which a label is there."""


def check_labels(array: np.ndarray, path: str, name: str, classes: int) -> np.ndarray:
    """Return zeros and ones (N, labels), uint8. Raises KitError: they are none."""
    plain = array.dtype.kind in "uib" and array.ndim == 2 and array.shape[1] == classes
    if not plain or (array.size and (array.min() < 0 or array.max() > 1)):
        raise KitError(
            f"'{path}': array '{name}' is {array.dtype} of shape {array.shape}, not zeros and ones"
            f" for {classes} labels",
            MAKE_AGAIN,
        )
    return array.astype(np.uint8)


def check_outputs(shape: Sequence[int], manifest: Any, path: str) -> None:
    """Raise KitError unless a model gives one value a label."""
    count = int(np.prod(shape, dtype=np.int64))
    if count != len(manifest.classes):
        raise KitError(
            f"'{path}' gives {count} values for {len(manifest.classes)} labels", MAKE_AGAIN
        )


def predict(outputs: np.ndarray, position: int, manifest: Any) -> np.ndarray:
    """Return which labels int8 ``outputs`` (N, …) say, uint8 (N, labels): those above the
    manifest's threshold.
    """
    limit = HALF if manifest.threshold is None else float(manifest.threshold)
    return (real_values(outputs.reshape(len(outputs), -1), position) > limit).astype(np.uint8)


def words(predicted: np.ndarray, real: np.ndarray, manifest: Any) -> str:
    """Return the labels that a sample has."""
    names = [name for name, has in zip(manifest.classes, predicted) if has]
    return ", ".join(names) or "no label"


def score(predicted: np.ndarray, samples: Any, classes: List[str]) -> Dict[str, Any]:
    """Return macro F1, the shares of right labels and samples and, when known, how many labels are
    as the int8 Keras model says.
    """
    y = samples.y
    hits = (y & predicted).sum(axis=0).astype(np.float64)
    total = y.sum(axis=0) + predicted.sum(axis=0)
    f1 = np.divide(2 * hits, total, out=np.zeros_like(hits), where=total > 0)
    scores = {
        "macro_f1": float(f1.mean()),
        "label_accuracy": float((predicted == y).mean()),
        "exact_accuracy": float((predicted == y).all(axis=1).mean()),
    }
    same = None if samples.expected is None else predicted == samples.expected
    return result_of(len(y), scores, same)


def told(result: Dict[str, Any]) -> str:
    """Return the score that counts in words."""
    return f"macro F1 {100 * result['scores']['macro_f1']:.2f} %"
