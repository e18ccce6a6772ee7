"""What labels are of, where nobody says."""

import numpy as np
import pytest

from vaiopt.data import make_dataset
from vaiopt.errors import DataError
from vaiopt.tasks import guess_task

RANDOM = np.random.RandomState(0)
TABLE, IMAGES = (200, 4), (200, 8, 8, 1)
GUESSES = {
    "class numbers": (TABLE, np.arange(200) % 5, "classification"),
    "class numbers as floats": (TABLE, np.arange(200) % 5 * 1.0, "classification"),
    "names": (TABLE, ["a", "b"] * 100, "classification"),
    "sizes": (TABLE, ["0.5", "1.5"] * 100, "classification"),
    "texts of numbers": (TABLE, [f"{n / 7:.3f}" for n in range(200)], "regression"),
    "one-hot rows": (TABLE, np.eye(4)[np.arange(200) % 4], "classification"),
    "a hundred classes": ((5000, 4), np.arange(5000) % 100, "classification"),
    "minus one and one": (TABLE, np.where(np.arange(200) % 2, 1, -1), "classification"),
    "measured values": (TABLE, RANDOM.rand(200), "regression"),
    "prices": (TABLE, RANDOM.randint(10**5, 10**6, 200), "regression"),
    "ages": (TABLE, RANDOM.randint(17, 91, 200), "regression"),
    "two quantities": (TABLE, RANDOM.rand(200, 2), "regression"),
    "labels": (TABLE, RANDOM.randint(0, 2, (200, 3)), "multilabel"),
    "masks": (IMAGES, RANDOM.randint(0, 3, (200, 8, 8)), "segmentation"),
    "masks with a channel": (IMAGES, RANDOM.randint(0, 3, (200, 8, 8, 1)), "segmentation"),
    "black and white masks": (IMAGES, RANDOM.randint(0, 2, (200, 8, 8)) * 255, "segmentation"),
    "images of few values": (IMAGES, RANDOM.randint(0, 17, (200, 8, 8)) * 15, "image_to_image"),
    "one-hot masks": (IMAGES, np.eye(3)[RANDOM.randint(0, 3, (200, 8, 8))], "segmentation"),
    "images": (IMAGES, RANDOM.rand(200, 8, 8, 1), "image_to_image"),
    "bytes": (IMAGES, RANDOM.randint(0, 256, (200, 8, 8)).astype(np.uint8), "image_to_image"),
    "larger images": (IMAGES, RANDOM.rand(200, 16, 16, 1), "image_to_image"),
}


@pytest.mark.parametrize("name", GUESSES)
def test_labels_tell_their_task(name):
    shape, y, task = GUESSES[name]
    assert guess_task(shape, y).task == task


def test_the_task_is_said_unless_it_is_the_common_one():
    x = RANDOM.rand(200, 4)
    dataset = make_dataset("made", x, RANDOM.rand(200))
    assert dataset.task == "regression" and "the task is regression" in dataset.notes[-1]
    assert not make_dataset("made", x, np.arange(200) % 3).notes


def test_a_task_that_is_named_counts():
    x, y = RANDOM.rand(200, 4), np.arange(200) % 3
    dataset = make_dataset("made", x, y, task="regression")
    assert dataset.y.dtype == np.float32 and dataset.y.shape == (200, 1)
    with pytest.raises(DataError, match="task is binary"):
        make_dataset("made", x, y, task="binary")


REFUSED = {
    "holds NaN": {"y": [1.5, float("nan"), 2.5, 3.5]},
    "is 2 in every sample": {"y": [2.0] * 4, "task": "regression"},
    "e-42 in every sample": {"y": [1e-42, 2e-42, 3e-42, 1e-42]},
    "every pixel of y of 'made' that counts is of class 1": {
        "x": np.zeros((4, 4, 4, 1)),
        "y": np.full((4, 4, 4), 255),
    },
    "every pixel of y of 'made' that counts is of class 0": {
        "x": np.zeros((4, 4, 4, 1)),
        "y": np.zeros((4, 4, 4), int),
        "task": "segmentation",
    },
    "other values than 0 and 1": {"y": [[0, 2]] * 4, "task": "multilabel"},
    "every sample of y of 'made' has the label '1'": {"y": [[0, 1], [1, 1]] * 2},
    "one-hot|of two": {
        "y": np.ones((4, 2, 2, 2)),
        "x": np.zeros((4, 2, 2, 1)),
        "task": "segmentation",
    },
    "has .4, 4. pixels, of y of 'made' .2, 2.": {
        "x": np.zeros((4, 4, 4, 1)),
        "y": np.arange(16).reshape(4, 2, 2) % 2,
        "task": "segmentation",
    },
    "the same value, 0, everywhere": {
        "x": np.zeros((4, 4, 4, 1)),
        "y": np.zeros((4, 4, 4, 1)) * 0.5,
    },
    "no task 'regresion'": {"y": [1, 2, 3, 4], "task": "regresion"},
}


@pytest.mark.parametrize("match", REFUSED)
def test_labels_that_fit_no_task_are_refused_with_the_cure(match):
    options = dict(REFUSED[match])
    x = options.pop("x", np.zeros((4, 3)))
    if "everywhere" in match:
        options["task"] = "image_to_image"
    with pytest.raises(DataError, match=match) as caught:
        make_dataset("made", x, options.pop("y"), **options)
    assert caught.value.hint


def test_white_is_the_second_class_of_masks_of_black_and_white():
    masks = RANDOM.randint(0, 2, (6, 4, 4)) * 255
    dataset = make_dataset("made", np.zeros((6, 4, 4, 1)), masks)
    assert dataset.classes == ("0", "1") and dataset.y.max() == 1
