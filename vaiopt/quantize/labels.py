"""What the labels of a model are, and its scores on them. Of a bare model nobody says what it does:
what its outputs and the labels do not show is not scored.
"""

from __future__ import annotations

from collections import abc
from dataclasses import dataclass
from typing import Any, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from vaiopt.errors import DataError, did_you_mean
from vaiopt.models.probabilities import LINEAR, last_function
from vaiopt.study.own_metrics import OwnMetrics
from vaiopt.tasks import AUTO, Targets, Task, task_of
from vaiopt.tasks.arrays import as_array
from vaiopt.tasks.one_output import OneOutput
from vaiopt.tasks.targets import PLAIN
from vaiopt.tasks.task import UNSCORED
from vaiopt.tasks.task_text import text_of


@dataclass(frozen=True, eq=False)
class Judge:
    """Scores a model on labelled samples.

    Attributes:
        task: what the model does.
        y: labels, (n, ...), as the task keeps them.
        targets: what the outputs are of the labels.
        own: metrics of a person's own, None without.
        names: of the model's outputs, in its order, where there are several.
    """

    task: Task
    y: np.ndarray
    targets: Targets = PLAIN
    own: Optional[OwnMetrics] = None
    names: Tuple[str, ...] = ()

    def scores(self, outputs: np.ndarray) -> Dict[str, float]:
        """Return the scores of a model's outputs (n, ...), of several joined, headline first."""
        if self.task.like_samples and outputs.ndim == 3:  # a row of pixels
            outputs = outputs.reshape(*self.y.shape[:3], -1)
        outputs = self.targets.decode(outputs)
        scores = self.task.scores_without_names(outputs, self.y)
        return scores if self.own is None else {**scores, **self.own(self.y, outputs)}


class Found(NamedTuple):
    """A judge; or None, and why there is none where there are labels."""

    judge: Optional[Judge] = None
    why: str = ""

    def task(self, otherwise: str) -> str:
        """Return the name of the task; another where there is no judge."""
        return otherwise if self.judge is None else self.judge.task.name


class _NotUnderstood(Exception):
    """Why labels are not scored, in words."""


def judge_of(
    model: Any,
    y: Any,
    samples: int,
    task: str = AUTO,
    targets: Targets = PLAIN,
    name: str = "y",
    names: Sequence[str] = (),
) -> Found:
    """Return what scores a model.

    Args:
        model: functional.
        y: labels, or None.
        samples: how many there must be.
        task: what the model does; ``auto`` tells it by its outputs and the labels.
        targets: what its outputs are of the labels.
        name: of the array, for messages.
        names: of the model's outputs, in its order.

    Raises:
        DataError: there are not as many labels as samples, or they are not of the task.
    """
    if y is None:
        return Found()
    if task == AUTO and isinstance(y, abc.Mapping):
        several = _bare_several(model, y, samples, name, names)
        if isinstance(several, Found):
            return several
        task, y = several
    if task != AUTO:
        known = task_of(task)
        labels = known.calibration_labels(y, samples, name)
        return Found(Judge(known, labels, targets, names=tuple(names)))
    labels = as_array(y, f"array '{name}'")
    if labels.ndim == 0 or len(labels) != samples:
        raise DataError(
            f"array '{name}' holds {len(labels) if labels.ndim else 1} labels for {samples}"
            " samples",
            "Give one label per sample.",
        )
    try:
        found, labels = _bare(model, labels)
    except _NotUnderstood as why:
        return Found(None, f"no scores: {why}")
    known = task_of(found)
    return Found(Judge(known, known.calibration_labels(labels, samples, name)))


def _bare_several(
    model: Any, y: Mapping[str, Any], samples: int, name: str, names: Sequence[str]
) -> Union[Found, Tuple[str, Dict[str, np.ndarray]]]:
    """Return the tasks of a bare model's outputs, and the labels of each in a form that it takes;
    or why they are not scored.
    """
    for output in y:
        if output not in names:
            raise DataError(
                f"array '{name}_{output}' is of no output of the model",
                did_you_mean(output, names),
            )
    missing = [output for output in names if output not in y]
    if missing:
        return Found(None, f"no scores: there is no array '{name}_{missing[0]}'")
    tasks, labels = {}, {}
    for place, output in enumerate(names):
        found = judge_of(
            OneOutput(model, place, output), y[output], samples, name=f"{name}_{output}"
        )
        if found.judge is None:
            return Found(None, f"{found.why} (output '{output}')")
        tasks[output], labels[output] = found.judge.task.name, found.judge.y
    return text_of(tasks), labels


