"""Who goes where: sizes, disjoint parts, shares of the classes, nested ratios, the reserved test
data, the same on every numpy.
"""

from typing import List, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaiopt.data import Dataset, Splits, calibration_indices, make_dataset, split_dataset
from vaiopt.data.stratify import class_ranks, stratified_order, stratified_subset
from vaiopt.errors import DataError

# Ten or more of each class: with every part at least a tenth, none is left without a sample.
counts_of_classes = st.lists(st.integers(10, 60), min_size=2, max_size=5)
tenths = st.sampled_from([(a, b, 10 - a - b) for a in range(1, 9) for b in range(1, 10 - a)])
seeds = st.integers(0, 2**32 - 1)


def labels_of(counts: Sequence[int]) -> np.ndarray:
    """Labels with so many of each class, mixed in a fixed way."""
    y = np.repeat(np.arange(len(counts)), counts)
    return y[np.argsort((np.arange(len(y)) * 7919) % 104729, kind="stable")]


def dataset_of(counts: Sequence[int], test_counts: Sequence[int] = ()) -> Dataset:
    y = labels_of(counts)
    test_y = labels_of(test_counts) if test_counts else None
    x = np.stack([np.arange(len(y)), y], axis=1).astype(np.float32)
    test_x = (
        None
        if test_y is None
        else np.stack([np.arange(len(test_y)) + len(y), test_y], axis=1).astype(np.float32)
    )
    return make_dataset("made", x, y, test_x=test_x, test_y=test_y)


def parts_of(splits: Splits) -> List[np.ndarray]:
    return [splits.train.indices, splits.validation.indices, splits.test.indices]


@given(counts_of_classes, tenths, seeds)
def test_every_sample_is_in_exactly_one_part(counts, ratios, seed):
    splits = split_dataset(dataset_of(counts), ratios, seed=seed)
    assert sorted(np.concatenate(parts_of(splits)).tolist()) == list(range(sum(counts)))


@given(counts_of_classes, tenths, seeds)
def test_each_class_has_its_share_in_each_part(counts, ratios, seed):
    splits = split_dataset(dataset_of(counts), ratios, seed=seed)
    for part, ratio in zip((splits.train, splits.validation, splits.test), ratios):
        for number, count in enumerate(np.bincount(part.y, minlength=len(counts))):
            assert abs(count - counts[number] * ratio / 10) <= 1
    assert all(
        abs(n - counts[i] * ratios[0] / 10) <= 0.5
        for i, n in enumerate(np.bincount(splits.train.y))
    )


@given(counts_of_classes, tenths, tenths, seeds)
def test_a_larger_train_share_holds_all_of_a_smaller_one_and_test_shrinks_within_itself(
    counts, first, second, seed
):
    small, large = sorted((first, second))
    a, b = (split_dataset(dataset_of(counts), ratios, seed=seed) for ratios in (small, large))
    assert set(a.train.indices) <= set(b.train.indices)
    inner, outer = (a, b) if small[2] <= large[2] else (b, a)
    assert set(inner.test.indices) <= set(outer.test.indices)


@given(counts_of_classes, tenths, tenths, seeds)
def test_reserved_test_data_is_the_same_for_every_ratio_and_in_no_other_part(
    counts, first, second, seed
):
    reserved = max(first[0] + first[1], second[0] + second[1]) / 10
    a, b = (
        split_dataset(dataset_of(counts), ratios, seed=seed, reserved=reserved)
        for ratios in (first, second)
    )
    assert a.test.indices.tolist() == b.test.indices.tolist()
    for splits in (a, b):
        assert not set(splits.test.indices) & (
            set(splits.train.indices) | set(splits.validation.indices)
        )
        assert not set(splits.train.indices) & set(splits.validation.indices)


