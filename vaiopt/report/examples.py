"""Misclassified test samples, with the picture or the values that the model saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from vaiopt.report.images import data_uri, to_pixels
from vaiopt.runs.layout import Run

MAX_EXAMPLES = 24
MAX_VALUES = 8


@dataclass(frozen=True)
class Example:
    """One misclassified sample.

    Attributes:
        index: its place in the test split. true, predicted: names of classes. confidence: of the
            predicted class, 0 to 1.
        image: a PNG as data URI, or empty. values: the first few features of a tabular sample.
    """

    index: int
    true: str
    predicted: str
    confidence: float
    image: str = ""
    values: Tuple[float, ...] = ()


def worst(
    misclassified: Sequence[Dict[str, Any]], count: int = MAX_EXAMPLES
) -> List[Dict[str, Any]]:
    """Return the mistakes that the model was surest of, surest first."""
    return sorted(
        misclassified, key=lambda m: (-float(m.get("confidence") or 0.0), int(m["index"]))
    )[:count]


def read_examples(run: Run, misclassified: Sequence[Dict[str, Any]]) -> List[Example]:
    """Load the run's data and return its surest mistakes with their content.

    Args:
        misclassified: entries ``{index, true, predicted, confidence}``; ``index`` counts within the
            test split.

    Raises:
        DataError: the data is not here, or is not what the run was made with.
    """
    from vaiopt.data import load_run_splits

    splits = load_run_splits(run)
    entries = [
        entry for entry in worst(misclassified) if 0 <= int(entry["index"]) < len(splits.test)
    ]
    samples = splits.test.take(np.array([int(entry["index"]) for entry in entries], np.int64)).raw
    return examples(
        entries, samples, [str(name) for name in splits.classes], splits.test.dataset.value_range
    )


def examples(
    entries: Sequence[Dict[str, Any]],
    samples: np.ndarray,
    classes: Sequence[str],
    value_range: Optional[Tuple[float, float]] = None,
) -> List[Example]:
    """Return entries with their content.

    Args:
        entries: ``{index, true, predicted, confidence}``.
        samples: one for each entry, (N, H, W, C), (N, H, W) or (N, F), uint8 or float.
        classes: the names of the classes.
        value_range: lowest and highest value of an image; without it 0 to 255 for uint8, else those
            of the samples.
    """
    if not len(samples):
        return []
    low, high = (
        (0.0, 255.0)
        if samples.dtype == np.uint8
        else (float(np.min(samples)), float(np.max(samples)))
    )
    if value_range is not None:
        low, high = value_range
    found = []
    for entry, sample in zip(entries, samples):
        is_image = sample.ndim >= 2
        found.append(
            Example(
                index=int(entry["index"]),
                true=class_name(entry["true"], classes),
                predicted=class_name(entry["predicted"], classes),
                confidence=float(entry.get("confidence") or 0.0),
                image=data_uri(to_pixels(sample, low, high)) if is_image else "",
                values=() if is_image else tuple(float(v) for v in sample.ravel()[:MAX_VALUES]),
            )
        )
    return found


def class_name(value: Any, classes: Sequence[str]) -> str:
    """Return the name of a class that is given by its number or its name."""
    if (
        isinstance(value, (int, np.integer))
        and not isinstance(value, bool)
        and 0 <= int(value) < len(classes)
    ):
        return str(classes[int(value)])
    return str(value)
