"""Metrics of a person's own on the kit: the function of ``objective.metrics``, whose file is in the
bundle.

It is given what it is given on the host: labels and real outputs, of classifiers probabilities.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from typing import Any, Callable, Dict

import numpy as np

import kit_classification
import kit_multilabel
import kit_segmentation
from kit_bundle import Manifest
from kit_errors import one_line

FILE = "own_metrics.py"
LIES = "/"
"""Between what an array is and the output that it is of."""

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
    manifest.check_file(os.path.join(manifest.folder, FILE))
    real = real_outputs(manifest, outputs)
    arrays = {f"y{LIES}{n}": y[n] for n in y.dtype.names or ()} or {"y": y}
    parts = real if isinstance(real, dict) else {"": real}
    arrays.update({f"outputs{LIES}{n}" if n else "outputs": part for n, part in parts.items()})
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "given.npz")
        save: Any = np.savez  # NumPy's types take no dictionary of arrays
        save(path, **arrays)
        # What it imports must not be in the process that measures, nor end it.
        command = [sys.executable, os.path.abspath(__file__), manifest.folder, name, path]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = (done.stdout if done.returncode == 0 else done.stderr).decode("utf-8", "replace")
    last = (lines.strip().splitlines() or ["no message"])[-1]
    try:
        scores = {str(key): float(value) for key, value in json.loads(last).items()}
        return {key: value for key, value in scores.items() if np.isfinite(value)}
    except (ValueError, AttributeError, TypeError):
        why = one_line(last)[:200]
        say(f"note: the metrics of objective.metrics are left out: they do not run here ({why})")
        return {}


def main() -> None:
    """Print the metrics of arrays in a file as JSON: ``kit_own.py FOLDER FUNCTION FILE.npz``."""
    folder, name, path = sys.argv[1:4]
    sys.path.insert(0, folder)
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}

    def given(kind: str) -> Any:
        start = kind + LIES
        parts = {k[len(start) :]: array for k, array in arrays.items() if k.startswith(start)}
        return parts or arrays[kind]

    found = getattr(importlib.import_module(FILE[: -len(".py")]), name)(
        given("y"), given("outputs")
    )
    named = found if isinstance(found, dict) else {name: found}
    scores = {str(k): float(np.asarray(value).reshape(())) for k, value in named.items()}
    print("\n" + json.dumps(scores))


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


if __name__ == "__main__":
    main()