@given(counts_of_classes, tenths, seeds, st.sampled_from([0.1, 0.01, 1 / 3, 3, 12.5, 1000]))
def test_only_the_proportions_of_a_ratio_count(counts, ratios, seed, factor):
    plain = split_dataset(dataset_of(counts), ratios, seed=seed)
    assert (
        plain.sha256()
        == split_dataset(dataset_of(counts), [r / 10 for r in ratios], seed=seed).sha256()
    )
    assert (
        plain.sha256()
        == split_dataset(dataset_of(counts), np.asarray(ratios) * factor * 3, seed=seed).sha256()
    )


@given(counts_of_classes, seeds)
def test_any_beginning_of_a_part_holds_the_classes_in_their_shares(counts, seed):
    splits = split_dataset(dataset_of(counts), seed=seed)
    y = splits.train.y
    totals = np.bincount(y, minlength=len(counts))
    for k in range(1, len(y) + 1):
        expected = totals * k / len(y)
        assert np.all(np.abs(np.bincount(y[:k], minlength=len(counts)) - expected) <= 2)


@given(counts_of_classes, seeds, st.data())
def test_a_larger_limit_keeps_what_a_smaller_one_keeps(counts, seed, data):
    y = labels_of(counts)
    large = data.draw(st.integers(2, len(y)))
    small = data.draw(st.integers(1, large))
    inner, outer = stratified_subset(y, small, seed), stratified_subset(y, large, seed)
    assert len(inner) == small and len(outer) == large
    assert set(inner) <= set(outer)
    assert outer.tolist() == sorted(outer)


@given(counts_of_classes, seeds, st.integers(1, 400))
def test_calibration_takes_every_class_equally_often_until_it_runs_out(counts, seed, size):
    y = labels_of(counts)
    positions = calibration_indices(y, size, seed)
    assert len(set(positions)) == len(positions) == min(size, len(y))
    taken = np.bincount(y[positions], minlength=len(counts))
    most = taken.max()
    assert all(n >= most - 1 or n == counts[i] for i, n in enumerate(taken))


def test_calibration_batches_are_balanced_too():
    y = labels_of([50, 500, 50])
    assert np.bincount(y[calibration_indices(y, 90, 3)][:30]).tolist() == [10, 10, 10]


def test_another_seed_gives_another_split_and_the_same_seed_the_same():
    dataset = dataset_of([30, 40])
    assert split_dataset(dataset, seed=1).sha256() == split_dataset(dataset, seed=1).sha256()
    assert split_dataset(dataset, seed=1).sha256() != split_dataset(dataset, seed=2).sha256()


def test_the_split_is_the_one_recorded_whatever_the_python_and_numpy():
    splits = split_dataset(dataset_of([101, 57, 333]), (7, 2, 1), seed=42)
    assert splits.sizes() == {"train": 344, "validation": 98, "test": 49}
    assert splits.sha256() == "f8cbaa93872ac724d4cf8e95fd0ba6ed7c9e05e0d64710fa01e103cd622d0d1a"
    assert splits.test.indices[:8].tolist() == [98, 231, 327, 243, 106, 241, 7, 486]


def test_ranks_depend_on_nothing_but_seed_class_and_its_size():
    y = labels_of([20, 30])
    more = np.concatenate([y, np.full(17, 2)])
    assert class_ranks(more, 5, 1)[: len(y)].tolist() == class_ranks(y, 5, 1).tolist()


def test_order_starts_with_the_classes_in_turn_when_they_are_equal():
    y = labels_of([10, 10, 10])
    assert y[stratified_order(y, class_ranks(y, 0, 1))].reshape(10, 3).tolist() == [[0, 1, 2]] * 10


def test_mnist_sized_data_splits_into_the_labs_49000_14000_7000():
    counts = [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]
    sizes = split_dataset(dataset_of(counts), seed=0).sizes()
    assert sizes == {"train": 49000, "validation": 14000, "test": 7000}


