"""Classification: labels as a person gives them and as a loss wants them, and metrics from class
probabilities, in numpy: the same numbers on every TensorFlow and on the kit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from vaiopt.errors import DataError, did_you_mean
from vaiopt.record import Record, Unfit, part
from vaiopt.tasks.arrays import as_array
from vaiopt.tasks.task import Labels, Task


def check_labels(
    arrays: Sequence[Any], labels: Sequence[str], classes: Optional[Sequence[Any]]
) -> Labels:
    """Return the class numbers of one or two sets of labels (train and given test) and the class
    names.

    Accepted are class numbers (integers, or floats that are whole), one-hot rows, and names. Names
    that come without ``classes`` are numbered in sorted order; numbers that come without
    ``classes`` are their own names.

    Args:
        arrays: the labels of the training data, and of the given test data if there is any.
        labels: what each is called in messages.
        classes: the class names in the order of their numbers, or None.

    Returns:
        One int64 array (N,) per given array, and the class names.

    Raises:
        DataError: negative, fractional or missing labels, rows that are not one-hot, unknown names,
            fewer than two classes, or a class without a sample.
    """
    names = None if classes is None else _class_names(classes, labels[0])
    found = [_flatten(array, label) for array, label in zip(arrays, labels)]
    if any(array.dtype.kind == "U" for array in found):
        found, names = _number_names(found, labels, names)
    numbers = [_class_numbers(array, label) for array, label in zip(found, labels)]
    highest = max(int(array.max()) for array in numbers)
    if names is None:
        names = (
            tuple(str(i) for i in range(highest + 1)) if highest < sum(map(len, numbers)) else ()
        )
    if highest >= len(names):
        raise DataError(
            "{} holds class {}, but there are {}".format(
                labels[0],
                highest,
                f"{len(names)} class names" if names else "fewer samples than that",
            ),
            "Number the classes 0, 1, 2, … without gaps, and give as many names as there are"
            " classes.",
        )
    _check_present(numbers, labels[0], names)
    return numbers, names


def _class_names(classes: Sequence[Any], label: str) -> Tuple[str, ...]:
    array = as_array(classes, f"the class names of {label}")
    names = tuple(_text(name) for name in array.tolist()) if array.ndim == 1 else ()
    if array.ndim != 1 or len(set(names)) != len(names) or not all(name.strip() for name in names):
        raise DataError(
            f"the class names of {label} are not a list of different names",
            "Give one name per class, in the order of the class numbers.",
        )
    return names


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _flatten(values: Any, label: str) -> np.ndarray:
    """Return labels with one axis: names as text, one-hot rows as their class."""
    array = as_array(values, label)
    if array.size == 0:
        raise DataError(f"{label} is empty", "Give one label per sample.")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2 and array.dtype.kind in "biuf":
        return _from_one_hot(array, label)
    if array.ndim != 1:
        raise DataError(
            f"{label} has {array.ndim} axes (shape {array.shape})",
            "Give one label per sample: shape (samples,).",
        )
    if array.dtype.kind == "S" or (
        array.dtype.kind == "O" and all(isinstance(v, (str, bytes)) for v in array)
    ):
        return np.asarray([_text(v) for v in array])
    if array.dtype.kind not in "biufU":
        raise DataError(
            f"{label} holds neither numbers nor names (dtype {array.dtype})",
            "Give class numbers (integers from 0), class names or one-hot rows.",
        )
    return array


def _from_one_hot(array: np.ndarray, label: str) -> np.ndarray:
    one_hot = np.logical_and(((array == 0) | (array == 1)).all(axis=1), array.sum(axis=1) == 1)
    if not one_hot.all():
        raise DataError(
            f"{label} has shape {array.shape} but row {int(np.argmin(one_hot))} is not one-hot",
            "Give one class number per sample, or rows with a single 1; several labels per sample"
            " are not supported.",
        )
    return np.argmax(array, axis=1)


def _number_names(
    found: List[np.ndarray], labels: Sequence[str], names: Optional[Tuple[str, ...]]
) -> Labels:
    """Turn class names into class numbers."""
    if not all(array.dtype.kind == "U" for array in found):
        raise DataError(
            "{} are names in one and numbers in the other".format(" and ".join(labels)),
            "Give both in the same form.",
        )
    if names is None:
        names = tuple(sorted({str(v) for array in found for v in np.unique(array)}))
    number = {name: i for i, name in enumerate(names)}
    result = []
    for array, label in zip(found, labels):
        unique, inverse = np.unique(array, return_inverse=True)
        unknown = [str(v) for v in unique if str(v) not in number]
        if unknown:
            raise DataError(
                f"{label} holds the label '{unknown[0]}', which is not a class",
                did_you_mean(unknown[0], names),
            )
        result.append(
            np.asarray([number[str(v)] for v in unique], dtype=np.int64)[inverse.reshape(-1)]
        )
    return result, names


def _class_numbers(array: np.ndarray, label: str) -> np.ndarray:
    """Return whole numbers from 0 as int64."""
    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            whole = np.isfinite(array) & (np.floor(array) == array) & (np.abs(array) < 2**31)
        if not whole.all():
            raise DataError(
                f"{label} holds {array[int(np.argmin(whole))]}, which is not a class number",
                "Give class numbers (integers from 0); predicting a quantity (regression) is not"
                " supported.",
            )
    elif array.dtype.kind == "u" and int(array.max()) >= 2**31:
        raise DataError(
            f"{label} holds {int(array.max())}, which is not a class number",
            "Give integers from 0.",
        )
    numbers = array.astype(np.int64)
    if int(numbers.min()) < 0:
        raise DataError(
            f"{label} holds the negative label {int(numbers.min())}",
            "Number the classes 0, 1, 2, …",
        )
    return numbers


def _check_present(numbers: Sequence[np.ndarray], label: str, names: Sequence[str]) -> None:
    """Raise :class:`DataError` unless there are two classes or more and each has a sample."""
    if len(names) < 2:
        raise DataError(
            f"{label} holds a single class, '{names[0]}'", "Give samples of at least two classes."
        )
    counts = sum(np.bincount(array, minlength=len(names)) for array in numbers)
    missing = [i for i, count in enumerate(np.asarray(counts)) if count == 0]
    if missing:
        raise DataError(
            f"class {missing[0]} ('{names[missing[0]]}') of {label} has no sample",
            "Number the classes 0, 1, 2, … without gaps, give labels as names, or leave the class"
            " out.",
        )


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
        support = [scores.support for scores in self.per_class]
        if [sum(row) for row in self.confusion] != support or sum(support) != self.samples:
            raise Unfit("confusion", "does not count the samples of each class")
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


class Classification(Task):
    """One of several classes: ``y`` holds class numbers (n,), int64."""

    name = "classification"
    doc = "one of several classes"
    headline = "accuracy"
    validation = {"val_accuracy": "accuracy", "val_f1": "macro_f1"}
    evaluation = Evaluation

    def check_labels(
        self, arrays: Sequence[Any], labels: Sequence[str], classes: Optional[Sequence[Any]]
    ) -> Labels:
        """Return class numbers and class names; see :func:`check_labels`."""
        return check_labels(arrays, labels, classes)

    def calibration_labels(self, y: Any, samples: int, name: str) -> np.ndarray:
        """Return class numbers (samples,), int64; one-hot rows are accepted."""
        labels = np.asarray(y)
        if labels.ndim == 2 and labels.shape[1] > 1:
            labels = labels.argmax(axis=1)
        labels = labels.reshape(-1) if labels.ndim == 2 else labels
        if labels.ndim != 1 or labels.dtype.kind not in "fiub" or len(labels) != samples:
            raise DataError(
                f"array '{name}' does not hold one class number for each of the {samples} samples",
                "Give integers from 0, shape (samples,).",
            )
        return labels.astype(np.int64)

    def output_problem(self, shape: Tuple[Any, ...], classes: int) -> Tuple[str, str]:
        """Return nothing for one output a class, or a single one for two classes."""
        if shape == (classes,) or (classes == 2 and shape == (1,)):
            return "", ""
        return (
            f"the model gives outputs of shape {shape}, the data have {classes} classes",
            "End with Dense(hp.classes).",
        )

    def head(self, keras: Any, x: Any, classes: int) -> Any:
        """Return a softmax over the classes."""
        return keras.layers.Dense(classes, activation="softmax", name="predictions")(x)

    def compile(self, model: Any, optimizer: Any) -> None:
        """Compile for the cross-entropy that the output asks for."""
        single = model.output_shape[-1] == 1
        loss = "binary_crossentropy" if single else "sparse_categorical_crossentropy"
        model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])

    def loss_form(self, model: Any, classes: int) -> str:
        """Return ``binary`` for one output, ``sparse`` for a sparse loss, else ``one_hot``."""
        if model.output_shape[-1] == 1 and classes == 2:
            return "binary"
        loss = model.loss
        own = (getattr(loss, "name", "") or "", getattr(loss, "__name__", ""), type(loss).__name__)
        return (
            "sparse" if any("sparse" in name.lower() for name in (str(loss), *own)) else "one_hot"
        )

    def loss_labels(self, y: np.ndarray, form: str, classes: int) -> np.ndarray:
        """Return ``sparse`` (n,), ``one_hot`` (n, classes) or ``binary`` (n, 1) labels."""
        if form == "one_hot":
            return np.eye(classes, dtype=np.float32)[y]
        return y.astype(np.float32)[:, None] if form == "binary" else y

    def predict(self, outputs: np.ndarray) -> np.ndarray:
        """Return the class of each row; see :func:`predicted_classes`."""
        return predicted_classes(outputs)

    def scores(self, outputs: np.ndarray, y: np.ndarray, classes: int) -> Dict[str, float]:
        """Return accuracy and macro F1."""
        confusion = confusion_matrix(y, predicted_classes(outputs), classes)
        return {"accuracy": accuracy(confusion), "macro_f1": macro_f1(confusion)}

    def evaluate(
        self, outputs: np.ndarray, y: np.ndarray, classes: Sequence[str], *, kind: str, trial: int
    ) -> Evaluation:
        """Return accuracy, macro F1, figures per class, confusion and mistakes."""
        return evaluate_outputs(outputs, y, classes, kind=kind, trial=trial)
