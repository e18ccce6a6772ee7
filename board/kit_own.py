"""Metrics of a person's own on the kit: the function of ``objective.metrics``, whose file is in the
bundle.

It is given what it is given on the host: labels and real outputs, of classifiers probabilities.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any, Callable, Dict

import numpy as np

import kit_classification
import kit_multilabel
import kit_segmentation
from kit_bundle import Manifest

FILE = "own_metrics.py"
NEAR_ONE = 0.2
"""By how much int8 shares may miss a sum of 1."""


def own_scores(
    manifest: Manifest, y: np.ndarray, outputs: np.ndarray, say: Callable[[str], None]
) -> Dict[str, float]:
    """Return the metrics by name; none, said aloud, where the function does not run here, as
    without a package that it imports.

    Args:
        manifest: of the bundle. y: labels, as the task has them. outputs: int8 (N, …).
        say: told one line at a time.
    """
    name = manifest.own_metrics
    if not name:
        return {}
    path = os.path.join(manifest.folder, FILE)
    manifest.check_file(path)
    sys.path.insert(0, manifest.folder)
    try:
        function = getattr(_loaded(path), name)
        parts = y.dtype.names or ()
        labels = {part: np.ascontiguousarray(y[part]) for part in parts} if parts else y.copy()
        found = function(labels, real_outputs(manifest, outputs))
        named = found if isinstance(found, dict) else {name: found}
        scores = {str(key): float(np.asarray(value).reshape(())) for key, value in named.items()}
        return {key: value for key, value in scores.items() if np.isfinite(value)}
    except Exception as error:  # noqa: BLE001  a person's own may raise anything
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        say(f"note: the metrics of objective.metrics are left out: they do not run here ({what})")
        return {}
    finally:
        sys.path.remove(manifest.folder)


def _loaded(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("own_metrics", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["own_metrics"] = module
    spec.loader.exec_module(module)
    return module


def real_outputs(manifest: Manifest, outputs: np.ndarray) -> Any:
    """Return int8 outputs (N, …) as the host has them, by output if there are several."""
    if not manifest.outputs:
        return _real(outputs, manifest)
    rows, start, found = outputs.reshape(len(outputs), -1), 0, {}
    for output in manifest.outputs:
        own = rows[:, start : start + output.width].reshape(len(rows), *output.tensor_shape)
        found[output.name] = _real(own, output)
        start += output.width
    return found


def _real(outputs: np.ndarray, manifest: Any) -> np.ndarray:
    """Return the outputs of one task: what the DPU leaves to its host is done."""
    real = outputs.astype(np.float64) * 2.0**-manifest.output_position
    is_logit = manifest.threshold is None or float(manifest.threshold) == 0.0
    if manifest.task is kit_multilabel:
        return _sigmoid(real) if manifest.threshold == 0.0 else real
    if manifest.task in (kit_classification, kit_segmentation):
        if manifest.task is kit_segmentation:
            real = real.reshape(len(real), *manifest.shape[:2], -1)
        else:
            real = real.reshape(len(real), -1)
        if real.shape[-1] == 1:
            return _sigmoid(real) if is_logit else real
        sums = real.sum(axis=-1)
        are_shares = (real >= 0).all() and (np.abs(sums - 1) < NEAR_ONE).all()
        return real if are_shares else _softmax(real)
    if manifest.targets is not None:
        offset, scale = manifest.targets
        real = np.asarray(real * scale + offset)
    return real


def _sigmoid(real: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * real)))


def _softmax(real: np.ndarray) -> np.ndarray:
    raised = np.exp(real - real.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))
