import numpy as np
import pytest

from vaiopt.data import load_dataset, split_dataset
from vaiopt.errors import ModelError
from vaiopt.evaluate import evaluate_model


@pytest.fixture(scope="module")
def splits():
    return split_dataset(load_dataset("digits", limit=300), seed=0)


def outputs_of(splits, wrong):
    """Return a predict function that is right but for the test samples ``wrong``, batch by
    batch.
    """
    y = splits.test.y.copy()
    y[wrong] = (y[wrong] + 1) % 10
    queue = list(y)

    def predict(x):
        batch = [queue.pop(0) for _ in range(len(x))]
        return 0.9 * np.eye(10)[batch] + 0.01

    return predict


def test_figures_are_those_of_the_test_split(splits):
    found = evaluate_model(outputs_of(splits, [2, 5]), splits, kind="float", trial=3)
    assert found.samples == len(splits.test)
    assert found.accuracy == pytest.approx(1 - 2 / found.samples)
    assert sum(map(sum, found.confusion)) == found.samples
    assert [mistake.index for mistake in found.misclassified] == [2, 5]
    assert found.misclassified[0].true == splits.test.y[2]
    assert found.to_json()["split"] == "test"


def test_one_output_stands_for_two_classes():
    splits = split_dataset(load_dataset("breast_cancer"), seed=0)
    found = evaluate_model(lambda x: np.full((len(x), 1), 0.8), splits, kind="float", trial=0)
    assert found.accuracy == pytest.approx(float((splits.test.y == 1).mean()))
    assert found.misclassified[0].confidence == pytest.approx(0.8)


def test_outputs_that_are_not_numbers_are_refused(splits):
    with pytest.raises(ModelError, match="int8 model of trial 4"):
        evaluate_model(lambda x: np.full((len(x), 10), np.nan), splits, kind="int8", trial=4)
