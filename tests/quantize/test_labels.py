"""What a bare model is scored by, and what is not scored."""

import numpy as np
import pytest

from vaiopt.errors import DataError
from vaiopt.keras import load_keras
from vaiopt.models.probabilities import last_function
from vaiopt.quantize.labels import judge_of

RANDOM = np.random.RandomState(0)
N = 40


def model(*shape, function=None, reshaped=None):
    """A model whose outputs have a shape, from that function."""
    layers = load_keras().layers
    inputs = layers.Input((4, 4, 1))
    if len(shape) == 3:
        x = layers.Conv2D(shape[2], 1, activation=function)(inputs)
    else:
        x = layers.Dense(int(np.prod(shape)), activation=function)(layers.Flatten()(inputs))
    if reshaped:
        x = layers.Reshape(reshaped)(x)
    return load_keras().Model(inputs, x)


CLASSES, FLAGS = np.arange(N) % 3, np.arange(N) % 2
MASKS = RANDOM.randint(0, 2, (N, 4, 4))
UNDERSTOOD = {
    "classes": (model(3, function="softmax"), CLASSES, "classification"),
    "a column of classes": (model(3, function="softmax"), CLASSES[:, None], "classification"),
    "one-hot": (model(3, function="softmax"), np.eye(3)[CLASSES], "classification"),
    "probability": (model(1, function="sigmoid"), FLAGS, "binary"),
    "quantity": (model(1), RANDOM.rand(N) * 100, "regression"),
    "ages": (model(1), 20 + np.arange(N) % 60, "regression"),
    "quantities below 0": (model(1), -1 - RANDOM.rand(N, 1), "regression"),
    "landmarks": (model(8), RANDOM.rand(N, 8), "regression"),
    "labels": (model(3, function="sigmoid"), RANDOM.randint(0, 2, (N, 3)), "multilabel"),
    "masks": (model(4, 4, 2, function="softmax"), MASKS, "segmentation"),
    "flat masks": (model(4, 4, 2, reshaped=(16, 2)), MASKS.reshape(N, 16), "segmentation"),
    "flat masks of one channel": (
        model(4, 4, 2, reshaped=(16, 2)),
        MASKS.reshape(N, 16, 1),
        "segmentation",
    ),
    "flat masks of a sigmoid": (
        model(4, 4, 1, function="sigmoid", reshaped=(16, 1)),
        MASKS.reshape(N, 16),
        "segmentation",
    ),
    "masks of a sigmoid": (model(4, 4, 1, function="sigmoid"), MASKS, "segmentation"),
    "masks with void": (model(4, 4, 2), np.where(MASKS, 255, MASKS), "segmentation"),
    "images": (model(4, 4, 1), RANDOM.rand(N, 4, 4, 1), "image_to_image"),
}
NOT = {
    "classes from 1": (model(3), CLASSES + 1, "holds 3, and the model has 3 outputs"),
    "negative classes": (model(3), CLASSES - 1, "holds -1"),
    "fractions": (model(3), CLASSES + 0.5, "holds 0.5"),
    "a lone logit": (model(1), FLAGS, "whether the output is a logit is not known"),
    "minus one and one": (model(1, function="tanh"), 2 * FLAGS - 1, "numbered 0 and 1"),
    "names": (model(3), np.array(["a"] * N), "holds no numbers"),
    "beyond a sigmoid": (model(1, function="sigmoid"), RANDOM.rand(N) * 9, "a sigmoid from 0 to 1"),
    "soft rows": (model(3, function="softmax"), RANDOM.rand(N, 3), "do not each hold a single 1"),
    "rows of another size": (model(3), RANDOM.rand(N, 5), "rows of 5"),
    "masks of more classes": (model(4, 4, 2), MASKS * 7 + 3, "the masks hold 3 and 10"),
    "flat masks of one channel": (
        model(4, 4, 1, reshaped=(16, 1)),
        MASKS.reshape(N, 16),
        "no sigmoid",
    ),
    "masks of another size": (model(4, 4, 2), np.zeros((N, 8, 8)), "labels of shape"),
}


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_labels_that_the_outputs_show_are_scored(name):
    bare, y, task = UNDERSTOOD[name]
    judge, why = judge_of(bare, y, N)
    assert judge is not None and judge.task.name == task, why
    outputs = bare.predict(RANDOM.rand(N, 4, 4, 1), verbose=0)
    scores = judge.scores(outputs)
    assert next(iter(scores)) == judge.task.headline and all(map(np.isfinite, scores.values()))


def test_flat_masks_of_a_sigmoid_count_every_pixel():
    judge, _ = judge_of(*UNDERSTOOD["flat masks of a sigmoid"][:2], N)
    assert judge is not None and set(np.unique(judge.y)) == {0, 1}
    perfect = judge.scores(MASKS.reshape(N, 16, 1).astype(np.float32))
    assert all(value == 1 for value in perfect.values())


@pytest.mark.parametrize("name", NOT)
def test_labels_that_nothing_shows_are_not_scored_and_it_is_said(name):
    bare, y, part = NOT[name]
    judge, why = judge_of(bare, y, N)
    assert judge is None and why.startswith("no scores: ") and part in why


def test_there_must_be_a_label_for_each_sample():
    assert judge_of(model(3), None, N) == (None, "")
    with pytest.raises(DataError, match="'y' holds 3 labels for 40 samples"):
        judge_of(model(3), [0, 1, 2], N)
    with pytest.raises(DataError, match="'y'"):
        judge_of(model(3), np.array(["a"] * N), N, "classification")
    known = judge_of(model(3), np.eye(3)[CLASSES], N, "classification").judge
    assert known.y.tolist() == CLASSES.tolist()


@pytest.mark.parametrize(
    "function, found", [("softmax", "softmax"), ("sigmoid", "sigmoid"), (None, "linear")]
)
def test_the_last_function_is_found_behind_layers_that_change_nothing(function, found):
    assert last_function(model(4, function=function, reshaped=(2, 2))) == found
