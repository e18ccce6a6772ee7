import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiopt.tasks import classification as metrics


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_figures_equal_scikit_learns(pairs):
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

    true, predicted = (np.array(column) for column in zip(*pairs))
    confusion = metrics.confusion_matrix(true, predicted, 5)
    assert (confusion == confusion_matrix(true, predicted, labels=range(5))).all()
    assert metrics.accuracy(confusion) == pytest.approx(accuracy_score(true, predicted))
    assert metrics.macro_f1(confusion) == pytest.approx(
        f1_score(true, predicted, average="macro", zero_division=0)
    )


def test_one_output_is_the_probability_of_class_one():
    assert metrics.predicted_classes(np.array([[0.2], [0.7]])).tolist() == [0, 1]
    assert metrics.predicted_classes(np.array([[0.2, 0.8], [0.7, 0.3]])).tolist() == [1, 0]


def test_an_evaluation_names_every_class():
    outputs = np.eye(3)[[0, 1, 1]]
    names = ("cat", "dog", "owl")
    found = metrics.evaluate_outputs(outputs, np.array([0, 0, 1]), names, kind="float", trial=0)
    assert [row.name for row in found.per_class] == ["cat", "dog", "owl"]
    assert found.to_json()["per_class"][2] == {
        "class": "owl",
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "support": 0,
    }
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.scores == {"accuracy": found.accuracy, "macro_f1": found.macro_f1}
    assert found.headline == found.accuracy
