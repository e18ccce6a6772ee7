"""Train, validation and test: stratified, seeded, and nested from one ratio to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from vaiopt import memory
from vaiopt.data.dataset import Dataset, arrays_sha256
from vaiopt.data.inputs import by_input, values_of
from vaiopt.data.preprocessing import Preprocessing, fit_preprocessing
from vaiopt.data.rows import Rows
from vaiopt.data.stratify import SPLIT, check_seed, class_ranks, count_below, stratified_order
from vaiopt.errors import DataError
from vaiopt.tasks import Targets, Task, task_of
from vaiopt.tasks.targets import PLAIN

PARTS = ("train", "validation", "test")

FINEST = 10**6
"""Largest denominator of a ratio: 0.7 and 0.7000000000000001 are the same ratio."""

UNEVEN = 10**6
"""How many times as large as another a part of a ratio may be: more is no split."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some samples of a dataset. It holds their indices only: ``raw`` and ``x`` make a new array
    each time they are asked for.

    MNIST's 70,000 images are 55 MB raw and 220 MB preprocessed; ask once and keep the array for as
    long as it is needed. Any first k samples of a part hold the classes in their shares.

    Attributes:
        dataset: where the samples are.
        preprocessing: what makes ``x`` of ``raw``.
        indices: int64, counting as :attr:`Dataset.sets` does: the dataset's own samples first.
    """

    dataset: Dataset
    preprocessing: Preprocessing
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def raw(self) -> np.ndarray:
        """Raw samples, (n, H, W, C) or (n, F), uint8 or float32: a new array.

        Raises:
            DataError: they are in a file, and more than fit into memory.
        """
        if isinstance(self.dataset.x, Rows):
            size = len(self) * int(np.prod(self.dataset.sample_shape, dtype=np.int64))
            reason = memory.shortage(size * np.dtype(np.float32).itemsize)
            if reason:
                raise DataError(
                    f"{len(self):,} samples of '{self.dataset.name}' are needed at once: {reason}",
                    "Use less of it (data.limit), or more memory.",
                )
        return self.dataset.gather(self.indices)

    @property
    def values(self) -> np.ndarray:
        """:attr:`raw` as values (n, *shape), the shape of the preprocessing: of several inputs rows
        of all their values.
        """
        return values_of(self.raw, self.dataset.inputs)

    @property
    def x(self) -> np.ndarray:
        """Preprocessed samples, float32, of the shape of ``values``: a new array."""
        return self.preprocessing.apply(self.raw)

    @property
    def given(self) -> Any:
        """:attr:`x` as a model is given it: of several inputs a dictionary."""
        ways = self.preprocessing.inputs
        return by_input(self.x, ways) if ways else self.x

    @property
    def y(self) -> np.ndarray:
        """Labels, (n, ...), as the task keeps them."""
        return np.asarray(self.dataset.all_y[self.indices])

    @property
    def weights(self) -> Optional[np.ndarray]:
        """How much each sample counts in a loss, float32 (n,); None if no weights were given."""
        weights = self.dataset.all_weights
        return None if weights is None else np.asarray(weights[self.indices])

    def within(self, megabytes: float) -> Part:
        """Return the first samples whose preprocessed values take so much; all of data that are in
        memory.
        """
        if not isinstance(self.dataset.x, Rows):
            return self
        values = int(np.prod(self.dataset.sample_shape, dtype=np.int64))
        return self.take(slice(0, max(1, int(megabytes * 1e6 / (4 * max(1, values))))))

    def take(self, positions: Union[slice, np.ndarray]) -> Part:
        """Return the part at ``positions``: a slice, or integers counting within this part."""
        return Part(self.dataset, self.preprocessing, self.indices[positions])


@dataclass(frozen=True, eq=False)
class Splits:
    """A dataset in three parts, and how they were made.

    Attributes:
        name: the dataset's.
        classes: the names of the outputs, for classes in the order of their numbers.
        train: what models learn from, and calibration draws from.
        validation: what trials are compared on.
        test: what is read once, for the chosen model.
        preprocessing: of all three.
        ratios: train : validation : test, as asked for.
        seed: decides which sample goes where.
        pool, pool_validation, reserved: see :func:`split_dataset`.
        targets: what a model's outputs are of the labels.
    """

    name: str
    classes: Tuple[str, ...]
    train: Part
    validation: Part
    test: Part
    preprocessing: Preprocessing
    ratios: Tuple[float, ...]
    seed: int
    pool: bool = True
    reserved: Optional[float] = None
    pool_validation: bool = False
    targets: Targets = PLAIN

    @property
    def task(self) -> Task:
        """What is learned of the dataset."""
        return task_of(self.dataset.task).of(self.classes)

    @property
    def dataset(self) -> Dataset:
        """The dataset that was split."""
        return self.train.dataset

    @property
    def input_shape(self) -> Tuple[int, ...]:
        """Shape of one sample: (H, W, C) or (F,)."""
        return self.preprocessing.shape

    def sizes(self) -> Dict[str, int]:
        """Return how many samples each part has."""
        return {part: len(getattr(self, part)) for part in PARTS}

    def sha256(self) -> str:
        """Return the SHA-256 over the indices of the three parts, in order."""
        return arrays_sha256([self.train.indices, self.validation.indices, self.test.indices])


class _Kept(NamedTuple):
    """Which given sets are kept as the parts of their names."""

    validation: bool = False
    test: bool = False

    def split_off(self) -> List[str]:
        """Return the parts that the other samples are split into."""
        return [part for part in PARTS if not getattr(self, part, False)]


class _Thresholds(NamedTuple):
    """Where parts end between 0 and 1; (r + 1/2) / n is the place of rank r in a class of n."""

    train_end: Fraction
    validation_end: Fraction
    test_start: Fraction

    def counts(self, count: int) -> List[int]:
        """Return the ranks of these places in a class of ``count`` samples."""
        return [count_below(place, count) for place in self]


def split_dataset(
    dataset: Dataset,
    ratios: Sequence[float] = (7, 2, 1),
    *,
    seed: int,
    pool: bool = True,
    pool_validation: bool = False,
    reserved: Optional[float] = None,
    offset: Union[None, float, Sequence[float]] = None,
    scale: Union[None, float, Sequence[float]] = None,
    preprocessing: Optional[Preprocessing] = None,
    standardise: bool = False,
    targets: Optional[Targets] = None,
) -> Splits:
    """Split a dataset by ratio, the classes in their shares in every part.

    Each class is shuffled by the seed. With ratios a : b : c that add up to 1, the sample of rank r
    in its class of n stands at u = (r + 1/2) / n; it is train if u < a, validation if u < a + b,
    else test. So the train part of one ratio is within that of any larger one, and the same seed
    gives the same parts on every numpy.

    Args:
        dataset: what to split.
        ratios: three positive numbers, train : validation : test.
        seed: 0 to 2**32 - 1.
        pool: with True, a given test set is one with the rest and all is split by ratio. With
            False, the given test set is the test part, the rest is split a : b, and c does not
            matter (it may be 0).
        pool_validation: with False, a given validation set is the validation part, a given test set
            is the test part whatever ``pool`` says, and only what is left is split: by a : c
            without a test set. With True, it is one with the rest.
        reserved: for when several ratios are tried: the test part is u >= reserved whatever the
            ratio, validation ends there at the latest, and samples between a + b and ``reserved``
            are in no part. No trial ever sees what the chosen model is tested on.
        offset, scale: see :func:`vaiopt.data.preprocessing.fit_preprocessing`.
        preprocessing: a ready one instead (that of a run).
        standardise: see :meth:`vaiopt.tasks.Task.fit_targets`.
        targets: ready ones instead (those of a run).

    Raises:
        DataError: ratios, seed, reserved, offset or scale are unusable, there is no given test set
            for ``pool=False``, or a class has too few samples for every part to get one.
    """
    seed, kept = check_seed(seed), _kept(dataset, pool, pool_validation)
    thresholds = _thresholds(ratios, kept, reserved)
    pooled, sets = _pooled(dataset, kept)
    strata = _strata(dataset, pooled, sets)
    ends = _ends(dataset, strata[pooled], thresholds, _text(ratios), kept)
    parts, seen = _dealt(strata, pooled, sets, ends, seed)
    if preprocessing is None:
        preprocessing = fit_preprocessing(dataset, seen, offset, scale)
    if targets is None:
        targets = _targets(dataset, seen, standardise)
    train, validation, test = (Part(dataset, preprocessing, indices) for indices in parts)
    made = Splits(
        dataset.name, dataset.classes, train, validation, test, preprocessing, tuple(ratios), seed
    )
    made = replace(made, pool=pool, pool_validation=pool_validation)
    return replace(made, reserved=reserved, targets=targets)


def split_notes(splits: Splits) -> List[str]:
    """Return what a person should know of a split of data with given sets, a line each."""
    dataset = splits.dataset
    if dataset.validation is None:
        unused = "data.pool_validation has no effect: there is no given validation set"
        notes = [unused] if splits.pool_validation else []
        if dataset.test is not None and splits.pool:
            notes.append(
                f"the given test set ({len(dataset.test.y)} samples) is pooled with the rest and"
                " split anew; data.pool = false keeps it"
            )
        return notes
    if splits.pool_validation:
        return ["data.pool_validation: the given validation set is pooled with the rest and split"]
    found = f"the given validation set ({len(splits.validation)} samples) is the validation part"
    if dataset.test is None:
        return [f"{found}; data.split divides the rest into training and test part only"]
    found = f"{found}, the given test set ({len(splits.test)}) the test part"
    return [f"{found}; data.split and data.pool have no effect"]


def _kept(dataset: Dataset, pool: bool, pool_validation: bool) -> _Kept:
    """Return which given sets are kept. Raises DataError: one is to be that is not there."""
    validation = dataset.validation is not None and not pool_validation
    if dataset.test is None and not pool:
        raise DataError(
            f"'{dataset.name}' has no test set of its own, which data.pool = false needs",
            "Set data.pool = true.",
        )
    return _Kept(validation, dataset.test is not None and (validation or not pool))


def _pooled(dataset: Dataset, kept: _Kept) -> Tuple[np.ndarray, Dict[str, np.ndarray]]:
    """Return the indices of what is split, and of the given sets that are kept, by their parts."""
    pooled, sets = [np.arange(len(dataset.y))], {}
    start = len(dataset.y)
    for part, given in (("test", dataset.test), ("validation", dataset.validation)):
        if given is not None:
            indices = np.arange(start, start + len(given.y))
            start += len(given.y)
            if getattr(kept, part):
                sets[part] = indices
            else:
                pooled.append(indices)
    return np.concatenate(pooled), sets


def _targets(dataset: Dataset, seen: np.ndarray, standardise: bool) -> Targets:
    """Return what a model's outputs are of the labels, by those that may be looked at."""
    fit = task_of(dataset.task).fit_targets
    return fit(dataset.all_y[seen], dataset.x[:1], standardise, dataset.value_range)


