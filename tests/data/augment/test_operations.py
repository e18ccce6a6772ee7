"""Each operation of augmentation: what it does to samples, labels and weights; what it suits."""

import math
from dataclasses import replace
from typing import Any, Dict

import numpy as np
import pytest

from vaiopt.data.augment import OPERATIONS, Frame, frame_of, refusal
from vaiopt.data.augment.batch import Batch
from vaiopt.data.augment.geometry import after, moved
from vaiopt.data.augment.operations import in_order
from vaiopt.data.augment.pipeline import changed
from vaiopt.data.preprocessing import Preprocessing
from vaiopt.keras import load_tensorflow
from vaiopt.settings.augment import augmentations
from vaiopt.tasks import task_of

AMOUNTS: Dict[str, float] = {
    **{"flip": 0.5, "flip_vertical": 0.5, "shift": 0.3, "rotation": 40.0, "zoom": 0.4},
    **{"crop": 3, "cutout": 0.5, "brightness": 0.4, "contrast": 0.7, "saturation": 0.7},
    **{"noise": 0.2, "masking": 0.5, "mixup": 0.4, "cutmix": 1.0},
}
SHAPES = {"masking": (24, 1, 2)}
COLOUR = (10, 12, 3)
random = np.random.RandomState(0)


def frame(shape: Any = COLOUR, task: str = "classification", **numbers: Any) -> Frame:
    given = {"offset": 0.0, "scale": 1.0, "input_range": (-1.0, 127 / 128), **numbers}
    return frame_of(Preprocessing(shape=tuple(shape), **given), task_of(task))


def samples(shape: Any = COLOUR, count: int = 16) -> np.ndarray:
    return random.uniform(-1, 127 / 128, (count, *shape)).astype(np.float32)


def run(
    amounts: Any, of: Frame, x: Any, y: Any, weights: Any = None, seed: Any = 1, number: Any = 7
):
    """One batch as arrays: samples, labels, weights."""
    tf = load_tensorflow()
    given = [None if part is None else tf.constant(part) for part in (x, y, weights)]
    found = changed(Batch(*given), in_order(amounts), seed, tf.constant(number, tf.int64), of)
    return Batch(*(None if part is None else part.numpy() for part in found))


def test_every_operation_is_a_setting_in_the_order_in_which_it_is_done() -> None:
    assert tuple(OPERATIONS) == augmentations()
    assert set(AMOUNTS) == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_samples_are_changed_within_their_range_and_by_the_seed_alone(name: str) -> None:
    of = frame(SHAPES.get(name, COLOUR))
    x, y = samples(of.shape), np.eye(4, dtype=np.float32)[np.arange(16) % 4]
    found = run({name: AMOUNTS[name]}, of, x, y)
    assert found.x.shape == x.shape and found.x.dtype == np.float32
    assert found.x.min() >= -1 and found.x.max() <= 127 / 128
    assert not np.allclose(found.x, x)
    assert np.array_equal(found.x, run({name: AMOUNTS[name]}, of, x, y).x)
    for other in ({"seed": 2**32 - 1}, {"number": 8}):
        assert not np.array_equal(found.x, run({name: AMOUNTS[name]}, of, x, y, **other).x)
    assert found.weights is None
    assert OPERATIONS[name].mixes or np.array_equal(found.y, y)


def test_a_flip_is_exact_and_of_about_as_many_as_asked() -> None:
    x = samples(count=400)
    found = run({"flip": 0.25}, frame(), x, np.zeros(400)).x
    flipped = (found == x[:, :, ::-1]).all(axis=(1, 2, 3))
    assert ((found == x).all(axis=(1, 2, 3)) ^ flipped).all()
    assert 70 < flipped.sum() < 130
    upside = run({"flip_vertical": 1.0}, frame(), x, np.zeros(400)).x
    assert np.array_equal(upside, x[:, ::-1])


@pytest.mark.parametrize("name, amount, most", [("crop", 2, (2, 2)), ("shift", 0.25, (2, 3))])
def test_whole_pixels_are_moved_and_the_edge_is_repeated(name: str, amount: Any, most: Any) -> None:
    x = samples(count=300)
    found = run({name: amount}, frame(), x, np.zeros(300)).x
    seen = set()
    for one, other in zip(x, found):
        wide = np.pad(one, ((3, 3), (3, 3), (0, 0)), mode="edge")
        places = [(i, j) for i in range(7) for j in range(7)]
        (place,) = [p for p in places if np.array_equal(wide[p[0] :, p[1] :][:10, :12], other)]
        seen.add((place[0] - 3, place[1] - 3))
    assert {i for i, _ in seen} == set(range(-most[0], most[0] + 1))
    assert {j for _, j in seen} == set(range(-most[1], most[1] + 1))


