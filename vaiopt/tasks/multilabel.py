"""Several labels a sample, each there or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Optional, Sequence, Tuple, Type

import numpy as np

from vaiopt.errors import DataError
from vaiopt.present import words
from vaiopt.present.table import Table
from vaiopt.record import Record, part
from vaiopt.tasks.arrays import as_numbers, columns, output_names
from vaiopt.tasks.classification import cross_entropy
from vaiopt.tasks.ranks import auc
from vaiopt.tasks.task import Evaluation, Labels, Task

SAMPLES_A_KIND = 20
"""Samples that a combination of labels must have for a split to keep its share."""


def label_counts(y: np.ndarray, predicted: np.ndarray) -> Dict[str, np.ndarray]:
    """Return ``precision``, ``recall``, ``f1`` and ``support`` of each label of (n, labels) zeros
    and ones; 0 where a label was never predicted or never there.
    """
    hits = (y & predicted).sum(axis=0).astype(float)
    said, support = predicted.sum(axis=0), y.sum(axis=0)
    precision = np.divide(hits, said, out=np.zeros_like(hits), where=said > 0)
    recall = np.divide(hits, support, out=np.zeros_like(hits), where=support > 0)
    total = said + support
    f1 = np.divide(2 * hits, total, out=np.zeros_like(hits), where=total > 0)
    return {"precision": precision, "recall": recall, "f1": f1, "support": support}


@dataclass(frozen=True)
class LabelScores(Record):
    """Precision, recall and F1 of a label, and how many samples have it."""

    name: str = part()
    precision: float = part(low=0, high=1)
    recall: float = part(low=0, high=1)
    f1: float = part(low=0, high=1)
    support: int = part(low=0)


@dataclass(frozen=True)
class MultilabelEvaluation(Evaluation):
    """``evaluation.json`` of a model of several labels.

    Attributes:
        macro_f1: the mean of F1 over the labels. label_accuracy: share of all labels that are
            right. exact_accuracy: share of the samples of which all are.
        per_label: of each label.
        own: metrics of a person's own.
    """

    score_names: ClassVar[Tuple[str, ...]] = ("macro_f1", "label_accuracy", "exact_accuracy")

    macro_f1: float = part(low=0, high=1)
    label_accuracy: float = part(low=0, high=1)
    exact_accuracy: float = part(low=0, high=1)
    per_label: Tuple[LabelScores, ...] = part()
    own: Dict[str, float] = part({})

    def tables(self, int8: Any, most: int) -> List[Tuple[str, Table]]:
        """Return the table by label."""
        return [("By label", label_table(self, int8))]

    def misfit(self, classes: Sequence[str]) -> str:
        """Return that the figures are of other labels, if they are."""
        same = tuple(scores.name for scores in self.per_label) == tuple(classes)
        return "" if same else "per_label is of other labels"


def label_table(float_test: MultilabelEvaluation, int8_test: Any = None) -> Table:
    """Return precision, recall, F1 and support by label, and the int8 model's F1."""
    columns = ["label", "samples", "precision", "recall", "F1"]
    columns += ["F1, int8"] * (int8_test is not None)
    rows = []
    for position, scores in enumerate(float_test.per_label):
        row: List[Any] = [scores.name, words.count(scores.support)]
        row += map(words.percent, (scores.precision, scores.recall, scores.f1))
        if int8_test is not None:
            row.append(words.percent(int8_test.per_label[position].f1))
        rows.append(row)
    return Table(columns, rows, numeric=tuple(range(1, len(columns))), name="by_label")


