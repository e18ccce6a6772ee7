"""What is learned: one file a task, one row here."""

from __future__ import annotations

from typing import Dict

from vaiopt.errors import DataError, did_you_mean
from vaiopt.tasks.classification import Classification
from vaiopt.tasks.task import Labels, Task

__all__ = ["TASKS", "Labels", "Task", "task_of"]

TASKS: Dict[str, Task] = {task.name: task for task in (Classification(),)}


def task_of(name: str) -> Task:
    """Return the task of a name.

    Raises:
        DataError: there is none.
    """
    if name not in TASKS:
        raise DataError(f"there is no task '{name}'", did_you_mean(name, TASKS))
    return TASKS[name]
