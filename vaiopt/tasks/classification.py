"""Classification: labels as a loss wants them, metrics from class probabilities, in numpy (the same
numbers on every TensorFlow and on the kit), and what a person is shown of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Mapping, Optional, Sequence, Tuple, Type

import numpy as np

from vaiopt.errors import DataError
from vaiopt.present import words
from vaiopt.present.table import Table
from vaiopt.record import Record, Unfit, part
from vaiopt.runs.records import ClassCount, KitResult, Measured
from vaiopt.tasks.class_labels import check_labels
from vaiopt.tasks.class_weights import class_weights
from vaiopt.tasks.loss_forms import class_form
from vaiopt.tasks.task import Evaluation, Labels, Task

NEAR_ONE = 0.2
"""How far the sum of int8 probabilities may be from 1, as in ``kit_own.py``."""

MOST_CLASSES = 20
"""Classes of a confusion matrix that is shown as a table."""


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


def cross_entropy(single: bool, losses: Any) -> Any:
    """Return Keras's cross-entropy of one output that says yes, or of one a class.

    Args:
        single: whether it is one output.
        losses: Keras's losses, where outputs are logits and no probabilities.
    """
    if losses is None:
        return "binary_crossentropy" if single else "sparse_categorical_crossentropy"
    loss = losses.BinaryCrossentropy if single else losses.SparseCategoricalCrossentropy
    return loss(from_logits=True)


def class_activation_left(outputs: np.ndarray, threshold: Optional[float]) -> str:
    """Return the activation that a compiled model of classes leaves to its host: ``sigmoid`` of one
    output (n, ..., 1) that is cut at 0, ``softmax`` of outputs (n, ..., classes) that are no
    probabilities; else nothing.
    """
    if outputs.shape[-1] == 1:
        return "sigmoid" if (threshold or 0.0) == 0.0 else ""
    near_one = np.abs(outputs.sum(axis=-1) - 1) < NEAR_ONE
    return "" if np.all(outputs >= 0) and np.all(near_one) else "softmax"


def entropy_problem(names: Sequence[str], outputs: int) -> str:
    """Return the cross-entropy of one output where that of one a class is taken for it: a softmax
    over one value is 1, whatever is learned.
    """
    alone = outputs == 1 and any("categorical" in name for name in names)
    return "binary_crossentropy" if alone else ""


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
class ClassEvaluation(Evaluation):
    """``evaluation.json`` of a classifier.

    Attributes:
        accuracy, macro_f1: shares from 0 to 1.
        loss: mean cross-entropy of the true class.
        per_class: of each class.
        confusion: counts; rows are true, columns predicted classes.
        misclassified: the most confident first.
        split: ``test``.
        own: metrics of a person's own.
    """

    score_names: ClassVar[Tuple[str, ...]] = ("accuracy", "macro_f1")

    accuracy: float = part(low=0, high=1)
    macro_f1: float = part(low=0, high=1)
    loss: float = part()
    per_class: Tuple[ClassScores, ...] = part()
    confusion: Tuple[Tuple[int, ...], ...] = part(low=0)
    misclassified: Tuple[Mistake, ...] = part()
    split: str = part("test")
    own: Dict[str, float] = part({})

    @property
    def remark(self) -> str:
        """How many samples are misclassified."""
        return f"{words.count(len(self.misclassified))} misclassified"

    def tables(self, int8: Any, most: int) -> List[Tuple[str, Table]]:
        """Return the table by class, the confusion and the surest mistakes."""
        title = f"Confusion of the {self.kind} model: true classes down, predicted across"
        mistakes = ("The surest mistakes", mistake_table(self, most))
        return [("By class", class_table(self, int8)), (title, confusion_table(self)), mistakes]

    def misfit(self, classes: Sequence[str]) -> str:
        """Return that the figures are of other classes, if they are."""
        same = tuple(scores.name for scores in self.per_class) == tuple(classes)
        return "" if same else "per_class is of other classes"

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
) -> ClassEvaluation:
    """Return the figures of a classifier.

    Args:
        outputs: probabilities ``(samples, classes)``, or ``(samples, 1)`` for class 1 of two.
        true: class numbers ``(samples,)``.
        classes: their names.
        kind, trial: of the model, as in :class:`ClassEvaluation`.
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
    return ClassEvaluation(
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


def confusion_table(evaluation: ClassEvaluation) -> Table:
    """Return counts, true classes down, predicted ones across; nothing for very many classes."""
    names = [scores.name for scores in evaluation.per_class]
    rows = [[name, *counts] for name, counts in zip(names, evaluation.confusion)]
    shown = rows if len(names) <= MOST_CLASSES else []
    return Table(("", *names), shown, numeric=tuple(range(1, len(names) + 1)))


def class_table(
    float_test: ClassEvaluation,
    int8_test: Optional[ClassEvaluation] = None,
    measured: Optional[Mapping[str, Measured]] = None,
) -> Table:
    """Return precision, recall, F1 and support by class, the int8 model's F1 and the recall on each
    kit.

    Args:
        float_test, int8_test: of the same classes.
        measured: by target; a kit reports classes by name or by number.
    """
    kits = {
        target: {entry.name: entry for entry in record.per_class}
        for target, record in (measured or {}).items()
        if record.per_class
    }
    columns = ["class", "samples", "precision", "recall", "F1"]
    columns += ["F1, int8"] * (int8_test is not None) + [f"recall, {target}" for target in kits]
    rows = []
    for position, scores in enumerate(float_test.per_class):
        row: List[Any] = [scores.name, words.count(scores.support)]
        row += map(words.percent, (scores.precision, scores.recall, scores.f1))
        if int8_test is not None:
            own = int8_test.per_class[position : position + 1]
            row.append(words.percent(own[0].f1) if own else None)
        for reported in kits.values():
            found = reported.get(scores.name) or reported.get(str(position))
            row.append(words.percent(recall(found)) if found else None)
        rows.append(row)
    return Table(
        columns,
        rows,
        numeric=tuple(range(1, len(columns))),
        name="by_class",
        data=_class_data(float_test, int8_test, measured or {}),
    )


def recall(entry: ClassCount) -> Optional[float]:
    """Return the share of a class that a kit got right; None without samples of it."""
    return entry.correct / entry.count if entry.count else None


def _class_data(
    float_test: ClassEvaluation,
    int8_test: Optional[ClassEvaluation],
    measured: Mapping[str, Measured],
) -> List[List[Any]]:
    """Return the figures by model and class as plain numbers, a heading first: for the export."""
    rows: List[List[Any]] = [["model", "class", "support", "precision", "recall", "f1"]]
    for evaluation in (float_test, int8_test):
        for c in evaluation.per_class if evaluation is not None else ():
            assert evaluation is not None
            rows.append([evaluation.kind, c.name, c.support, c.precision, c.recall, c.f1])
    for target, record in measured.items():
        rows += [
            [f"measured on {target}", entry.name, entry.count, None, recall(entry), None]
            for entry in record.per_class
            if entry.count
        ]
    return rows


def surest(evaluation: ClassEvaluation, most: int) -> Tuple[Mistake, ...]:
    """Return the mistakes that the model was surest of, surest first."""
    ranked = sorted(evaluation.misclassified, key=lambda m: (-m.confidence, m.index))
    return tuple(ranked[:most])


def mistake_table(
    evaluation: ClassEvaluation,
    most: int,
    values: Optional[Mapping[int, Sequence[float]]] = None,
    features: Sequence[str] = (),
    named: Optional[Mapping[int, str]] = None,
) -> Table:
    """Return the surest mistakes.

    Args:
        evaluation: of a model. most: rows at most.
        values: the first values of each sample, by its place in the test split.
        features: their names.
        named: of samples with a file or line, by its place in the test split.
    """
    values, named = values or {}, named or {}
    width = max(map(len, values.values()), default=0)
    names = [features[i] if i < len(features) else f"feature {i}" for i in range(width)]
    columns = ("test sample", "true", "predicted", "confidence", *names)
    rows = []
    for mistake in surest(evaluation, most):
        own = [words.value(float(value)) for value in values.get(mistake.index, ())]
        row = [
            named.get(mistake.index, mistake.index),
            evaluation.per_class[mistake.true].name,
            evaluation.per_class[mistake.predicted].name,
            words.percent(mistake.confidence, 1),
        ]
        rows.append([*row, *own, *[None] * (width - len(own))])
    return Table(columns, rows, numeric=(0, *range(3, len(columns))), name="misclassified")


class Classification(Task):
    """One of several classes: ``y`` holds class numbers (n,), int64."""

    name = "classification"
    doc = "one of several classes"
    headline = "accuracy"
    validation = {"val_accuracy": "accuracy", "val_f1": "macro_f1"}
    evaluation: Type[Evaluation] = ClassEvaluation
    kit_names = {"macro_f1": "macro recall"}
    has_classes = True
    mixes = True

    def check_labels(
        self, arrays: Sequence[Any], labels: Sequence[str], classes: Optional[Sequence[Any]]
    ) -> Labels:
        """Return class numbers and class names; see :func:`check_labels`."""
        return check_labels(arrays, labels, classes)

    def strata(self, y: np.ndarray) -> np.ndarray:
        """Return the classes themselves."""
        return y

    def counts(self, y: np.ndarray, classes: int) -> Optional[np.ndarray]:
        """See :meth:`vaiopt.tasks.task.Task.counts`."""
        return np.bincount(y, minlength=classes)

    def class_weights(self, y: np.ndarray, classes: Sequence[str], wanted: Any) -> np.ndarray:
        """Return the weight of each class; see :func:`class_weights`."""
        return class_weights(y, classes, wanted)

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

    def output_problem(
        self, shape: Tuple[Any, ...], classes: int, y_shape: Tuple[int, ...] = ()
    ) -> Tuple[str, str]:
        """Return nothing for one output a class, or a single one for two classes."""
        if classes == 2 and shape == (1,):
            return "", ""
        return super().output_problem(shape, classes, y_shape)

    def head(self, keras: Any, x: Any, classes: int) -> Any:
        """Return a softmax over the classes."""
        self.check_hidden(x)
        return keras.layers.Dense(classes, activation="softmax", name="predictions")(x)

    def compile(self, model: Any, optimizer: Any, *, losses: Any = None) -> None:
        """Compile for the cross-entropy that the output asks for."""
        loss = cross_entropy(model.output_shape[-1] == 1, losses)
        model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])

    def loss_form(self, model: Any, classes: int) -> str:
        """Return ``binary`` for one output, else what :func:`class_form` does."""
        if model.output_shape[-1] == 1 and classes == 2:
            return "binary"
        return class_form(model, lambda y, form: self.loss_labels(y, form, classes))

    def left_to_host(self, outputs: np.ndarray, threshold: Optional[float]) -> str:
        """Return as :func:`class_activation_left` does."""
        return class_activation_left(outputs, threshold)

    def loss_problem(self, names: Sequence[str], outputs: int) -> str:
        """Return the loss of one output in the place of that of one a class, which is 0 for it."""
        return entropy_problem(names, outputs)

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

    def scores_without_names(self, outputs: np.ndarray, y: np.ndarray) -> Dict[str, float]:
        """Return the scores of as many classes as outputs or labels know of, at least two."""
        outputs = outputs.reshape(len(outputs), -1)
        return self.scores(outputs, y, max(int(outputs.shape[1]), 2, int(y.max()) + 1))

    def times_chance(self, outputs: np.ndarray, y: np.ndarray) -> Optional[float]:
        """Return the accuracy times the classes; None for a single output."""
        if outputs.ndim != 2 or outputs.shape[1] < 2 or len(y) != len(outputs):
            return None
        return float(np.mean(outputs.argmax(axis=1) == y)) * outputs.shape[1]

    def kit_scores(self, found: KitResult) -> Dict[str, float]:
        """Return the accuracy, and the mean recall of the classes in the place of macro F1."""
        recalls = [share for share in map(recall, found.per_class) if share is not None]
        average = {"macro_f1": sum(recalls) / len(recalls)} if recalls else {}
        return {**found.all_scores, **average}

    def evaluate(
        self, outputs: np.ndarray, y: np.ndarray, classes: Sequence[str], *, kind: str, trial: int
    ) -> ClassEvaluation:
        """Return accuracy, macro F1, figures per class, confusion and mistakes."""
        return evaluate_outputs(outputs, y, classes, kind=kind, trial=trial)
