"""What is learned: one file a task, one row here."""

from __future__ import annotations

from typing import Dict, Tuple

from vaiopt.errors import DataError, did_you_mean
from vaiopt.tasks.binary import Binary
from vaiopt.tasks.classification import Classification
from vaiopt.tasks.guess import AUTO, guess_task
from vaiopt.tasks.image_to_image import ImageToImage
from vaiopt.tasks.multilabel import Multilabel
from vaiopt.tasks.regression import Regression
from vaiopt.tasks.segmentation import Segmentation
from vaiopt.tasks.targets import Targets
from vaiopt.tasks.task import Evaluation, Labels, Task

__all__ = [
    "AUTO",
    "TASKS",
    "Evaluation",
    "Labels",
    "Targets",
    "Task",
    "guess_task",
    "task_of",
    "validation_metrics",
]

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


def validation_metrics() -> Tuple[str, ...]:
    """Return the names of the metrics of validation that any task has, with the loss."""
    return (*dict.fromkeys(name for task in TASKS.values() for name in task.validation), "val_loss")


def task_of(name: str) -> Task:
    """Return the task of a name.

    Raises:
        DataError: there is none.
    """
    if name not in TASKS:
        raise DataError(f"there is no task '{name}'", did_you_mean(name, TASKS))
    return TASKS[name]
