"""A made-up task: numbers of classes in an order, of which the next but one is not quite wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, Sequence, Tuple

import numpy as np

from vaiopt.record import part
from vaiopt.tasks.classification import Classification, predicted_classes
from vaiopt.tasks.task import Evaluation


@dataclass(frozen=True)
class OrdinalEvaluation(Evaluation):
    """How far off the classes are.

    Attributes:
        distance: the mean distance from the true class. near: the share at most one off.
    """

    score_names: ClassVar[Tuple[str, ...]] = ("distance", "near")

    distance: float = part(low=0)
    near: float = part(low=0, high=1)


class Ordinal(Classification):
    """Classes in an order."""

    name = "ordinal"
    doc = "one of several classes in an order"
    headline = "distance"
    minimise = True
    validation = {"val_distance": "distance", "val_near": "near"}
    evaluation = OrdinalEvaluation

    def scores(self, outputs: np.ndarray, y: np.ndarray, classes: int) -> Dict[str, float]:
        """Return the mean distance, and the share at most one off."""
        off = np.abs(predicted_classes(outputs) - y)
        return {"distance": float(off.mean()), "near": float((off <= 1).mean())}

    def evaluate(
        self, outputs: np.ndarray, y: np.ndarray, classes: Sequence[str], *, kind: str, trial: int
    ) -> Any:
        """Return the scores."""
        scores = self.scores(outputs, y, len(classes))
        return OrdinalEvaluation(kind, trial, len(y), **scores)
