"""Augmentation as a step of the input pipeline."""

from typing import Any, List

import numpy as np
import pytest

from vaiopt.data import load_dataset, split_dataset
from vaiopt.data.augment import augmented, frame_of
from vaiopt.data.batches import DeviceData

AMOUNTS = {"crop": 2, "noise": 0.1, "mixup": 0.0}


@pytest.fixture(scope="module")
def digits() -> Any:
    dataset = load_dataset("digits", limit=300, seed=0)
    return DeviceData(dataset), split_dataset(dataset, (7, 2, 1), seed=0)


def batches(digits: Any, seed: int = 3, weights: Any = None, amounts: Any = None) -> Any:
    device, splits = digits
    part = splits.train
    labels = np.eye(10, dtype=np.float32)[part.y]
    given = device.batches(
        part.indices, splits.preprocessing, 64, labels=labels, weights=weights, shuffle_seed=seed
    )
    frame = frame_of(splits.preprocessing, splits.task)
    return augmented(given, AMOUNTS if amounts is None else amounts, seed, frame)


def epoch(data: Any) -> List[Any]:
    return [tuple(part.numpy() for part in batch) for batch in data]


def test_the_same_seed_gives_the_same_batches_epoch_by_epoch(digits: Any) -> None:
    one, other = batches(digits), batches(digits)
    first, second = epoch(one), epoch(one)
    for again, before in ((epoch(other), first), (epoch(other), second)):
        for parts, known in zip(again, before):
            assert all(map(np.array_equal, parts, known))
    assert not np.array_equal(epoch(batches(digits, seed=4))[0][0], first[0][0])


def test_a_sample_is_changed_anew_in_each_epoch(digits: Any) -> None:
    device, splits = digits
    data = batches(digits, amounts={"noise": 0.1})
    clean = device.batches(splits.train.indices, splits.preprocessing, 64, shuffle_seed=3)
    noises = []
    for _ in range(2):
        changed = np.concatenate([batch[0] for batch in epoch(data)])
        before = np.concatenate([batch.numpy() for batch in clean])
        noises.append(changed - before)
        assert 0.001 < np.abs(noises[-1]).mean() < 0.5
    assert abs(np.corrcoef(noises[0].ravel(), noises[1].ravel())[0, 1]) < 0.3


def test_epochs_are_as_long_as_before_and_weights_stay_with_their_samples(digits: Any) -> None:
    count = len(digits[1].train)
    weights = digits[1].train.y.astype(np.float32)
    data = batches(digits, weights=weights)
    assert int(data.cardinality()) == -(-count // 64)
    found = epoch(data)
    assert sum(len(batch[0]) for batch in found) == count
    for _, y, weight in found:
        assert np.array_equal(y.argmax(axis=1), weight)


def test_nothing_is_done_where_nothing_is_asked_for(digits: Any) -> None:
    given = object()
    frame = frame_of(digits[1].preprocessing, digits[1].task)
    assert augmented(given, {"flip": 0.0, "mixup": 0}, 0, frame) is given
