"""The parts of a split that a model is trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict

import numpy as np

from vaiopt.data import Splits


def _with_validation(splits: Splits) -> Splits:
    indices = np.concatenate([splits.train.indices, splits.validation.indices])
    return replace(splits, train=replace(splits.train, indices=indices))


TRAIN = "train"
PARTS: Dict[str, Callable[[Splits], Splits]] = {
    TRAIN: lambda splits: splits,
    "train+validation": _with_validation,
}
"""By name: what makes a split, of which the training part is trained on, of the regular one."""
