"""What a bundle's model was made for: one module a task, one row here.

A task's module has ``SHARE``, ``check_labels``, ``check_outputs``, ``predict``, ``score`` and
``told``. Several outputs, each with a task, are :mod:`kit_several`.
"""

from __future__ import annotations

from typing import Any, Dict

import kit_classification
import kit_images
import kit_multilabel
import kit_regression
import kit_segmentation
from kit_errors import MAKE_AGAIN, KitError

TASKS: Dict[str, Any] = {
    "classification": kit_classification,
    "binary": kit_classification,
    "multilabel": kit_multilabel,
    "regression": kit_regression,
    "segmentation": kit_segmentation,
    "image_to_image": kit_images,
}


def task_of(name: Any, path: str) -> Any:
    """Return the module of the task that a manifest names. Raises KitError: there is none."""
    if not isinstance(name, str) or name not in TASKS:
        raise KitError(f"'{path}' is of the task {name!r}, which is not known here", MAKE_AGAIN)
    return TASKS[name]
