"""Misclassified test samples, with the picture or the values that the model saw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from vaiopt.report.images import data_uri, to_pixels, value_range_of
from vaiopt.report.pictures import image_pictures, mask_pictures
from vaiopt.runs.layout import Candidate
from vaiopt.tasks.classification import ClassEvaluation, Mistake, surest

SHOWN_EXAMPLES = 24
"""Mistakes that are shown at most."""
SHOWN_VALUES = 8
"""Features of a tabular sample that are shown at most."""


@dataclass(frozen=True)
class Example:
    """One misclassified sample.

    Attributes:
        index: its place in the test split. true, predicted: names of classes. confidence: of the
            predicted class, 0 to 1.
        name: of its file or line; empty where the data have none.
        image: a PNG as data URI, or empty. values: the first few features of a tabular sample.
    """

    index: int
    true: str
    predicted: str
    confidence: float
    name: str = ""
    image: str = ""
    values: Tuple[float, ...] = ()


def read_examples(candidate: Candidate, evaluation: ClassEvaluation) -> List[Example]:
    """Load a candidate's data and return its surest mistakes with their content.

    Raises:
        DataError: the data is not here, or is not what the run was made with.
    """
    from vaiopt.data import load_splits
    from vaiopt.data.inputs import picture_or_row
    from vaiopt.data.names import names_of_test

    if not evaluation.misclassified:
        return []
    splits = load_splits(candidate)
    known = [m for m in surest(evaluation, SHOWN_EXAMPLES) if m.index < len(splits.test)]
    samples = splits.test.take(np.array([m.index for m in known], np.int64)).raw
    samples = picture_or_row(samples, splits.test.dataset.inputs)
    classes = [scores.name for scores in evaluation.per_class]
    names = names_of_test(splits, [m.index for m in known])
    found = examples(known, samples, classes, splits.test.dataset.value_range)
    return [replace(example, name=names.get(example.index, "")) for example in found]


def examples(
    mistakes: Sequence[Mistake],
    samples: np.ndarray,
    classes: Sequence[str],
    value_range: Optional[Tuple[float, float]] = None,
) -> List[Example]:
    """Return mistakes with their content.

    Args:
        mistakes: of the classes.
        samples: one for each, (N, H, W, C), (N, H, W) or (N, F), uint8 or float.
        classes: their names.
        value_range: lowest and highest value of an image; without it 0 to 255 for uint8, else those
            of the samples.
    """
    if not len(samples):
        return []
    is_image = samples.ndim > 2
    value_range = value_range_of(samples, value_range)
    return [
        Example(
            index=mistake.index,
            true=classes[mistake.true],
            predicted=classes[mistake.predicted],
            confidence=mistake.confidence,
            image=data_uri(to_pixels(sample, *value_range)) if is_image else "",
            values=() if is_image else tuple(float(v) for v in sample.ravel()[:SHOWN_VALUES]),
        )
        for mistake, sample in zip(mistakes, samples)
    ]


EXAMPLES: Dict[str, Callable[[Candidate, Any], Sequence[Any]]] = {
    "classification": read_examples,
    "binary": read_examples,
    "segmentation": mask_pictures,
    "image_to_image": image_pictures,
}
"""What reads the test samples that a task's section shows, for tasks that show any."""
