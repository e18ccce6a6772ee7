"""What data were found, in a line: a wrong folder or column is seen before trial 0."""

from __future__ import annotations

from typing import Mapping, Tuple

import numpy as np

from vaiopt.data.dataset import Dataset
from vaiopt.tasks import AUTO, task_of
from vaiopt.tasks.task import Piece

MOST_CLASSES = 6
"""Classes that are told with their samples; of more only the smallest and the largest."""


def found_line(dataset: Dataset, sizes: Mapping[str, int]) -> str:
    """Return what the data are: samples, form, classes, and how many are in each part.

    Args:
        dataset: as it was loaded. sizes: samples by part, as they are split.
    """
    kind, form = _form(dataset)
    parts = ", ".join(f"{name} {count:,}" for name, count in sizes.items())
    told = f"data '{dataset.name}': {len(dataset):,} {kind} of {form} ({dataset.x.dtype})"
    return f"{told}, {_labels(dataset)}; {parts}"


def _form(dataset: Dataset) -> Tuple[str, str]:
    """Return what samples are, and of what size."""
    shape = dataset.sample_shape
    if dataset.inputs:
        return "samples", " and ".join(map(str, dataset.inputs))
    if dataset.is_image:
        return "images", "×".join(map(str, shape))
    if not dataset.is_signal:
        return "rows", f"{shape[-1]} features"
    plural = "s" if shape[1] > 1 else ""
    form = f"{shape[0]:,} steps and {shape[1]} channel{plural}"
    guessed = dataset.request is not None and dataset.request.kind == AUTO
    return "signals", form + (" [grey images: data.kind=image]" if guessed else "")


def _labels(dataset: Dataset) -> str:
    """Return the classes with their samples, or what else is learned."""
    pieces = task_of(dataset.task).pieces(dataset.all_y, dataset.classes)
    return "; ".join(_of_piece(piece) for piece in pieces)


def _of_piece(piece: Piece) -> str:
    """Return the same of one output."""
    y, names = piece.y, piece.classes
    start = f"output '{piece.output}': " if piece.output else ""
    if not names or y.ndim != 1 or y.dtype.kind not in "iu":
        form = [] if y.shape[1:] == (1,) else y.shape[1:]
        return f"{start}{piece.task.name} of {'×'.join(map(str, form)) or 'a number'}"
    counts = np.bincount(y, minlength=len(names))
    told = [f"{name} {count:,}" for name, count in zip(names, counts)]
    if len(told) > MOST_CLASSES:
        low, high = int(counts.argmin()), int(counts.argmax())
        told = [f"{counts[low]:,} of '{names[low]}' to {counts[high]:,} of '{names[high]}'"]
        if counts[low] == counts[high]:
            told = [f"{counts[low]:,} of each"]
    return f"{start}{len(names)} classes ({', '.join(told)})"
