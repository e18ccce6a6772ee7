"""Several outputs on the kit, each with a task of its own.

A model's outputs are one row of int8 values a sample, one output after the other; what they say is
a structured array with a field for each output, by its name.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import numpy as np

import kit_images
import kit_regression
from kit_errors import MAKE_AGAIN, KitError

OF_VALUES = (kit_regression, kit_images)
"""Tasks whose results are the values themselves, which an interpreter may round otherwise: the
golden outputs tell by how much.
"""


class OneOutput:
    """Labels of one output, and what is expected of it, for its task."""

    def __init__(self, y: np.ndarray, expected: Any) -> None:
        self.y, self.expected = y, expected


def joined(parts: Dict[str, np.ndarray]) -> np.ndarray:
    """Return arrays (N, …) by output as one structured array (N,)."""
    fields: Any = [(name, array.dtype, array.shape[1:]) for name, array in parts.items()]
    found = np.empty(len(next(iter(parts.values()))), np.dtype(fields))
    for name, array in parts.items():
        found[name] = array
    return found


def check_outputs(shape: Sequence[int], manifest: Any, path: str) -> None:
    """Raise KitError unless a model gives what the task of each output wants."""
    count = int(np.prod(shape, dtype=np.int64))
    if count != sum(output.width for output in manifest.outputs):
        raise KitError(f"'{path}' gives {count} values, the manifest says others", MAKE_AGAIN)
    for output in manifest.outputs:
        output.task.check_outputs(output.tensor_shape, output, path)


def predict(outputs: np.ndarray, position: Any, manifest: Any) -> np.ndarray:
    """Return what int8 ``outputs`` (N, values) say, structured (N,)."""
    rows, start, found = outputs.reshape(len(outputs), -1), 0, {}
    for output in manifest.outputs:
        own = rows[:, start : start + output.width].reshape(len(rows), *output.tensor_shape)
        found[output.name] = output.task.predict(own, output.output_position, output)
        start += output.width
    return joined(found)


def words(predicted: Any, real: np.ndarray, manifest: Any) -> str:
    """Return what each output says of a sample, but for images."""
    told, start = [], 0
    for output in manifest.outputs:
        own = real[start : start + output.width]
        start += output.width
        if hasattr(output.task, "words"):
            told.append(f"{output.name}: {output.task.words(predicted[output.name], own, output)}")
    return "; ".join(told)


def score(predicted: np.ndarray, samples: Any, classes: List[str]) -> Dict[str, Any]:
    """Return the mean of a score of each output, the scores of each by ``<output>_<score>``, its
    whole result under ``outputs`` and, when known, how often results are those of the int8 Keras
    model.
    """
    scores: Dict[str, float] = {"mean_score": 0.0}
    results: Dict[str, Any] = {}
    shares, equal, compared = [], 0, 0
    for output in samples.outputs:
        name = output.name
        expected = None if samples.expected is None else samples.expected[name]
        part = OneOutput(samples.y[name], expected)
        found = output.task.score(np.ascontiguousarray(predicted[name]), part, output.classes)
        own = dict(found.get("scores", {}))
        if "accuracy" in found:
            own["accuracy"] = found["accuracy"]
        results[name] = dict(found, scores=own)
        scores.update({f"{name}_{key}": value for key, value in own.items()})
        shares.append(own[output.task.SHARE])
        if "agreement" in found and output.task not in OF_VALUES:
            equal += found["agreement"]["equal"]
            compared += found["agreement"]["samples"]
    scores["mean_score"] = float(np.mean(shares))
    result: Dict[str, Any] = {"samples": len(predicted), "scores": scores, "outputs": results}
    if compared:
        share = equal / compared
        result["agreement"] = {"samples": compared, "equal": equal, "fraction": share}
    return result


def told(result: Dict[str, Any]) -> str:
    """Return the scores that count in words."""
    parts = ", ".join(f"{name} {value:.4g}" for name, value in result["scores"].items())
    return parts.replace("_", " ")
