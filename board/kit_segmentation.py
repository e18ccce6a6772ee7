"""Segmentation on the kit: the class of every pixel."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import numpy as np

from kit_errors import MAKE_AGAIN, KitError
from kit_targets import few_at_a_time, real_values, result_of

SHARE = "mean_iou"
"""The score of which more is better and 1 is best, for a mean over several outputs."""

UNSCORED = 255
"""In a true mask: a pixel that does not count."""


def check_labels(array: np.ndarray, path: str, name: str, classes: int) -> np.ndarray:
    """Return masks (N, H, W), uint8. Raises KitError: they are none."""
    if array.dtype != np.uint8 or array.ndim != 3:
        raise KitError(
            f"'{path}': array '{name}' is {array.dtype} of shape {array.shape}, not a mask per"
            " sample",
            MAKE_AGAIN,
        )
    if array[array != UNSCORED].max(initial=0) >= classes:
        raise KitError(
            f"'{path}': array '{name}' holds classes outside 0 to {classes - 1}", MAKE_AGAIN
        )
    return array


def check_outputs(shape: Sequence[int], manifest: Any, path: str) -> None:
    """Raise KitError unless a model gives one value a class and pixel, or one for two classes."""
    count, classes = int(np.prod(shape, dtype=np.int64)), len(manifest.classes)
    pixels = int(np.prod(manifest.shape[:2], dtype=np.int64))
    if count != pixels * classes and not (count == pixels and classes == 2):
        raise KitError(
            f"'{path}' gives {count} values for {pixels} pixels of {classes} classes", MAKE_AGAIN
        )


def predict(outputs: np.ndarray, position: int, manifest: Any) -> np.ndarray:
    """Return the masks of int8 ``outputs`` (N, …), uint8 (N, H, W): of each pixel the class of the
    largest value, the first of equals; with one value a pixel, whether it is above the manifest's
    threshold.
    """
    images = outputs.reshape(len(outputs), *manifest.shape[:2], -1)
    limit = 0.0 if manifest.threshold is None else float(manifest.threshold)
    masks = np.empty(images.shape[:3], np.uint8)
    for part in few_at_a_time(images):
        if images.shape[3] > 1:
            masks[part] = images[part].argmax(axis=3)
        else:
            masks[part] = real_values(images[part, ..., 0], position) > limit
    return masks


def score(predicted: np.ndarray, samples: Any, classes: List[str]) -> Dict[str, Any]:
    """Return mean IoU and pixel accuracy over the pixels that count and, when known, how many
    pixels are as the int8 Keras model says.
    """
    size = len(classes)
    confusion = np.zeros((size, size), np.int64)
    for part in few_at_a_time(predicted):
        counted = samples.y[part] != UNSCORED
        true, said = samples.y[part][counted].astype(np.int64), predicted[part][counted]
        confusion += np.bincount(true * size + said, minlength=size * size).reshape(size, size)
    hits = np.diag(confusion).astype(np.float64)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hits
    ious = hits[union > 0] / union[union > 0]
    scores = {
        "mean_iou": float(ious.mean()) if len(ious) else 0.0,
        "pixel_accuracy": float(hits.sum() / max(1, confusion.sum())),
    }
    same = None if samples.expected is None else predicted == samples.expected
    return result_of(len(samples.y), scores, same)


def told(result: Dict[str, Any]) -> str:
    """Return the score that counts in words."""
    return f"mean IoU {100 * result['scores']['mean_iou']:.2f} %"
