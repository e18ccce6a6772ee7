"""The made-up task on the kit: it goes into a bundle as ``kit_ordinal.py``."""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np

from kit_classification import check_labels, check_outputs, predict  # noqa: F401


def score(predicted: np.ndarray, samples: Any, classes: List[str]) -> Dict[str, Any]:
    """Return the mean distance, and the share at most one off."""
    off = np.abs(predicted - samples.y)
    scores = {"distance": float(off.mean()), "near": float((off <= 1).mean())}
    return {"samples": int(len(off)), "scores": scores}


def told(result: Dict[str, Any]) -> str:
    """Return the score that counts in words."""
    return f"distance {result['scores']['distance']:.3f}"