def constant_map(count: int, *numbers: float) -> Any:
    tf = load_tensorflow()
    return tuple(tf.fill([count], float(number)) for number in numbers)


def test_maps_are_done_one_after_the_other() -> None:
    tf = load_tensorflow()
    x = samples((9, 9, 1), 2)
    quarter = constant_map(2, math.cos(math.pi / 2), -1, 0, 1, math.cos(math.pi / 2), 0)
    down = constant_map(2, 1, 0, -2, 0, 1, 0)
    for first, second, right in (
        (quarter, None, np.rot90(x, 1, (2, 1))),
        (down, None, np.pad(x, ((0, 0), (2, 0), (0, 0), (0, 0)), mode="edge")[:, :9]),
        (quarter, quarter, x[:, ::-1, ::-1]),
        (
            quarter,
            down,
            np.pad(np.rot90(x, 1, (2, 1)), ((0, 0), (2, 0), (0, 0), (0, 0)), mode="edge")[:, :9],
        ),
    ):
        where = first if second is None else after(first, second)
        batch = Batch(tf.constant(x), tf.zeros([2]))
        found = moved(batch, where, frame((9, 9, 1)), blends=True, stays=False).x.numpy()
        # The corners of the turned image are its own: nothing came from outside.
        assert np.allclose(found, right, atol=1e-5)


def test_zoom_and_rotation_blend_neighbours_and_leave_the_middle() -> None:
    x = np.zeros((50, 11, 11, 1), np.float32)
    x[:, 5, 5] = 0.75
    found = run({"zoom": 0.5, "rotation": 90.0}, frame((11, 11, 1)), x, np.zeros(50)).x
    assert np.allclose(found[:, 5, 5], 0.75, atol=1e-5)
    ramp = np.broadcast_to(
        np.linspace(-0.5, 0.5, 11, dtype=np.float32)[:, None, None], (50, 11, 11, 1)
    )
    grown = run({"zoom": 0.5}, frame((11, 11, 1)), ramp.copy(), np.zeros(50)).x
    slope = (grown[:, 6, 5, 0] - grown[:, 4, 5, 0]) / 0.2
    assert 0.6 < slope.min() < 0.75 and 1.5 < slope.max() < 2.05
    assert np.allclose(grown[:, 5, :, 0], 0, atol=1e-6)


@pytest.mark.parametrize("form", ["sparse", "one_hot", "binary"])
@pytest.mark.parametrize("weights", [None, "samples", "pixels"])
def test_masks_move_with_their_images_and_what_comes_from_outside_does_not_count(
    form: str, weights: Any
) -> None:
    masks = random.randint(0, 2, (40, 10, 12)).astype(np.uint8)
    x = np.repeat(masks[..., None], 3, axis=3).astype(np.float32) / 2
    y = {"sparse": masks, "one_hot": np.eye(2, dtype=np.float32)[masks]}.get(form)
    y = masks[..., None].astype(np.float32) if y is None else y
    counts = random.randint(0, 2, (40, 10, 12)).astype(np.uint8)
    given = {"samples": np.arange(40, dtype=np.float32), "pixels": counts}.get(weights)
    of = frame(task="segmentation")
    found = run({"crop": 1, "flip": 0.5}, of, x, y, given)
    number = {"one_hot": lambda a: a.argmax(-1), "binary": lambda a: a[..., 0]}.get(form)
    said = number(found.y) if number else found.y
    assert found.y.shape == y.shape and found.y.dtype == y.dtype
    assert np.array_equal(said, found.x[..., 0] * 2)
    assert found.weights.shape == (40, 10, 12)
    if weights is None:
        assert set(np.unique(found.weights)) == {0.0, 1.0}
        whole = (found.weights == 1).all(axis=(1, 2))
        assert 0 < whole.sum() < 40
    if weights == "samples":
        assert np.array_equal(found.weights.max(axis=(1, 2)), given)
    if weights == "pixels":
        assert 0 < found.weights.mean() < counts.mean()


