"""The tasks, one row each."""

from __future__ import annotations

from typing import Dict

from vaiopt.tasks.binary import Binary
from vaiopt.tasks.classification import Classification
from vaiopt.tasks.image_to_image import ImageToImage
from vaiopt.tasks.multilabel import Multilabel
from vaiopt.tasks.regression import Regression
from vaiopt.tasks.segmentation import Segmentation
from vaiopt.tasks.task import Task

TASKS: Dict[str, Task] = {
    task.name: task
    for task in (
        Classification(),
        Binary(),
        Multilabel(),
        Regression(),
        Segmentation(),
        ImageToImage(),
    )
}
