"""What samples are, by their axes: rows of a table (N, F), signals (N, time, channels) or images
(N, H, W, C); and which of it three axes are meant to be: images if they look so
(:func:`vaiopt.data.features.is_grey`) or the task is of images.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Sequence

import numpy as np

from vaiopt.data.dataset import Dataset
from vaiopt.data.features import reshaped
from vaiopt.errors import DataError, did_you_mean
from vaiopt.tasks import AUTO, task_of

KINDS: Dict[int, str] = {1: "table", 2: "signal", 3: "image"}
"""By the number of axes of one sample."""


def check_kind(kind: str) -> str:
    """Return a name of :data:`KINDS`, or ``auto``. Raises DataError: it is none."""
    names = (AUTO, *KINDS.values())
    if kind not in names:
        raise DataError(f"data.kind is '{kind}'", did_you_mean(str(kind), names))
    return kind


def kind_of_shape(shape: Sequence[int]) -> str:
    """Return what a sample of this shape is."""
    return KINDS[len(shape)]


def with_kind(dataset: Dataset, kind: str) -> Dataset:
    """Return a dataset whose samples are taken as what a person says; as it is for ``auto``.

    Raises:
        DataError: its samples cannot be that, or the task is of images.
    """
    own = kind_of_shape(dataset.sample_shape)
    if kind in (AUTO, own):
        return dataset
    if dataset.inputs:
        raise DataError(
            f"data.kind is '{kind}', and there are {len(dataset.inputs)} inputs:"
            f" {', '.join(map(str, dataset.inputs))}",
            "Remove the setting, and give each array in the form that it is to have.",
        )
    if task_of(dataset.task).like_samples:
        raise DataError(
            f"data.kind is '{kind}', and the task is {dataset.task}",
            "Remove the setting: this task is of images.",
        )
    shape = _shape(dataset, kind)
    fields: Dict[str, Any] = {
        name: reshaped(getattr(dataset, name), shape)
        for name in ("x", "test_x", "validation_x")
        if getattr(dataset, name) is not None
    }
    return replace(dataset, fingerprint="", feature_names=(), columns=(), **fields)


def _shape(dataset: Dataset, kind: str) -> List[int]:
    """Return the shape of a sample as another kind."""
    own = list(dataset.sample_shape)
    if kind == "table":
        return [int(np.prod(own))]
    if kind == "image" and len(own) == 2:
        return [*own, 1]
    if kind == "signal" and len(own) == 1:
        return [*own, 1]
    if kind == "signal" and 1 in own:
        own.pop(2 if own[2] == 1 else own.index(1))
        return own
    raise DataError(
        f"data.kind is '{kind}', but a sample of '{dataset.name}' has shape {tuple(own)}",
        "Give images as (samples, height, width), signals as (samples, time, channels).",
    )