def _ends(
    dataset: Dataset, strata: np.ndarray, thresholds: _Thresholds, ratios: str, kept: _Kept
) -> np.ndarray:
    """Return the ranks at which the parts end, int64 (strata, 3). Raises DataError: a stratum has
    no sample in one of them.
    """
    named = dataset.strata_names(strata)
    counts = np.bincount(strata, minlength=len(named))
    ends = np.asarray([thresholds.counts(int(n)) for n in counts], dtype=np.int64)
    _check_sizes(dataset.name, named, counts, ends, thresholds, ratios, kept)
    return ends


def _strata(dataset: Dataset, pooled: np.ndarray, sets: Dict[str, np.ndarray]) -> np.ndarray:
    """Return the stratum of each sample, int64, of what is split and of each given set by itself:
    a quantity may have other values there.
    """
    y = dataset.all_y
    found = np.zeros(len(y), np.int64)
    for indices in (pooled, *sets.values()):
        found[indices] = task_of(dataset.task).strata(y[indices])
    return found


def _dealt(
    strata: np.ndarray,
    pooled: np.ndarray,
    sets: Dict[str, np.ndarray],
    ends: np.ndarray,
    seed: int,
) -> Tuple[Tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Return the indices of train, validation and test, and of all that may be looked at before
    the test.

    Args:
        strata: of all samples.
        pooled: indices of what is split. sets: those of the given sets that are kept, by their
            parts.
        ends: ranks at which the parts end, (strata, 3). seed: of the ranks.
    """
    y = strata[pooled]
    ranks = class_ranks(y, seed, SPLIT)
    order = stratified_order(y, ranks)
    train_end, validation_end, test_start = ends[y[order]].T
    ordered = ranks[order]
    seen = pooled[ranks < ends[y, 2]]
    test = pooled[order[ordered >= test_start]]
    if "test" in sets:
        test = _shuffled(strata, sets["test"], seed)
        seen = pooled
    validation = pooled[order[(ordered >= train_end) & (ordered < validation_end)]]
    if "validation" in sets:
        validation = _shuffled(strata, sets["validation"], seed)
        seen = np.concatenate([seen, sets["validation"]])
    return (pooled[order[ordered < train_end]], validation, test), seen


def _shuffled(strata: np.ndarray, indices: np.ndarray, seed: int) -> np.ndarray:
    """Return the indices of a given set such that any first of them hold the strata in their
    shares.
    """
    y = strata[indices]
    return indices[stratified_order(y, class_ranks(y, seed, SPLIT))]


def _thresholds(ratios: Any, kept: _Kept, reserved: Optional[float]) -> _Thresholds:
    """Return the exact places where the parts end. Raises DataError for ratios of no use."""
    train, validation, test = _check_ratios(ratios, kept.test)
    shares = {"train": train, "validation": validation, "test": test}
    total = sum((shares[part] for part in kept.split_off()), Fraction(0))
    train_end = train / total
    validation_end = train_end if kept.validation else (train + validation) / total
    if kept.test:
        return _Thresholds(train_end, validation_end, Fraction(1))
    if reserved is None:
        return _Thresholds(train_end, validation_end, validation_end)
    start = _fraction(reserved)
    if start is None or not 0 < start < 1:
        raise DataError(
            f"the reserved share starts at {reserved!r}", "Give a number between 0 and 1."
        )
    if kept.validation:
        return _Thresholds(min(train_end, start), min(train_end, start), start)
    if train_end >= start:
        raise DataError(
            f"the split {_text(ratios)} leaves nothing for validation before the reserved test"
            f" data, which starts at {float(start):g}",
            "Make the train share of data.split smaller, or the test share of the other ratios.",
        )
    return _Thresholds(train_end, min(validation_end, start), start)


def _check_ratios(ratios: Any, given_test: bool) -> Tuple[Fraction, Fraction, Fraction]:
    is_list = hasattr(ratios, "__iter__") and not isinstance(ratios, (str, bytes))
    found = [_fraction(ratio) for ratio in ratios] if is_list else []
    usable = [f for f in found if f is not None and f > 0]
    if given_test and len(found) == 3 and found[2] == 0:
        usable.append(Fraction(0))
    uneven = bool(usable) and max(usable) > UNEVEN * min(filter(None, usable), default=1)
    if len(found) != 3 or len(usable) != 3 or uneven:
        raise DataError(
            f"data.split is {ratios if isinstance(ratios, str) else _text(ratios)}",
            "Give three positive numbers, train : validation : test, such as 7:2:1.",
        )
    return usable[0], usable[1], usable[2]


def _fraction(number: Any) -> Optional[Fraction]:
    """Return a number as written in decimal (0.7 is 7/10), or None if it is not a finite number."""
    is_number = isinstance(number, (int, float, np.integer, np.floating))
    if isinstance(number, bool) or not is_number or not np.isfinite(number):
        return None
    written = str(number.item() if isinstance(number, np.generic) else number)
    return Fraction(written).limit_denominator(FINEST)


def _text(ratios: Any) -> str:
    if not hasattr(ratios, "__iter__"):
        return repr(ratios)
    return ":".join(f"{r:g}" if isinstance(r, (int, float)) else repr(r) for r in ratios)


def _check_sizes(
    dataset: str,
    named: Sequence[str],
    counts: np.ndarray,
    ends: np.ndarray,
    thresholds: _Thresholds,
    ratios: str,
    kept: _Kept,
) -> None:
    """Raise :class:`DataError` unless every stratum of a dataset, named so, has a sample in every
    part that is split off.
    """
    for name, count, ranks in zip(named, counts, ends):
        sizes = _sizes(ranks, count, kept)
        if min(sizes) <= 0:
            raise DataError(
                f"{name} of '{dataset}' has {count}"
                f" {'sample' if count == 1 else 'samples'}: with the split {ratios} none is left"
                f" for {kept.split_off()[int(np.argmin(sizes))]}",
                f"Give {'every class' if name.startswith('class') else 'it'} at least"
                f" {_samples_needed(thresholds, kept)} samples, make the"
                " parts of data.split more even, or raise data.limit.",
            )


def _sizes(ends: Sequence[Any], whole: Any, kept: _Kept) -> List[Any]:
    """Return the sizes of the parts that are split off."""
    train_end, validation_end, test_start = ends
    every = {
        "train": train_end,
        "validation": validation_end - train_end,
        "test": whole - test_start,
    }
    return [every[part] for part in kept.split_off()]


def _samples_needed(thresholds: _Thresholds, kept: _Kept) -> int:
    """Return the number of samples from which on every class has one in every part."""
    # A part that is at least one sample wide always has one; often a few less are enough.
    count = int(-(-1 // min(_sizes(thresholds, 1, kept))))
    for fewer in range(count - 1, max(0, count - 1000), -1):
        if min(_sizes(thresholds.counts(fewer), fewer, kept)) <= 0:
            break
        count = fewer
    return count
