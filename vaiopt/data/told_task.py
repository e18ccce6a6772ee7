"""Which task labels are for, where a person does not say, and how that is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Sequence, Tuple

from vaiopt.errors import DataError
from vaiopt.tasks import AUTO, Task, guess_task, is_several
from vaiopt.tasks.joined import outputs_in
from vaiopt.tasks.several import settled_task


def task_of_labels(task: str, shape: Sequence[int], y: Any, classes: Any) -> Tuple[str, str]:
    """Return the name of the task, and why it is that where the labels tell it.

    Args:
        task: a name, one with a task by output, or ``auto``.
        shape: of the samples, (n, ...). y: labels as a person gave them; of several outputs by
            their names, or joined. classes: names, or None.

    Raises:
        DataError: there are several outputs, and one task for all.
    """
    if is_several(task) or isinstance(y, Mapping) or outputs_in(y):
        if task == AUTO or is_several(task):
            why = "there are labels of several outputs" if task == AUTO else ""
            return settled_task(task, shape, y, classes), why
        given = ", ".join(map(str, y if isinstance(y, Mapping) else outputs_in(y)))
        raise DataError(
            f"there are labels of several outputs ({given}), and one task: {task}",
            f"Give a task to each instead: --set tasks.{given.split(', ')[0]}={task}",
        )
    if task != AUTO:
        return task, ""
    guess = guess_task(shape, y, classes)
    return guess.task, guess.why


def told_task(task: Task, why: str) -> Tuple[str, ...]:
    """Return a note of a task that was told by ``y``; none of a classification, the common one."""
    if not why or task.name == "classification":
        return ()
    other = "tasks.OUTPUT" if is_several(task.name) else "task"
    return (f"the task is {task.name}: {task.doc}, since {why}; another: --set {other}=NAME",)
