"""Metrics of a classifier, from class probabilities, in numpy: the same numbers on every TensorFlow
and on the kit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Sequence, Tuple

import numpy as np

from vaiopt.record import Record, Unfit, part


def predicted_classes(outputs: np.ndarray) -> np.ndarray:
    """Return the class of each row of outputs ``(samples, classes)``; ``(samples, 1)`` is the
    probability of class 1.
    """
    if outputs.ndim == 2 and outputs.shape[1] == 1:
        return (outputs[:, 0] > 0.5).astype(np.int64)
    return np.asarray(outputs.argmax(axis=1), dtype=np.int64)


def confusion_matrix(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return counts ``(classes, classes)``: rows are true, columns predicted classes."""
    return np.bincount(true * classes + predicted, minlength=classes * classes).reshape(
        classes, classes
    )


def per_class(confusion: np.ndarray) -> Dict[str, np.ndarray]:
    """Return ``precision``, ``recall``, ``f1`` and ``support`` per class; 0 where a class was never
    predicted or never there.
    """
    hits = np.diag(confusion).astype(float)
    predicted, support = confusion.sum(axis=0), confusion.sum(axis=1)
    precision = np.divide(hits, predicted, out=np.zeros_like(hits), where=predicted > 0)
    recall = np.divide(hits, support, out=np.zeros_like(hits), where=support > 0)
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(hits), where=total > 0)
    return {"precision": precision, "recall": recall, "f1": f1, "support": support}


def accuracy(confusion: np.ndarray) -> float:
    """Return the share of samples on the diagonal."""
    return float(np.trace(confusion) / max(1, confusion.sum()))


def macro_f1(confusion: np.ndarray) -> float:
    """Return the unweighted mean of F1 over the classes that occur, truly or predicted
    (scikit-learn's convention).
    """
    present = (confusion.sum(axis=0) + confusion.sum(axis=1)) > 0
    return float(per_class(confusion)["f1"][present].mean()) if present.any() else 0.0


@dataclass(frozen=True)
class ClassScores(Record):
    """Precision, recall and F1 of a class, and how many samples of it there are."""

    name: str = part(key="class")
    precision: float = part(low=0, high=1)
    recall: float = part(low=0, high=1)
    f1: float = part(low=0, high=1)
    support: int = part(low=0)


@dataclass(frozen=True)
class Mistake(Record):
    """A misclassified sample.

    Attributes:
        index: within the test split.
        true, predicted: class numbers.
        confidence: probability of the predicted class.
    """

    index: int = part(low=0)
    true: int = part(low=0)
    predicted: int = part(low=0)
    confidence: float = part(low=0)


@dataclass(frozen=True)
class Evaluation(Record):
    """``evaluation.json``: a model on the test split.

    Attributes:
        kind: ``float`` or ``int8``.
        trial: number of the trial.
        samples: in the test split.
        accuracy, macro_f1: shares from 0 to 1.
        loss: mean cross-entropy of the true class.
        per_class: of each class.
        confusion: counts; rows are true, columns predicted classes.
        misclassified: the most confident first.
        split: ``test``.
    """

    kind: str = part(choices=("float", "int8"))
    trial: int = part(low=0)
    samples: int = part(low=0)
    accuracy: float = part(low=0, high=1)
    macro_f1: float = part(low=0, high=1)
    loss: float = part()
    per_class: Tuple[ClassScores, ...] = part()
    confusion: Tuple[Tuple[int, ...], ...] = part(low=0)
    misclassified: Tuple[Mistake, ...] = part()
    split: str = part("test")

    def check(self) -> None:
        """Raise unless all parts are of the same classes and samples."""
        classes = len(self.per_class)
        if [len(row) for row in self.confusion] != [classes] * classes:
            raise Unfit("confusion", f"is not a table of {classes} by {classes} classes")
        for position, mistake in enumerate(self.misclassified):
            if max(mistake.true, mistake.predicted) >= classes or mistake.index >= self.samples:
                raise Unfit(f"misclassified[{position}]", "is of no class or sample that there is")


def evaluate_outputs(
    outputs: np.ndarray, true: np.ndarray, classes: Sequence[str], *, kind: str, trial: int
) -> Evaluation:
    """Return the figures of a classifier.

    Args:
        outputs: probabilities ``(samples, classes)``, or ``(samples, 1)`` for class 1 of two.
        true: class numbers ``(samples,)``.
        classes: their names.
        kind, trial: of the model, as in :class:`Evaluation`.
    """
    single = outputs.shape[1] == 1
    probabilities = np.concatenate([1 - outputs, outputs], axis=1) if single else outputs
    predicted = predicted_classes(outputs)
    rows = np.arange(len(true))
    confidence = probabilities[rows, predicted]
    wrong = sorted(np.flatnonzero(true != predicted), key=lambda i: (-confidence[i], i))
    confusion = confusion_matrix(true, predicted, len(classes))
    table = per_class(confusion)
    scores = (table[name] for name in ("precision", "recall", "f1"))
    return Evaluation(
        kind=kind,
        trial=trial,
        samples=len(true),
        accuracy=accuracy(confusion),
        macro_f1=macro_f1(confusion),
        loss=float(-np.log(np.clip(probabilities[rows, true], 1e-7, 1.0)).mean()),
        per_class=tuple(
            ClassScores(str(name), float(p), float(r), float(f), int(n))
            for name, p, r, f, n in zip(classes, *scores, table["support"])
        ),
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
        misclassified=tuple(
            Mistake(int(i), int(true[i]), int(predicted[i]), float(confidence[i])) for i in wrong
        ),
    )


def loss_labels(y: np.ndarray, kind: str, classes: int) -> np.ndarray:
    """Return class numbers (n,) in the form a loss wants: ``sparse`` (n,), ``one_hot`` (n, classes)
    or ``binary`` (n, 1).
    """
    if kind == "one_hot":
        return np.eye(classes, dtype=np.float32)[y]
    return y.astype(np.float32)[:, None] if kind == "binary" else y


def label_kind(model: Any, classes: int) -> str:
    """Return the form of labels that a compiled model's loss wants: ``binary`` for one output,
    ``sparse`` for a sparse loss, else ``one_hot``.
    """
    if model.output_shape[-1] == 1 and classes == 2:
        return "binary"
    loss = model.loss
    names: Tuple[str, ...] = (
        str(loss),
        getattr(loss, "name", "") or "",
        getattr(loss, "__name__", ""),
        type(loss).__name__,
    )
    return "sparse" if any("sparse" in name.lower() for name in names) else "one_hot"


def _compile_if_needed(model: Any) -> None:
    """Compile a model whose function did not: Adam, and the cross-entropy that its output asks
    for.
    """
    if model.optimizer is None:
        loss = (
            "binary_crossentropy"
            if model.output_shape[-1] == 1
            else "sparse_categorical_crossentropy"
        )
        model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