def test_a_mask_that_is_only_mirrored_needs_no_weights_and_is_never_blended() -> None:
    masks = random.randint(0, 5, (8, 10, 12)).astype(np.uint8)
    x = samples(count=8)
    of = frame(task="segmentation")
    assert run({"flip": 0.5}, of, x, masks).weights is None
    turned = run({"rotation": 30.0, "zoom": 0.3}, of, x, masks)
    assert turned.y.dtype == np.uint8 and turned.y.max() < 5
    assert turned.weights.min() == 0
    holes = run({"cutout": 0.5}, of, x, masks)
    assert np.array_equal(holes.y, masks)
    same = (holes.x == x).all(axis=3)
    assert np.array_equal(same, holes.weights == 1)


@pytest.mark.parametrize("times", [1, 2])
def test_images_of_images_move_alike_whatever_their_size(times: int) -> None:
    x = samples((8, 8, 3), 30)
    y = x.repeat(times, axis=1).repeat(times, axis=2)
    of = frame((8, 8, 3), task="image_to_image")
    found = run({"flip": 0.5, "crop": 2, "flip_vertical": 0.5}, of, x, y)
    assert np.allclose(found.y, found.x.repeat(times, axis=1).repeat(times, axis=2), atol=1e-6)
    turned = run({"rotation": 90.0}, of, x, y)
    assert not np.allclose(turned.y, y)
    if times == 1:
        assert np.array_equal(turned.y, turned.x)


def test_light_is_a_share_of_the_range_of_the_data() -> None:
    wide = frame(input_range=(0.0, 200.0))
    x = np.full((200, *COLOUR), 100.0, np.float32)
    found = run({"brightness": 0.25}, wide, x, np.zeros(200)).x
    assert 50 <= found.min() < 55 and 145 < found.max() <= 150
    assert (found == found[:, :1, :1, :1]).all()
    two = np.tile(np.float32([90, 110])[None, None, :, None], (200, 10, 6, 3))
    found = run({"contrast": 0.5}, wide, two, np.zeros(200)).x
    assert np.allclose(found.mean(axis=(1, 2)), 100, atol=1e-3)
    assert 104 < found.max(axis=(1, 2, 3)).min() < 107 and 113 < found.max() < 115.01
    spread = run({"noise": 0.1}, wide, x, np.zeros(200)).x.std()
    assert spread == pytest.approx(20, rel=0.05)


def test_saturation_keeps_grey_and_brightness_however_channels_are_scaled() -> None:
    plain = frame(input_range=(0.0, 1.0))
    x = random.uniform(0.3, 0.6, (30, *COLOUR)).astype(np.float32)
    x[0] = 0.4
    found = run({"saturation": 0.5}, plain, x, np.zeros(30)).x
    luma = np.float32([0.299, 0.587, 0.114])
    assert np.allclose(found[0], 0.4)
    assert np.allclose(found @ luma, x @ luma, atol=1e-5)
    offset, scale = np.float32([0.1, 0.2, 0.3]), np.float32([0.5, 1.0, 2.0])
    ends = (np.min((0 - offset) / scale), np.max((1 - offset) / scale))
    own = frame(offset=tuple(offset), scale=tuple(scale), input_range=tuple(map(float, ends)))
    assert np.allclose(own.low, -offset / scale, atol=1e-6)
    assert np.allclose(own.high, (1 - offset) / scale, atol=1e-6)
    scaled = run({"saturation": 0.5}, own, (x - offset) / scale, np.zeros(30)).x
    assert np.allclose(scaled * scale + offset, found, atol=1e-5)


@pytest.mark.parametrize("shape", [(24, 1, 2), (1, 24, 2), (24, 2)])
def test_a_stretch_of_a_signal_becomes_its_mean_in_all_channels(shape: Any) -> None:
    x = samples(shape, 50)
    found = run({"masking": 0.5}, frame(shape), x, np.zeros(50)).x
    assert found.shape == x.shape
    flat, before = found.reshape(50, 24, 2), x.reshape(50, 24, 2)
    other = (flat != before).all(axis=2)
    assert np.array_equal(other, (flat != before).any(axis=2))
    assert other.sum(axis=1).max() in (10, 11, 12)
    for signal, hole, mean in zip(flat, other, before.mean(axis=1)):
        places = np.flatnonzero(hole)
        assert len(places) == 0 or places[-1] - places[0] == len(places) - 1
        assert np.allclose(signal[hole], mean, atol=1e-5)


