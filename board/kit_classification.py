"""Classification on the kit: labels, what the int8 outputs say, and how often that is right."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import numpy as np

from kit_errors import MAKE_AGAIN, KitError

SHARE = "accuracy"
"""The score of which more is better and 1 is best, for a mean over several outputs."""


def check_labels(array: np.ndarray, path: str, name: str, classes: int) -> np.ndarray:
    """Return the labels of a bundle's samples, int64 (N,). Raises KitError: they are none."""
    if array.dtype.kind not in "ui" or array.ndim != 1:
        raise KitError(
            f"'{path}': array '{name}' is {array.dtype} of shape {array.shape}, not one whole"
            " number per sample",
            MAKE_AGAIN,
        )
    if array.size and (array.min() < 0 or array.max() >= classes):
        raise KitError(
            f"'{path}': array '{name}' holds labels outside 0 to {classes - 1}", MAKE_AGAIN
        )
    return array.astype(np.int64)


def check_outputs(shape: Sequence[int], manifest: Any, path: str) -> None:
    """Raise KitError unless a model gives one value a class, or a single one for two classes."""
    count, classes = int(np.prod(shape, dtype=np.int64)), len(manifest.classes)
    if count != classes and not (count == 1 and classes == 2):
        raise KitError(f"'{path}' gives {count} values for {classes} classes", MAKE_AGAIN)


def predict(outputs: np.ndarray, position: int, manifest: Any) -> np.ndarray:
    """Return the predicted class of each row of int8 ``outputs`` (N, …): the largest value, the
    first of equals.

    A model with a single output says class 1 when the real value, ``int8 * 2**-position``, is above
    the manifest's threshold (default 0).
    """
    rows = outputs.reshape(len(outputs), -1)
    if rows.shape[1] == 1:
        limit = 0.0 if manifest.threshold is None else float(manifest.threshold)
        return (rows[:, 0].astype(np.float64) * 2.0**-position > limit).astype(np.int64)
    return rows.argmax(axis=1).astype(np.int64)


def words(predicted: Any, real: np.ndarray, manifest: Any) -> str:
    """Return the class of a sample and how sure the model is, by its real outputs (values)."""
    if real.size == 1:
        is_logit = manifest.threshold is None or float(manifest.threshold) == 0.0
        second = 1.0 / (1.0 + np.exp(-real[0])) if is_logit else float(real[0])
        sure = second if predicted else 1.0 - second
    else:
        rising = np.exp(real - real.max())
        sure = float(rising[int(predicted)] / rising.sum())
    return f"{manifest.classes[int(predicted)]}  {100 * min(max(sure, 0.0), 1.0):.1f} %"


def score(predicted: np.ndarray, samples: Any, classes: List[str]) -> Dict[str, Any]:
    """Return accuracy, counts per class and, when known, how often the int8 Keras model predicted
    the same class.
    """
    right = predicted == samples.y
    result: Dict[str, Any] = {
        "samples": int(len(right)),
        "correct": int(right.sum()),
        "accuracy": float(right.mean()),
        "per_class": [
            {
                "class": name,
                "count": int((samples.y == label).sum()),
                "correct": int(right[samples.y == label].sum()),
            }
            for label, name in enumerate(classes)
        ],
    }
    if samples.expected is not None:
        same = predicted == samples.expected
        result["agreement"] = {
            "samples": int(len(same)),
            "equal": int(same.sum()),
            "fraction": float(same.mean()),
        }
        result["expected_accuracy"] = float((samples.expected == samples.y).mean())
    return result


def told(result: Dict[str, Any]) -> str:
    """Return the score that counts in words."""
    return f"accuracy {100 * result['accuracy']:.2f} %"
