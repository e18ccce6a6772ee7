"""The default family: searched blocks for images, the tabular MLP for anything else."""

from __future__ import annotations

from typing import Any

from vaiopt.models import cnn_blocks, mlp_tabular
from vaiopt.study.hyperparameters import HyperParameters

SMALLEST_IMAGE = 4
"""Pixels on the shorter side below which an image is treated as a table of numbers."""


def build_model(hp: HyperParameters) -> Any:
    """Build the family that suits ``hp.input_shape``."""
    is_image = len(hp.input_shape) == 3 and min(hp.smallest_shape[:2]) >= SMALLEST_IMAGE
    return cnn_blocks.build_model(hp) if is_image else mlp_tabular.build_model(hp)