def test_a_signal_is_moved_along_its_length_alone() -> None:
    x = samples((24, 1, 2), 60)
    found = run({"shift": 0.2}, frame((24, 1, 2)), x, np.zeros(60)).x
    wide = np.pad(x, ((0, 0), (5, 5), (0, 0), (0, 0)), mode="edge")
    for before, after_it in zip(wide, found):
        assert any(np.array_equal(before[i : i + 24], after_it) for i in range(11))


@pytest.mark.parametrize("shape", [(6, 6, 1), (36, 1, 1), (12, 3), (5,)])
@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_labels_are_mixed_in_the_shares_of_their_samples(name: str, shape: Any) -> None:
    of = frame(shape)
    if refusal(name, 1.0, of)[0]:
        pytest.skip("a table has no places")
    x = np.zeros((31, *shape), np.float32)
    x += np.linspace(-1, 0.9, 31, dtype=np.float32).reshape(-1, *[1] * len(shape))
    y = np.eye(31, dtype=np.float32)
    found = run({name: 1.0}, of, x, y)
    assert np.allclose(found.y.sum(axis=1), 1, atol=1e-6)
    own, other = np.diag(found.y), np.diag(found.y[:, ::-1])
    assert own[15] == 1 and 0.05 < np.delete(other, 15).mean() < 0.6
    mean = found.x.reshape(31, -1).mean(axis=1)
    values = x.reshape(31, -1)[:, 0]
    assert np.allclose(mean, values @ found.y.T, atol=1e-5)


def test_mixed_labels_count_as_much_as_their_samples() -> None:
    x, y = samples((5,), 20), np.eye(20, dtype=np.float32)
    weights = np.arange(20, dtype=np.float32) % 3
    plain = run({"mixup": 0.5}, frame((5,)), x, y)
    found = run({"mixup": 0.5}, frame((5,)), x, y, weights)
    assert np.array_equal(found.x, plain.x)
    # The loss of a sample is linear in the label: weight x label is what each class counts.
    assert np.allclose(found.y * found.weights[:, None], plain.y * weights[None, :], atol=1e-6)


def test_small_numbers_of_beta_are_shares_too() -> None:
    x, y = samples((5,), 500), np.tile(np.eye(2, dtype=np.float32), (250, 1))
    found = run({"mixup": 1e-3}, frame((5,)), x, y)
    assert np.isfinite(found.x).all() and np.isfinite(found.y).all()


REFUSED = [
    ("flip", (30,), "classification", "it is for images, and the samples are tables of (30,)"),
    ("flip", (24, 1, 2), "classification", "it is for images, and the samples are signals"),
    ("masking", (28, 28, 1), "classification", "it is for signals, and the samples are images"),
    ("shift", (30,), "regression", "it is for images and signals"),
    ("saturation", (28, 28, 1), "classification", "1 channel(s)"),
    ("crop", (3, 9, 1), "classification", "images have 3 pixels"),
    ("mixup", (28, 28, 1), "segmentation", "labels of the task segmentation cannot be mixed"),
    ("cutmix", (28, 28, 1), "regression", "cannot be mixed"),
    ("mixup", (28, 28, 1), "image_to_image", "cannot be mixed"),
    ("brightness", (28, 28, 1), "image_to_image", "labels are images themselves"),
]


@pytest.mark.parametrize("name, shape, task, why", REFUSED)
def test_what_does_not_suit_the_data_is_refused_with_what_does(
    name: str, shape: Any, task: str, why: str
) -> None:
    found, hint = refusal(name, AMOUNTS[name], frame(shape, task))
    assert why in found
    others = hint.partition("What suits them: ")[2].rstrip(".")
    for other in filter(None, others.split(", ")):
        assert refusal(other, 0, frame(shape, task)) == ("", "")


def test_tables_have_one_range_of_all_features() -> None:
    of = frame((2,), offset=(0.0, 5.0), scale=(1.0, 2.0))
    assert of.low == np.float32(-1) and of.high == np.float32(127 / 128)
    assert replace(of, low=np.float32(0)).span == np.float32(127 / 128)
