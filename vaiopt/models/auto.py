"""The default family: by the task, and by the shape of the samples."""

from __future__ import annotations

from typing import Any

from vaiopt.models import autoencoder, cnn_1d, cnn_blocks, mlp_tabular, unet
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.tasks import task_of

SMALLEST_IMAGE = 4
"""Pixels on the shorter side below which an image is treated as a table of numbers."""

OF_TASK = {"segmentation": unet, "image_to_image": autoencoder}
"""Families of the tasks whose labels lie over the samples."""


def build_model(hp: HyperParameters) -> Any:
    """Build the family that suits ``hp.task`` and ``hp.input_shape``."""
    if task_of(hp.task).like_samples:
        return OF_TASK[hp.task].build_model(hp)
    if len(hp.input_shape) == 2 and hp.input_shape[0] >= cnn_1d.SHORTEST:
        return cnn_1d.build_model(hp)
    is_image = len(hp.input_shape) == 3 and min(hp.smallest_shape[:2]) >= SMALLEST_IMAGE
    return cnn_blocks.build_model(hp) if is_image else mlp_tabular.build_model(hp)
