"""What is learned: one file a task, one row in :mod:`vaiopt.tasks.rows`."""

from __future__ import annotations

from typing import Tuple

from vaiopt.errors import DataError, did_you_mean
from vaiopt.tasks.guess import AUTO, guess_task
from vaiopt.tasks.rows import TASKS
from vaiopt.tasks.several import Several, several_of
from vaiopt.tasks.targets import Targets
from vaiopt.tasks.task import Evaluation, Labels, Task
from vaiopt.tasks.task_text import is_several, tasks_in

__all__ = [
    "AUTO",
    "TASKS",
    "Evaluation",
    "Labels",
    "Several",
    "Targets",
    "Task",
    "guess_task",
    "is_several",
    "is_task",
    "task_of",
    "validation_metrics",
]


def validation_metrics() -> Tuple[str, ...]:
    """Return the names of the metrics of validation that any task has, with the loss."""
    return (*dict.fromkeys(name for task in TASKS.values() for name in task.validation), "val_loss")


def is_task(name: str) -> bool:
    """Return whether there is a task of a name; several are written by output."""
    return (
        all(task in TASKS for task in tasks_in(name).values())
        if is_several(name)
        else (name in TASKS)
    )


def task_of(name: str) -> Task:
    """Return the task of a name, or that of several outputs: ``digit=classification,...``.

    Raises:
        DataError: there is none.
    """
    if is_several(name):
        return several_of(name)
    if name not in TASKS:
        raise DataError(f"there is no task '{name}'", did_you_mean(name, TASKS))
    return TASKS[name]
