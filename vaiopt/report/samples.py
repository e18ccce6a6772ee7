"""Pictures of some training samples: what the data look like, prepared as a model is given them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List

import numpy as np

from vaiopt.report.images import beside_each_other, data_uri, over, to_pixels, value_range_of
from vaiopt.runs.layout import Candidate
from vaiopt.tasks import Task

SHOWN = 24
"""Samples that are shown at most."""

LONGEST = 96
"""Pixels of the longer side of a picture."""


@dataclass(frozen=True)
class SamplePicture:
    """A training sample.

    Attributes:
        told: its class; empty where it has none. name: of its file; empty where it has none.
        image: a PNG as data URI.
    """

    told: str
    name: str
    image: str


def sample_pictures(candidate: Candidate) -> List[SamplePicture]:
    """Return some training samples of a candidate's data, of each class in turn; masks lie over
    theirs, and images of several inputs beside each other. None of data without images.

    Raises:
        VaioptError: the data are not here, or not those of the run.
    """
    from vaiopt.data import load_splits
    from vaiopt.data.inputs import images_in

    splits = load_splits(candidate)
    places = _spread(splits.task, splits.train.y)
    part = splits.train.take(places)
    y, files = part.y, splits.dataset.files
    images = images_in(part.raw, splits.dataset.inputs)
    ranges = [value_range_of(each, splits.dataset.value_range) for each in images]
    has_names = files is not None and len(files.names) == len(splits.dataset)
    found = []
    for place, (label, index) in enumerate(zip(y, part.indices) if images else ()):
        pixels = beside_each_other(
            [to_pixels(each[place], *known, LONGEST) for each, known in zip(images, ranges)]
        )
        if splits.task.like_samples and label.ndim == 2:
            pixels = over(pixels, label)
        told = splits.classes[int(label)] if splits.task.has_classes else ""
        name = files.names[int(index)] if files is not None and has_names else ""
        found.append(SamplePicture(told, name, data_uri(pixels)))
    return found


def _spread(task: Task, y: np.ndarray) -> np.ndarray:
    """Return the places of the samples to show: the first of each class, then the second, ..."""
    if not task.has_classes:
        return np.arange(min(SHOWN, len(y)))
    rank = np.zeros(len(y), np.int64)
    for number in np.unique(y):
        of_it = y == number
        rank[of_it] = np.arange(int(of_it.sum()))
    first = np.lexsort((y, rank))[:SHOWN]
    return np.asarray(first[np.lexsort((rank[first], y[first]))])