def _bare(model: Any, y: np.ndarray) -> Tuple[str, np.ndarray]:
    """Return the task of a bare model, and the labels in a form that it takes."""
    if len(model.outputs) != 1:
        raise _NotUnderstood(f"the model has {len(model.outputs)} outputs")
    shape, function = tuple(model.output_shape)[1:], last_function(model)
    if y.dtype.kind not in "biuf":
        raise _NotUnderstood("'y' holds no numbers; give class numbers from 0")
    if not np.isfinite(y).all():
        raise _NotUnderstood("'y' holds values that are not numbers")
    if y.ndim == len(shape) + 1 and y.shape[-1] == 1 and len(shape) <= 2:
        y = y[..., 0]  # a column, as Keras's own data sets have it; masks with their channel
    if y.ndim == 1 and len(shape) == 1:
        return _of_numbers(shape[0], function, y)
    if y.ndim == 2 and len(shape) == 1:
        return _of_rows(shape[0], function, y)
    if y.ndim == 2 and len(shape) == 2 and y.shape[1] == shape[0]:
        if shape[1] == 1 and function != "sigmoid":
            raise _NotUnderstood("the output has one channel, which is no sigmoid")
        return "segmentation", _masks(y[:, :, None], max(2, shape[1]))
    if y.ndim in (3, 4) and len(shape) == 3 and y.shape[1:3] == shape[:2]:
        return _of_images(shape, function, y)
    raise _NotUnderstood(f"labels of shape {y.shape[1:]} for outputs of shape {shape}")


def _of_numbers(outputs: int, function: str, y: np.ndarray) -> Tuple[str, np.ndarray]:
    whole = bool((np.floor(y) == y).all())
    low, high = float(y.min()), float(y.max())
    if outputs > 1:
        if whole and low >= 0 and high < outputs:
            return "classification", y
        other = y[np.floor(y) != y][0] if not whole else low if low < 0 else high
        raise _NotUnderstood(
            f"'y' holds {other:g}, and the model has {outputs} outputs: classes are numbered from 0"
        )
    different = set(np.unique(y[:3]).tolist()) | {low, high}
    if whole and different <= {0.0, 1.0}:
        if function != LINEAR:
            return "binary", y
        raise _NotUnderstood(
            "whether the output is a logit is not known; compile the model with its loss before it"
            " is saved"
        )
    if whole and different <= {-1.0, 1.0}:
        raise _NotUnderstood("'y' holds -1 and 1; classes are numbered 0 and 1")
    if function == "sigmoid" and not (low >= 0 and high <= 1):
        raise _NotUnderstood(f"'y' reaches from {low:g} to {high:g}, a sigmoid from 0 to 1")
    return "regression", y


def _of_rows(outputs: int, function: str, y: np.ndarray) -> Tuple[str, np.ndarray]:
    if y.shape[1] != outputs:
        raise _NotUnderstood(f"'y' holds rows of {y.shape[1]}, and the model has {outputs} outputs")
    binary = bool(((y == 0) | (y == 1)).all())
    if binary and (y.sum(axis=1) == 1).all():
        return "classification", y
    if binary and function == "sigmoid":
        return "multilabel", y
    if binary or function == "softmax":
        raise _NotUnderstood("the rows of 'y' do not each hold a single 1")
    return "regression", y


def _of_images(shape: Tuple[int, ...], function: str, y: np.ndarray) -> Tuple[str, np.ndarray]:
    flat = y if y.ndim == 3 else y[..., 0] if y.shape[3] == 1 else None
    whole = bool((np.floor(y) == y).all()) and float(y.min()) >= 0
    if flat is not None and whole and (shape[2] > 1 or function == "sigmoid"):
        return "segmentation", _masks(flat, max(2, shape[2]))
    binary = whole and float(y.max()) <= 1
    if y.ndim == 4 and y.shape[1:] == shape:
        if binary and shape[2] > 1 and (y.sum(axis=3) == 1).all():
            return "segmentation", y
        return "image_to_image", y
    if flat is not None and shape[2] == 1:
        return "image_to_image", flat[..., None]
    raise _NotUnderstood(f"labels of shape {y.shape[1:]} for outputs of shape {shape}")


def _masks(y: np.ndarray, classes: int) -> np.ndarray:
    """Return masks of class numbers in which the one number that is no class does not count."""
    if not (np.floor(y) == y).all() or y.min() < 0:
        raise _NotUnderstood("masks hold whole numbers from 0")
    others = np.unique(y[y >= classes])
    if len(others) > 1:
        raise _NotUnderstood(
            f"the masks hold {others[0]:g} and {others[1]:g}, and the model has {classes} classes"
        )
    return np.where(y >= classes, UNSCORED, y)
