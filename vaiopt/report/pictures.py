"""Pictures of the worst test samples of masks and images: what went in, what is true, what came
out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Tuple

import numpy as np

from vaiopt.report.images import data_uri, over, to_pixels
from vaiopt.runs.layout import Candidate
from vaiopt.tasks.image_to_image import ImageEvaluation
from vaiopt.tasks.segmentation import SegmentationEvaluation

SHOWN = 6
"""Samples that are shown."""

LONGEST = 200
"""Pixels of the longer side of a picture."""


@dataclass(frozen=True)
class Picture:
    """A test sample in pictures.

    Attributes:
        index: its place in the test split. told: its score, in words.
        images: names and PNGs as data URIs.
    """

    index: int
    told: str
    images: Tuple[Tuple[str, str], ...]


def mask_pictures(candidate: Candidate, evaluation: SegmentationEvaluation) -> List[Picture]:
    """Return the samples with the fewest right pixels, their masks over them.

    Raises:
        VaioptError: the data or the model are not here, or not those of the run.
    """
    told = [f"{100 * s.pixel_accuracy:.1f} % right" for s in evaluation.worst[:SHOWN]]
    indices = [s.index for s in evaluation.worst[:SHOWN]]
    samples = _Samples(candidate, indices)
    found = []
    for number, index in enumerate(indices):
        raw = samples.pixels(number)
        true, said = samples.y[number], samples.said[number]
        images = (
            ("sample", raw),
            ("true", over(raw, true)),
            ("predicted", over(raw, said)),
        )
        found.append(Picture(index, told[number], _uris(images)))
    return found


def image_pictures(candidate: Candidate, evaluation: ImageEvaluation) -> List[Picture]:
    """Return the samples whose images are least like their targets. Raises VaioptError."""
    indices = [s.index for s in evaluation.worst[:SHOWN]]
    samples = _Samples(candidate, indices)
    low, high = float(samples.y.min()), float(samples.y.max())
    if samples.y.dtype == np.uint8:
        low, high = 0.0, 255.0
    found = []
    for number, score in enumerate(evaluation.worst[:SHOWN]):
        images = (
            ("sample", samples.pixels(number)),
            ("predicted", to_pixels(samples.said[number], low, high, LONGEST)),
            ("target", to_pixels(samples.y[number], low, high, LONGEST)),
        )
        found.append(Picture(score.index, f"PSNR {score.psnr:.1f} dB", _uris(images)))
    return found


class _Samples:
    """Test samples of a candidate by their places, with what its float model says of them."""

    def __init__(self, candidate: Candidate, indices: List[int]) -> None:
        from vaiopt.data import load_splits
        from vaiopt.evaluate import predicted

        self._splits = load_splits(candidate)
        part = self._splits.test.take(np.array(indices, np.int64))
        self._raw, self.y = part.raw, part.y
        self.said = predicted(candidate, self._splits, part)

    def pixels(self, number: int) -> Any:
        """Return a sample as pixels."""
        known = self._splits.dataset.value_range
        is_bytes = self._raw.dtype == np.uint8
        low, high = (0.0, 255.0) if is_bytes else (self._raw.min(), self._raw.max())
        return to_pixels(self._raw[number], *(known or (float(low), float(high))), LONGEST)


def _uris(images: Any) -> Tuple[Tuple[str, str], ...]:
    return tuple((name, data_uri(pixels)) for name, pixels in images)
