"""The labels of a dataset, taken otherwise: for another task, or without some classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Sequence

from vaiopt.data.dataset import Dataset, make_dataset
from vaiopt.data.inputs import plain_or_by_input
from vaiopt.errors import DataError
from vaiopt.tasks import AUTO, task_of
from vaiopt.tasks.segmentation import without_classes


def made_anew(dataset: Dataset, name: str, task: str) -> Dataset:
    """Return a dataset whose arrays are all checked again.

    Args:
        dataset: as a person may have made it.
        name: what it is called.
        task: what is learned, which may be another than its own.

    Raises:
        DataError: an array cannot be used, or its labels are not of that task.
    """
    same = task_of(task).outputs == task_of(dataset.task).outputs
    made = make_dataset(
        name,
        plain_or_by_input(dataset.x, dataset.inputs),
        dataset.y,
        test_x=plain_or_by_input(dataset.test_x, dataset.inputs),
        test_y=dataset.test_y,
        validation_x=plain_or_by_input(dataset.validation_x, dataset.inputs),
        validation_y=dataset.validation_y,
        weights=dataset.weights,
        test_weights=dataset.test_weights,
        validation_weights=dataset.validation_weights,
        classes=(dataset.classes or None) if same else None,
        value_range=dataset.value_range,
        feature_names=dataset.feature_names,
        task=task,
        notes=dataset.notes,
        columns=dataset.columns,
    )
    return replace(made, files=dataset.files)


def with_task(dataset: Dataset, task: str) -> Dataset:
    """Return a dataset for a task that a person names; as it is if that is its own, or ``auto``.

    Raises:
        DataError: its labels are not of that task.
    """
    return dataset if task in (AUTO, dataset.task) else made_anew(dataset, dataset.name, task)


def without_unscored(dataset: Dataset, unscored: Sequence[str]) -> Dataset:
    """Return a dataset of masks without some classes, which are neither learned nor scored.

    Raises:
        DataError: it has no masks, or not these classes.
    """
    if not unscored:
        return dataset
    if dataset.task != "segmentation":
        raise DataError(
            f"data.unscored is set, and the task is {dataset.task}",
            "Remove the setting: it is for masks.",
        )
    names = [n for n in ("y", "test_y", "validation_y") if getattr(dataset, n) is not None]
    masks, classes = without_classes(
        [getattr(dataset, name) for name in names], dataset.classes, unscored
    )
    fields: Dict[str, Any] = dict(zip(names, masks))
    return replace(dataset, classes=classes, **fields)
