"""Tables of a classifier on the test split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.report.synthetic import MEASURED
from vaiopt.runs.records import ClassCount
from vaiopt.tasks.classification import (
    ClassEvaluation,
    class_table,
    evaluate_outputs,
    mistake_table,
    surest,
)

TRUE = np.array([0, 0, 1, 1, 1])


def evaluation(*sure_of_dog: float) -> ClassEvaluation:
    outputs = np.array([[1 - p, p] for p in sure_of_dog])
    return evaluate_outputs(outputs, TRUE, ("cat", "dog"), kind="float", trial=0)


FLOAT = evaluation(0.1, 0.6, 0.9, 0.2, 0.4)


def test_a_kit_may_report_classes_by_name_or_by_number() -> None:
    by_name = replace(MEASURED, per_class=(ClassCount("dog", 1, 3), ClassCount("cat", 2, 2)))
    by_number = replace(MEASURED, per_class=(ClassCount("0", 1, 2), ClassCount("1", 3, 3)))
    table = class_table(FLOAT, None, {"a": by_name, "b": by_number})
    assert list(table.columns[-2:]) == ["recall, a", "recall, b"]
    assert [row[-2:] for row in table.rows] == [["100.00 %", "50.00 %"], ["33.33 %", "100.00 %"]]


def test_a_class_of_which_a_kit_saw_nothing_has_no_recall() -> None:
    kit = replace(MEASURED, per_class=(ClassCount("cat", 0, 0), ClassCount("dog", 3, 3)))
    table = class_table(FLOAT, None, {"a": kit})
    assert [row[-1] for row in table.rows] == [None, "100.00 %"]
    assert [row[0] for row in table.data[1:]] == ["float", "float", "measured on a"]


def test_the_int8_model_stands_beside_the_float_model() -> None:
    int8 = replace(evaluation(0.1, 0.2, 0.9, 0.9, 0.9), kind="int8")
    table = class_table(FLOAT, int8)
    assert [row[-1] for row in table.rows] == ["100.00 %", "100.00 %"]
    assert table.rows[0][4] != "100.00 %"
    assert [row[0] for row in table.data] == ["model", "float", "float", "int8", "int8"]


def test_the_surest_mistakes_come_first() -> None:
    assert [mistake.index for mistake in surest(FLOAT, 2)] == [3, 1]
    rows = mistake_table(FLOAT, 2, {3: (0.5, 1.25)}, ("size",)).rows
    assert rows == [
        [3, "dog", "cat", "80.0 %", "0.5", "1.25"],
        [1, "cat", "dog", "60.0 %", None, None],
    ]
    assert list(mistake_table(FLOAT, 2, {3: (1.0, 2.0)}, ("size",)).columns[-2:]) == [
        "size",
        "feature 1",
    ]