def test_pooled_test_data_takes_part_in_the_split():
    splits = split_dataset(dataset_of([20, 20], [10, 10]), seed=0, pool=True)
    assert sum(splits.sizes().values()) == 60
    assert max(splits.train.indices) >= 40
    for part in (splits.train, splits.validation, splits.test):
        assert part.raw[:, 0].tolist() == part.indices.tolist()
        assert part.raw[:, 1].tolist() == part.y.tolist()


def test_a_given_test_set_is_the_test_part_as_a_whole():
    splits = split_dataset(dataset_of([40, 20], [10, 10]), (7, 3, 0), seed=0, pool=False)
    assert sorted(splits.test.indices) == list(range(60, 80))
    assert splits.sizes() == {"train": 42, "validation": 18, "test": 20}
    assert splits.test.raw[:, 0].tolist() == splits.test.indices.tolist()


def test_a_part_of_a_part_counts_within_it():
    part = split_dataset(dataset_of([20, 20]), seed=0).train
    assert part.take(slice(3, 6)).indices.tolist() == part.indices[3:6].tolist()
    assert np.array_equal(part.take(np.asarray([5, 2])).x, part.x[[5, 2]])


@pytest.mark.parametrize(
    "ratios",
    [
        (7, 2),
        (7, 2, 1, 1),
        (7, 2, 0),
        (7, -2, 1),
        (7, float("nan"), 1),
        (7, float("inf"), 1),
        ("7", "2", "1"),
        "7:2:1",
        7,
        None,
        (7, True, 1),
        (),
        (7, 1e308, 1),
        (7, 2, 1e-6),
        (0, 0, 0),
    ],
)
def test_ratios_that_are_not_three_positive_numbers_are_refused(ratios):
    with pytest.raises(DataError, match="data.split"):
        split_dataset(dataset_of([20, 20]), ratios, seed=0)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, None])
def test_seeds_that_numpy_does_not_take_are_refused(seed):
    with pytest.raises(DataError, match="seed"):
        split_dataset(dataset_of([20, 20]), seed=seed)


def test_a_class_too_small_for_its_parts_is_named_with_the_size_it_needs():
    with pytest.raises(
        DataError,
        match="class '1' of 'made' has 4 samples: with the split 7:2:1 none is left for test",
    ) as caught:
        split_dataset(dataset_of([40, 4]), seed=0)
    assert "at least 5 samples" in caught.value.hint
    for count in range(5, 40):
        split_dataset(dataset_of([40, count]), seed=0)


@given(tenths, st.integers(1, 9))
def test_the_size_asked_for_is_enough_and_one_less_is_not(ratios, few):
    try:
        split_dataset(dataset_of([40, few]), ratios, seed=0)
    except DataError as error:
        needed = int(error.hint.split("at least ")[1].split()[0])
        for count in range(needed, needed + 15):
            split_dataset(dataset_of([40, count]), ratios, seed=0)
        with pytest.raises(DataError, match="none is left"):
            split_dataset(dataset_of([40, needed - 1]), ratios, seed=0)


def test_pool_false_needs_a_given_test_set():
    with pytest.raises(DataError, match="no test set of its own") as caught:
        split_dataset(dataset_of([20, 20]), seed=0, pool=False)
    assert "pool = true" in caught.value.hint


@pytest.mark.parametrize("reserved", [0, 1, 1.5, -0.1, float("nan"), "0.9"])
def test_a_reserved_share_outside_0_to_1_is_refused(reserved):
    with pytest.raises(DataError, match="reserved"):
        split_dataset(dataset_of([20, 20]), seed=0, reserved=reserved)


def test_a_train_share_that_reaches_the_reserved_data_is_refused():
    with pytest.raises(DataError, match="9:0.5:0.5 leaves nothing for validation"):
        split_dataset(dataset_of([20, 20]), (9, 0.5, 0.5), seed=0, reserved=0.9)


@pytest.mark.parametrize("size", [0, -5, 2.5, True])
def test_a_calibration_size_that_is_no_count_is_refused(size):
    with pytest.raises(DataError, match="calibration size"):
        calibration_indices(labels_of([5, 5]), size, 0)