class Multilabel(Task):
    """Labels that are there or not: ``y`` holds 0 and 1 (n, labels), uint8."""

    name = "multilabel"
    doc = "several labels a sample, each there or not"
    headline = "macro_f1"
    validation = {
        "val_f1": "macro_f1",
        "val_label_accuracy": "label_accuracy",
        "val_exact_accuracy": "exact_accuracy",
        "val_auc": "macro_auc",
    }
    evaluation: Type[Evaluation] = MultilabelEvaluation
    outputs = "labels"
    last_layer = "Dense(hp.classes, activation='sigmoid')"
    mixes = True

    def check_labels(
        self, arrays: Sequence[Any], labels: Sequence[str], classes: Optional[Sequence[Any]]
    ) -> Labels:
        """Return zeros and ones (n, labels), uint8, and the names of the labels."""
        found = [self.labels_of(array, label) for array, label in zip(arrays, labels)]
        count = columns(found, labels, self.outputs)
        names = output_names(classes, count, labels[0], self.outputs, range(count))
        together = np.concatenate(found)
        constant = np.flatnonzero(together.max(axis=0) == together.min(axis=0))
        if len(constant):
            has = "every" if together[0, constant[0]] else "no"
            raise DataError(
                f"{has} sample of {labels[0]} has the label '{names[constant[0]]}'",
                "There is nothing to learn of it: leave it out.",
            )
        return found, names

    def labels_of(self, values: Any, label: str) -> np.ndarray:
        """Return zeros and ones (n, labels), uint8."""
        array = as_numbers(values, label)
        if array.ndim != 2 or array.shape[1] < 1:
            raise DataError(
                f"{label} has {array.ndim} axes (shape {array.shape})",
                "Give a row of zeros and ones per sample: shape (samples, labels).",
            )
        if not ((array == 0) | (array == 1)).all():
            row = int(np.argmin(((array == 0) | (array == 1)).all(axis=1)))
            raise DataError(
                f"{label} holds other values than 0 and 1: the first in sample {row}",
                "Give a row of zeros and ones per sample.",
            )
        return array.astype(np.uint8)

    def counts(self, y: np.ndarray, classes: int) -> Optional[np.ndarray]:
        """See :meth:`vaiopt.tasks.task.Task.counts`."""
        return np.asarray(y.reshape(-1, classes).sum(axis=0, dtype=np.int64))

    def strata(self, y: np.ndarray) -> np.ndarray:
        """Return which combination of labels each sample has; rare ones count as the commonest."""
        _, kind, counts = np.unique(y, axis=0, return_inverse=True, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        common = order[counts[order] >= SAMPLES_A_KIND]
        number = np.zeros(len(counts), np.int64)
        number[common] = np.arange(len(common))
        return number[kind.reshape(-1)]

    def head(self, keras: Any, x: Any, classes: int) -> Any:
        """Return a probability for each label."""
        self.check_hidden(x)
        return keras.layers.Dense(classes, activation="sigmoid", name="predictions")(x)

    def compile(self, model: Any, optimizer: Any, *, losses: Any = None) -> None:
        """Compile for the cross-entropy of each label."""
        loss = cross_entropy(True, losses)
        model.compile(optimizer=optimizer, loss=loss, metrics=["binary_accuracy"])

    def left_to_host(self, outputs: np.ndarray, threshold: Optional[float]) -> str:
        """Return ``sigmoid`` where the labels are cut at 0."""
        return "sigmoid" if threshold == 0.0 else ""

    def loss_problem(self, names: Sequence[str], outputs: int) -> str:
        """Return the cross-entropy of each label in the place of that of one class of several."""
        return "binary_crossentropy" if any("categorical" in name for name in names) else ""

    def loss_form(self, model: Any, classes: int) -> str:
        """Return ``rows``."""
        return "rows"

    def loss_labels(self, y: np.ndarray, form: str, classes: int) -> np.ndarray:
        """Return zeros and ones (n, labels), float32."""
        return y.astype(np.float32)

    def predict(self, outputs: np.ndarray) -> np.ndarray:
        """Return which labels are above a half, (n, labels), uint8."""
        return np.asarray(outputs > 0.5, np.uint8)

    def scores(self, outputs: np.ndarray, y: np.ndarray, classes: int) -> Dict[str, float]:
        """Return macro F1, the shares of right labels and samples, and the mean area under the ROC
        curve.
        """
        right = self.predict(outputs) == y
        areas = [auc(outputs[:, i], y[:, i]) for i in range(y.shape[1])]
        return {
            "macro_f1": float(label_counts(y, self.predict(outputs))["f1"].mean()),
            "label_accuracy": float(right.mean()),
            "exact_accuracy": float(right.all(axis=1).mean()),
            "macro_auc": float(np.mean(areas)),
        }

    def evaluate(
        self, outputs: np.ndarray, y: np.ndarray, classes: Sequence[str], *, kind: str, trial: int
    ) -> MultilabelEvaluation:
        """Return the scores over all and by label."""
        found = label_counts(y, self.predict(outputs))
        scores = self.scores(outputs, y, len(classes))
        rows = zip(classes, *(found[key] for key in ("precision", "recall", "f1", "support")))
        return MultilabelEvaluation(
            kind=kind,
            trial=trial,
            samples=len(y),
            own={},
            **{name: scores[name] for name in MultilabelEvaluation.score_names},
            per_label=tuple(
                LabelScores(str(name), float(p), float(r), float(f), int(n))
                for name, p, r, f, n in rows
            ),
        )
