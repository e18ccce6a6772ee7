"""What is learned: one file a task, one row here."""

from __future__ import annotations

from typing import Dict, Tuple

from vaiopt.errors import DataError, did_you_mean
from vaiopt.tasks.classification import Classification
from vaiopt.tasks.task import Evaluation, Labels, Task

__all__ = ["TASKS", "Evaluation", "Labels", "Task", "task_of", "validation_metrics"]

TASKS: Dict[str, Task] = {task.name: task for task in (Classification(),)}


def validation_metrics() -> Tuple[str, ...]:
    """Return the names of the metrics of validation that every task has, with the loss."""
    return (*dict.fromkeys(name for task in TASKS.values() for name in task.validation), "val_loss")


def task_of(name: str) -> Task:
    """Return the task of a name.

    Raises:
        DataError: there is none.
    """
    if name not in TASKS:
        raise DataError(f"there is no task '{name}'", did_you_mean(name, TASKS))
    return TASKS[name]
