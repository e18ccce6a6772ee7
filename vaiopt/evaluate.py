"""The chosen model, once, on the test split: accuracy, macro F1, per class, confusion, and what it
got wrong.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Callable, Dict, List, Mapping, Optional

import numpy as np

from vaiopt.data import Splits
from vaiopt.errors import ModelError
from vaiopt.tasks import classification as metrics

BATCH = 1000
"""Samples a step of prediction."""

Predict = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Evaluation:
    """A model on the test split.

    Attributes:
        kind: ``float`` or ``int8``.
        trial: number of the chosen trial.
        samples: in the test split.
        accuracy, macro_f1: shares from 0 to 1.
        loss: mean cross-entropy of the true class.
        per_class: ``class``, ``precision``, ``recall``, ``f1``, ``support`` of each.
        confusion: counts; rows are true, columns predicted classes.
        misclassified: ``index`` within the test split, ``true``, ``predicted`` (class numbers) and
            ``confidence``, the most confident first.
    """

    kind: str
    trial: int
    samples: int
    accuracy: float
    macro_f1: float
    loss: float
    per_class: List[Dict[str, Any]]
    confusion: List[List[int]]
    misclassified: List[Dict[str, Any]]

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        return {"split": "test", **asdict(self)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Evaluation:
        """Return what :meth:`to_json` wrote. Raises KeyError if a part is missing."""
        return cls(**{declared.name: content[declared.name] for declared in fields(cls)})


@dataclass(frozen=True)
class Evaluations:
    """The chosen model on the test split, before and after quantization.

    Attributes:
        float_test: the float model.
        int8_test: the int8 model; None if there is none yet.
    """

    float_test: Evaluation
    int8_test: Optional[Evaluation] = None

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "float": self.float_test.to_json(),
            "int8": self.int8_test.to_json() if self.int8_test is not None else None,
        }


def evaluate_model(predict: Predict, splits: Splits, *, kind: str, trial: int) -> Evaluation:
    """Evaluate a model on the test split.

    Args:
        predict: maps preprocessed samples ``(n, *shape)`` float32 to probabilities ``(n,
            classes)``, or ``(n, 1)`` for class 1 of two.
        splits: of the run.
        kind: what the model is, ``float`` or ``int8``.
        trial: number of the trial it came from.

    Raises:
        ModelError: an output is NaN or infinite.
    """
    part = splits.test
    outputs = np.concatenate(
        [predict(part.take(slice(start, start + BATCH)).x) for start in range(0, len(part), BATCH)]
    )
    if not np.all(np.isfinite(outputs)):
        raise ModelError(
            f"the {kind} model of trial {trial} gives values that are not numbers",
            "Choose another trial: vaiopt choose RUN --trial N",
        )
    probabilities = (
        np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs
    )
    true, predicted = part.y, metrics.predicted_classes(outputs)
    rows = np.arange(len(true))
    loss = float(-np.log(np.clip(probabilities[rows, true], 1e-7, 1.0)).mean())
    confidence = probabilities[rows, predicted]
    wrong = sorted(np.flatnonzero(true != predicted), key=lambda i: (-confidence[i], i))
    misclassified = [
        {
            "index": int(i),
            "true": int(true[i]),
            "predicted": int(predicted[i]),
            "confidence": float(confidence[i]),
        }
        for i in wrong
    ]
    return Evaluation(
        kind=kind,
        trial=trial,
        samples=len(true),
        loss=loss,
        misclassified=misclassified,
        **metrics.summary(true, predicted, splits.classes),
    )
