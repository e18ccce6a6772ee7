"""The numbers on both sides of a model: raw samples to int8, int8 outputs to classes, counts and
percentiles.
"""

from __future__ import annotations

from typing import Any, Dict

import numpy as np

from kit_bundle import Golden, Manifest
from kit_inputs import steps

CHUNK = 1 << 18
"""Values that are turned into int8 at a time."""


class Quantizer:
    """Raw samples to the int8 input of the model.

    It is ``clip(floor((x - offset) / scale * 2**position + 0.5), -128, 127)``. Rounding is half up,
    as the quantizer and the DPU do, and saturates: a plain cast would truncate and wrap. The
    arithmetic is float32 in the same order as in training and calibration, so that ties fall the
    same way.
    """

    def __init__(self, manifest: Manifest, position: int) -> None:
        self._offset = (
            np.float32(manifest.offset) if isinstance(manifest.offset, float) else manifest.offset
        )
        self._scale = (
            np.float32(manifest.scale) if isinstance(manifest.scale, float) else manifest.scale
        )
        self._step = steps(position, manifest.inputs)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return int8 of the shape of ``x``, C-contiguous. A few samples are turned at a time: the
        floating-point numbers in between take twelve times the bytes of an image.
        """
        size = max(1, int(np.prod(x.shape[1:], dtype=np.int64)))
        step = max(1, CHUNK // size)
        if len(x) <= step:
            return self._turned(x)
        frames = np.empty(x.shape, dtype=np.int8)
        for start in range(0, len(x), step):
            frames[start : start + step] = self._turned(x[start : start + step])
        return frames

    def _turned(self, x: np.ndarray) -> np.ndarray:
        real = (x.astype(np.float32) - self._offset) / self._scale
        return np.ascontiguousarray(
            np.clip(np.floor(real * self._step + np.float32(0.5)), -128, 127).astype(np.int8)
        )


def compare(golden: Golden, outputs: np.ndarray) -> Dict[str, Any]:
    """Return how the int8 ``outputs`` for the golden inputs differ from the golden outputs:
    elements and largest difference.
    """
    expected = golden.outputs.reshape(len(golden.outputs), -1).astype(np.int64)
    actual = outputs.reshape(len(outputs), -1).astype(np.int64)
    difference = np.abs(actual - expected)
    different = int((difference > 0).sum())
    return {
        "compared": True,
        "bit_exact": different == 0,
        "inputs": int(len(expected)),
        "elements": int(expected.size),
        "different": different,
        "equal": int(expected.size) - different,
        "max_difference": int(difference.max()),
    }


def percentiles(seconds: np.ndarray) -> Dict[str, float]:
    """Return p50, p95, p99, mean, minimum and maximum of times, in milliseconds."""
    ms = np.asarray(seconds, dtype=np.float64) * 1000.0
    values = {f"p{p}": float(np.percentile(ms, p)) for p in (50, 95, 99)}
    values.update({"mean": float(ms.mean()), "min": float(ms.min()), "max": float(ms.max())})
    return values
