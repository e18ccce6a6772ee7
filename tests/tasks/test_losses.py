"""A loss that contradicts what is learned is refused before the first trial."""

import pytest

from vaiopt.errors import ModelError
from vaiopt.keras import load_keras
from vaiopt.search.training.feasible import check_loss
from vaiopt.tasks import TASKS

SPARSE, SOFT = "sparse_categorical_crossentropy", "categorical_crossentropy"
BINARY = "binary_crossentropy"


def compiled(loss, outputs=3, activation=None):
    keras = load_keras()
    model = keras.Sequential([keras.layers.Dense(outputs, activation, input_shape=(4,))])
    model.compile("adam", loss() if callable(loss) else loss)
    return model


REFUSED = [
    ("classification", SOFT, 1, BINARY),
    ("binary", SPARSE, 1, BINARY),
    ("segmentation", SOFT, 1, BINARY),
    ("multilabel", SOFT, 3, BINARY),
    ("regression", SPARSE, 1, "mse"),
    ("image_to_image", SPARSE, 3, "mse"),
    ("regression", lambda: load_keras().losses.CategoricalCrossentropy(), 3, "mse"),
]
TAKEN = [
    *(("classification", SPARSE, 3), ("classification", BINARY, 1), ("classification", "mse", 3)),
    *(("multilabel", BINARY, 3), ("regression", "huber", 1), ("regression", BINARY, 1)),
    *(("segmentation", SOFT, 3), ("image_to_image", BINARY, 3)),
]


@pytest.mark.parametrize("task, loss, outputs, better", REFUSED)
def test_a_loss_of_another_task_is_refused_with_the_one_to_take(task, loss, outputs, better):
    with pytest.raises(ModelError, match=f"the task is {task}") as caught:
        check_loss(compiled(loss, outputs), TASKS[task])
    assert f"loss='{better}'" in caught.value.hint


@pytest.mark.parametrize("task, loss, outputs", TAKEN)
def test_a_loss_that_fits_is_taken(task, loss, outputs):
    check_loss(compiled(loss, outputs), TASKS[task])


def test_masks_are_given_to_a_loss_of_ones_own_as_rows_of_one():
    task = TASKS["segmentation"]
    assert task.loss_form(compiled("mse"), 3) == task.loss_form(compiled(SOFT), 3) == "one_hot"
    assert task.loss_form(compiled(SPARSE), 3) == "sparse"


def test_a_softmax_of_one_output_is_refused():
    with pytest.raises(ModelError, match="softmax of one output") as caught:
        check_loss(compiled(BINARY, 1, "softmax"), TASKS["binary"])
    assert "sigmoid" in caught.value.hint
    check_loss(compiled(BINARY, 1, "sigmoid"), TASKS["binary"])
