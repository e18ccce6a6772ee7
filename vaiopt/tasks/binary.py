"""Two classes by one output: the probability of the second, or its logit."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Tuple

import numpy as np

from vaiopt.errors import DataError
from vaiopt.tasks.classification import Classification
from vaiopt.tasks.ranks import auc
from vaiopt.tasks.task import Labels


class Binary(Classification):
    """One of two classes: ``y`` holds 0 and 1 (n,), int64."""

    name = "binary"
    doc = "one of two classes, by one output"
    validation = {"val_accuracy": "accuracy", "val_f1": "macro_f1", "val_auc": "auc"}

    def check_labels(
        self, arrays: Sequence[Any], labels: Sequence[str], classes: Optional[Sequence[Any]]
    ) -> Labels:
        """Return class numbers 0 and 1 and the names of the classes."""
        numbers, names = super().check_labels(arrays, labels, classes)
        if len(names) != 2:
            raise DataError(
                f"{labels[0]} holds {len(names)} classes, and the task is binary",
                "Leave task out, or set it to classification.",
            )
        return numbers, names

    def output_problem(
        self, shape: Tuple[Any, ...], classes: int, y_shape: Tuple[int, ...] = ()
    ) -> Tuple[str, str]:
        """Return nothing for one output."""
        if shape == (1,):
            return "", ""
        return (
            f"the model gives outputs of shape {shape}, and the task is binary",
            "End with Dense(1, activation='sigmoid'), or leave task out.",
        )

    def head(self, keras: Any, x: Any, classes: int) -> Any:
        """Return the probability of the second class."""
        self.check_hidden(x)
        return keras.layers.Dense(1, activation="sigmoid", name="predictions")(x)

    def scores(self, outputs: np.ndarray, y: np.ndarray, classes: int) -> Dict[str, float]:
        """Return accuracy, macro F1 and the area under the ROC curve."""
        found = super().scores(outputs, y, classes)
        return {**found, "auc": auc(outputs.reshape(len(y)), y)}
