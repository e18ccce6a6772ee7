"""The scores of each task, against their definitions, and on the kit the same."""

import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vaiopt.deploy.kit_files import board_files
from vaiopt.tasks import TASKS, Targets
from vaiopt.tasks.likeness import psnr, ssim
from vaiopt.tasks.ranks import auc
from vaiopt.tasks.segmentation import without_classes
from vaiopt.tasks.task import UNSCORED

sys.path.insert(0, str(board_files()["kit_tasks.py"].parent))
import kit_tasks

SHAPE = (6, 4, 12)


def kit(task):

    return kit_tasks.TASKS[task]


def manifest(classes, targets=None, threshold=None, shape=SHAPE[1:] + (1,)):
    pair = None if targets is None else (np.asarray(targets.offset), np.asarray(targets.scale))
    names = [str(i) for i in range(classes)]
    return types.SimpleNamespace(classes=names, targets=pair, threshold=threshold, shape=shape)


def labels(task, random):
    return {
        "regression": random.rand(6, 3) * 10,
        "multilabel": random.randint(0, 2, (6, 3)).astype(np.uint8),
        "segmentation": random.choice([0, 1, 2, UNSCORED], SHAPE).astype(np.uint8),
        "image_to_image": random.randint(0, 256, SHAPE + (3,)).astype(np.uint8),
    }[task]


OUTPUTS = {
    "regression": (6, 3),
    "multilabel": (6, 3),
    "segmentation": SHAPE + (3,),
    "image_to_image": SHAPE + (3,),
}
TARGETS = {
    "regression": Targets((1.0, 2.0, 3.0), (4.0, 0.5, 2.0)),
    "image_to_image": Targets((128.0,), (128.0,)),
}


@pytest.mark.parametrize("task", OUTPUTS)
@given(seed=st.integers(0, 2**31), position=st.integers(0, 8))
def test_the_kit_scores_int8_outputs_as_the_host_does(task, seed, position):
    random = np.random.RandomState(seed)
    y, targets = labels(task, random), TARGETS.get(task)
    integers = random.randint(-128, 128, OUTPUTS[task]).astype(np.int8)
    own, known = kit(task), TASKS[task]
    about = manifest(3, targets, 0.5)
    real = (integers * 2.0**-position).astype(np.float32)
    decoded = (targets or Targets()).decode(real)
    expected = known.predict(decoded)
    samples = types.SimpleNamespace(
        y=own.check_labels(y, "samples.npz", "y", 3),
        expected=own.check_labels(expected, "samples.npz", "expected", 3),
    )
    own.check_outputs(OUTPUTS[task][1:], about, "model")
    predicted = own.predict(integers, position, about)
    result = own.score(predicted, samples, about.classes)
    host = known.scores(decoded, y, 3)
    for name, value in result["scores"].items():
        assert value == pytest.approx(host[name], rel=1e-6, abs=1e-9), name
    assert next(iter(result["scores"])) == known.headline
    assert result["agreement"]["fraction"] == 1.0 and known.headline[:3] in own.told(
        result
    ).lower().replace("mean ", "mean_").replace("macro ", "macro_")


def test_errors_are_those_of_their_definitions():
    y, outputs = np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [3.0], [4.0]])
    found = TASKS["regression"].scores(outputs, y, 1)
    assert found["rmse"] == pytest.approx(np.sqrt(1 / 3)) and found["mae"] == pytest.approx(1 / 3)
    assert found["r2"] == pytest.approx(1 - 1 / np.sum((y - y.mean()) ** 2))


def test_the_area_under_the_curve_counts_ties_half():
    assert auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1])) == 0.75
    assert auc(np.array([0.5, 0.5]), np.array([0, 1])) == 0.5
    assert auc(np.array([0.5, 0.5]), np.array([1, 1])) == 0.5


def test_pixels_that_do_not_count_change_nothing():
    task, y = TASKS["segmentation"], np.array([[[0, 1], [1, UNSCORED]]], np.uint8)
    right = np.array([[[0, 1], [1, 0]]], np.uint8)
    assert task.scores(right, y, 2) == {"mean_iou": 1.0, "pixel_accuracy": 1.0}
    assert task.part_weights(y).tolist() == [[[1, 1], [1, 0]]]
    assert task.part_weights(right) is None
    assert task.loss_labels(y, "sparse", 2)[0, 1, 1] == 0


def test_classes_that_are_not_scored_leave_the_others_numbered_anew():
    masks = np.array([[[0, 1, 2]]], np.uint8)
    (masks,), names = without_classes([masks], ("void", "a", "b"), ["void"])
    assert names == ("a", "b") and masks.tolist() == [[[UNSCORED, 0, 1]]]


def test_equal_images_have_the_highest_likeness_and_noise_less():
    image = np.random.RandomState(0).rand(2, 16, 16, 1)
    assert psnr(image, image, 1.0).tolist() == [100.0, 100.0]
    assert ssim(image, image, 1.0).tolist() == [1.0, 1.0]
    noisy = image + 0.1
    assert psnr(image, noisy, 1.0) == pytest.approx([20.0, 20.0])
    assert (ssim(image, noisy, 1.0) < 1).all()
    assert np.isfinite(ssim(image[:, :4, :4], noisy[:, :4, :4], 1.0)).all()


@given(arrays(np.float32, (5, 2), elements=st.floats(-1e3, 1e3, width=32)))
def test_what_a_model_gives_is_decoded_to_what_was_encoded(y):
    targets = Targets((3.0, -5.0), (2.0, 0.25))
    assert np.allclose(targets.decode(targets.encode(y)), y, atol=1e-2)
    assert Targets().encode(y) is y and Targets().plain and not targets.plain


def test_the_strata_keep_the_shares_of_a_quantity_and_of_combinations():
    y = np.random.RandomState(0).rand(400, 1).astype(np.float32)
    strata = TASKS["regression"].strata(y)
    assert np.bincount(strata).tolist() == [40] * 10
    assert y[strata == 0].max() <= y[strata == 1].min()
    assert set(TASKS["regression"].strata(y[:30]).tolist()) == {0}
    rows = np.array([[0, 1]] * 50 + [[1, 0]] * 30 + [[1, 1]] * 2, np.uint8)
    assert np.bincount(TASKS["multilabel"].strata(rows)).tolist() == [52, 30]


@pytest.mark.parametrize("task", OUTPUTS)
def test_an_evaluation_is_a_record_that_is_read_again(task):
    random = np.random.RandomState(0)
    known, y = TASKS[task], labels(task, random)
    outputs = known.judged(random.rand(*OUTPUTS[task]).astype(np.float32))
    found = known.evaluate(outputs, y, ["a", "b", "c"], kind="float", trial=3)
    assert known.evaluation.from_json(found.to_json()) == found
    assert found.headline == pytest.approx(known.scores(outputs, y, 3)[known.headline])
    assert all(table.rows is not None for _, table in found.tables(found, 5))
    assert not found.misfit(["a", "b", "c"])
