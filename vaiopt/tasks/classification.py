"""Metrics of a classifier, from class probabilities, in numpy: the same numbers on every TensorFlow
and on the kit.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

import numpy as np


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


def summary(true: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> Dict[str, Any]:
    """Return ``accuracy``, ``macro_f1``, ``per_class`` (a list of objects) and ``confusion`` (a
    list of rows).
    """
    confusion = confusion_matrix(true, predicted, len(classes))
    table = per_class(confusion)
    rows: List[Dict[str, Any]] = [
        {
            "class": name,
            "precision": float(table["precision"][i]),
            "recall": float(table["recall"][i]),
            "f1": float(table["f1"][i]),
            "support": int(table["support"][i]),
        }
        for i, name in enumerate(classes)
    ]
    return {
        "accuracy": accuracy(confusion),
        "macro_f1": macro_f1(confusion),
        "per_class": rows,
        "confusion": confusion.tolist(),
    }


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
