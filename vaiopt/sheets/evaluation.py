"""Tables of a classifier on the test split."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence, Tuple

from vaiopt.present import words
from vaiopt.present.table import Table
from vaiopt.runs.records import ClassCount, Measured
from vaiopt.tasks.classification import Evaluation, Mistake


def class_table(
    float_test: Evaluation,
    int8_test: Optional[Evaluation] = None,
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
    float_test: Evaluation, int8_test: Optional[Evaluation], measured: Mapping[str, Measured]
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


def surest(evaluation: Evaluation, most: int) -> Tuple[Mistake, ...]:
    """Return the mistakes that the model was surest of, surest first."""
    ranked = sorted(evaluation.misclassified, key=lambda m: (-m.confidence, m.index))
    return tuple(ranked[:most])


def mistake_table(
    evaluation: Evaluation,
    most: int,
    values: Optional[Mapping[int, Sequence[float]]] = None,
    features: Sequence[str] = (),
) -> Table:
    """Return the surest mistakes.

    Args:
        evaluation: of a model. most: rows at most.
        values: the first values of each sample, by its place in the test split.
        features: their names.
    """
    values = values or {}
    width = max(map(len, values.values()), default=0)
    names = [features[i] if i < len(features) else f"feature {i}" for i in range(width)]
    columns = ("test sample", "true", "predicted", "confidence", *names)
    rows = []
    for mistake in surest(evaluation, most):
        own = [words.value(float(value)) for value in values.get(mistake.index, ())]
        row = [
            mistake.index,
            evaluation.per_class[mistake.true].name,
            evaluation.per_class[mistake.predicted].name,
            words.percent(mistake.confidence, 1),
        ]
        rows.append([*row, *own, *[None] * (width - len(own))])
    return Table(columns, rows, numeric=(0, *range(3, len(columns))), name="misclassified")
