"""How sure an accuracy is that was counted on so many samples."""

from __future__ import annotations

import math
from typing import Optional, Tuple

Z = 1.959964
"""Of the normal distribution: 95 % lie within so many standard deviations of its mean."""


OF_PARTS = ("pixel_accuracy", "label_accuracy")
"""Metrics that count parts of samples."""


def is_accuracy(metric: str) -> bool:
    """Return whether a metric counts right samples, so that its uncertainty follows from theirs;
    pixels and labels of one sample are not independent.
    """
    return metric.endswith("accuracy") and not metric.endswith(OF_PARTS)


def wilson(share: float, samples: int) -> Tuple[float, float]:
    """Return the 95 % interval of a share that was counted on so many samples (Wilson 1927): it
    stays within 0 and 1, and holds for few samples and for shares near 1.
    """
    weight = Z * Z / samples
    middle = (share + weight / 2) / (1 + weight)
    half = Z / (1 + weight) * math.sqrt(share * (1 - share) / samples + weight / (4 * samples))
    return max(0.0, middle - half), min(1.0, middle + half)


def interval(metric: str, value: Optional[float], samples: int) -> str:
    """Return the 95 % interval of an accuracy as ``92.1 to 97.0 %``; empty for other metrics, and
    where the samples (0) or the accuracy are not known.
    """
    if value is None or samples < 1 or not is_accuracy(metric) or not 0 <= value <= 1:
        return ""
    low, high = wilson(float(value), samples)
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def sure(metric: str, value: Optional[float], samples: int) -> str:
    """Return :func:`interval` as a remark on the accuracy: ``95 %: 92.1 to 97.0 %``."""
    found = interval(metric, value, samples)
    return f"95 %: {found}" if found else ""


def differ(first: float, second: float, samples: int) -> bool:
    """Return whether two accuracies on as many samples differ by more than chance: whether the 95 %
    interval of their difference (Newcombe 1998, from Wilson's) leaves out 0. That both were counted
    on the same samples is left out, which errs on the side of "not known".
    """
    high, low = max(first, second), min(first, second)
    down = high - wilson(high, samples)[0]
    up = wilson(low, samples)[1] - low
    return high - low > math.hypot(down, up)
