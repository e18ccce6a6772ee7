"""A dataset as it was loaded, before splitting and preprocessing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from vaiopt.data.features import check_features, is_grey, reshaped
from vaiopt.data.frames import Frames
from vaiopt.data.images import STRETCH
from vaiopt.data.inputs import Inputs, check_task, joined_sets
from vaiopt.data.left_out import FilesRead
from vaiopt.data.rows import Rows, chunks
from vaiopt.data.table import Column
from vaiopt.data.told_task import task_of_labels, told_task
from vaiopt.data.weights import check_weights
from vaiopt.errors import DataError
from vaiopt.tasks import AUTO, Task, task_of
from vaiopt.tasks.joined import outputs_in

IN_MEMORY_MB = 64.0
"""Megabytes of samples that each process keeps in its own memory, unless something else is said."""

HASHED_WHOLE = 4 * 10**9
"""Bytes of samples in a file that are read whole for their hash, unless something else is said."""


@dataclass(frozen=True)
class Request:
    """What :func:`vaiopt.data.load_dataset` was asked for: enough to load the same again.

    Attributes:
        source: a name, path or ``module:function``, as it was written.
        limit: how many samples to keep, 0 for all.
        seed: decides which, if there is a limit.
        image_size: (height, width) that images are resized to, () for as they are.
        grayscale: whether images are turned to one channel.
        base: the absolute folder that a relative path starts at.
        target: the column of a table that holds the labels, "" for the last.
        task: what is learned, a name of :data:`vaiopt.tasks.TASKS`, or ``auto``.
        unscored: classes of masks that are neither learned nor scored.
        features: what the records of a TFRecord file hold: x, y, weight, and a text for each.
        in_memory_mb: samples of more megabytes than that stay in a file; they are the same.
        hashed: how what was loaded is told from other data, a name of
            :data:`vaiopt.settings.choices.HASHES`.
        resize: how images are brought to that size, a name of :data:`vaiopt.data.images.RESIZES`.
        skip_corrupt: whether image files that cannot be read are left out.
        kind: what the samples are, a name of :data:`vaiopt.data.kinds.KINDS`, or ``auto``.
        cache: a folder where what is decoded is kept; "" for none.
    """

    source: str
    limit: int = 0
    seed: int = 0
    image_size: Tuple[int, ...] = ()
    grayscale: bool = False
    base: str = ""
    target: str = ""
    task: str = AUTO
    unscored: Tuple[str, ...] = ()
    features: Tuple[Tuple[str, str], ...] = ()
    in_memory_mb: float = field(default=IN_MEMORY_MB, compare=False)
    hashed: str = AUTO
    resize: str = STRETCH
    skip_corrupt: bool = False
    kind: str = AUTO
    cache: str = field(default="", compare=False)


class Samples(NamedTuple):
    """Some samples that were given together: a training, test or validation set.

    Attributes:
        x: raw samples, (N, ...).
        y: labels, (N, ...).
        weights: how much each counts, (N,); None for once each.
    """

    x: Any
    y: Any
    weights: Any = None


@dataclass(frozen=True, eq=False)
class Dataset:
    """Raw samples and their classes. Make one with :func:`make_dataset`, which checks it.

    Attributes:
        name: what it is called in messages and reports.
        x: raw samples, uint8 or float32: images (N, H, W, C), signals (N, time, channels), tables
            (N, F); :class:`vaiopt.data.rows.Rows` where they stay in a file.
        y: labels as the task keeps them, (N, ...): class numbers, int64 (N,), of a classification.
        classes: the names of the outputs, for classes in the order of their numbers.
        test_x: raw samples of a test set that came with the data (None if there is none), of the
            type and shape of ``x``.
        test_y: their labels.
        value_range: (lowest, highest) raw value that images can take, where that is known and is
            not the 0 to 255 of uint8.
        feature_names: names of the columns of a table, () if unknown.
        fingerprint: SHA-256 of what was loaded, "" to compute it from the arrays; see
            :meth:`sha256`.
        request: how it was loaded, None for arrays that were made in memory.
        task: what is learned of it, a name of :data:`vaiopt.tasks.TASKS`.
        validation_x, validation_y: samples and labels of a validation set that came with the
            data (None if there is none).
        weights: how much each sample of ``x`` counts in the training and validation loss, float32
            (N,), from 0; None for once each.
        test_weights, validation_weights: the same of the given sets.
        notes: what a person should know of how it was loaded, a line each.
        columns: how the columns of a table were turned into numbers, () if they were given so.
        files: of images, one for each sample; None where they came in another way.
        inputs: of a model of several inputs: what lies where in a row of ``x``; () for one.
    """

    name: str
    x: Any
    y: np.ndarray
    classes: Tuple[str, ...]
    test_x: Any = None
    test_y: Optional[np.ndarray] = None
    value_range: Optional[Tuple[float, float]] = None
    feature_names: Tuple[str, ...] = ()
    fingerprint: str = ""
    request: Optional[Request] = None
    task: str = "classification"
    validation_x: Any = None
    validation_y: Optional[np.ndarray] = None
    weights: Optional[np.ndarray] = None
    test_weights: Optional[np.ndarray] = None
    validation_weights: Optional[np.ndarray] = None
    notes: Tuple[str, ...] = ()
    columns: Tuple[Column, ...] = ()
    files: Optional[FilesRead] = None
    inputs: Inputs = ()

    def __len__(self) -> int:
        """All samples, those of given test and validation sets included."""
        return sum(len(given.y) for given in self.sets)

    @property
    def test(self) -> Optional[Samples]:
        """The given test set, if there is one."""
        is_given = self.test_y is not None
        return Samples(self.test_x, self.test_y, self.test_weights) if is_given else None

    @property
    def validation(self) -> Optional[Samples]:
        """The given validation set, if there is one."""
        is_given = self.validation_y is not None
        found = Samples(self.validation_x, self.validation_y, self.validation_weights)
        return found if is_given else None

    @property
    def sets(self) -> List[Samples]:
        """Its own samples, then the given test set, then the given validation set, as far as they
        are there: indices count so.
        """
        given = [Samples(self.x, self.y, self.weights), self.test, self.validation]
        return [samples for samples in given if samples is not None]

    @property
    def sample_shape(self) -> Tuple[int, ...]:
        """Shape of one sample: (H, W, C), (time, channels) or (F,)."""
        return tuple(int(n) for n in self.x.shape[1:])

    @property
    def raw_dtype(self) -> str:
        """Type of the raw samples, ``uint8`` or ``float32``."""
        return str(self.x.dtype)

    @property
    def is_image(self) -> bool:
        """Whether the samples are images."""
        return self.x.ndim == 4

    @property
    def is_signal(self) -> bool:
        """Whether the samples are signals."""
        return self.x.ndim == 3

    @property
    def all_y(self) -> np.ndarray:
        """Labels of all samples, (n, ...), in the order of :attr:`sets`. Splits count so."""
        return _joined([given.y for given in self.sets])

    def strata_names(self, strata: np.ndarray) -> Tuple[str, ...]:
        """Return what each stratum of some samples is, in words: a class where each is of one."""
        if task_of(self.task).has_classes:
            return tuple(f"class '{name}'" for name in self.classes)
        count = int(strata.max(initial=-1)) + 1
        parts = tuple(f"part {i + 1} of {count}" for i in range(count))
        return parts if count > 1 else ("the whole",)

    @property
    def all_weights(self) -> Optional[np.ndarray]:
        """Weights of all samples, float32, in the same order; None if none were given."""
        if all(given.weights is None for given in self.sets):
            return None
        return _joined(
            [
                np.ones(len(given.y), np.float32) if given.weights is None else given.weights
                for given in self.sets
            ]
        )

    def gather(self, indices: np.ndarray) -> np.ndarray:
        """Return a copy of the raw samples with these indices, which count as in :attr:`all_y`."""
        if len(self.sets) == 1:
            return np.asarray(self.x[indices])  # of samples in a file these are read
        result = np.empty((len(indices),) + self.sample_shape, dtype=self.x.dtype)
        start = 0
        for given in self.sets:
            of_it = (indices >= start) & (indices < start + len(given.y))
            result[of_it] = given.x[indices[of_it] - start]
            start += len(given.y)
        return result

    def sha256(self) -> str:
        """Return the SHA-256 that tells whether data is still the same, as hex digits.

        It is that of the arrays as they were loaded and limited, before images are resized or
        turned grey, or of the image files of a folder: what an image library makes of a file may
        differ in the last bit between its versions, the file does not.
        """
        if self.fingerprint:
            return self.fingerprint
        return self.hashed_as(AUTO)

    def hashed_as(self, how: str) -> str:
        """Return the hash anew, by a name of :data:`vaiopt.settings.choices.HASHES`."""
        arrays = [self.x, self.y, self.test_x, self.test_y]
        for name in ("validation_x", "validation_y", *WEIGHTS):  # later ones, told by their names
            if getattr(self, name) is not None:
                arrays += [np.frombuffer(name.encode("ascii"), np.uint8), getattr(self, name)]
        if self.inputs:
            told = "".join(map(str, self.inputs))
            arrays.append(np.frombuffer(told.encode("utf-8", "surrogateescape"), np.uint8))
        there = [array for array in arrays if array is not None]
        size = sum(int(array.nbytes) for array in there if isinstance(array, Rows))
        return arrays_sha256(there, stamped=how == AUTO and size > HASHED_WHOLE)


SAMPLES = ("x", "test_x", "validation_x")
"""Fields of a dataset with the samples of its sets."""

WEIGHTS = ("weights", "test_weights", "validation_weights")
"""Fields of a dataset with the weights of its sets."""

ARRAYS = (*SAMPLES, "y", "test_y", "validation_y", *WEIGHTS)
"""Fields of a dataset that are arrays, or None."""

KEYS = ("x", "y", "x_test", "y_test", "x_val", "y_val")
"""What the arrays of the three sets are called, unless something else is said."""


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def arrays_sha256(arrays: Iterable[Any], stamped: bool = False) -> str:
    """Return the SHA-256 over type, shape and little-endian bytes of the arrays, as hex digits.

    Args:
        arrays: arrays, or samples in a file.
        stamped: whether of samples in a file name, size and time of the file stand for the bytes.
    """
    digest = hashlib.sha256()
    for array in arrays:
        form = outputs_in(array) and f"{array.dtype.descr}" or array.dtype.name
        digest.update(f"{form} {'x'.join(map(str, array.shape))};".encode())
        if stamped and isinstance(array, Rows) and not array.place.temporary:
            digest.update(array.stamp.encode("utf-8", "surrogateescape"))
            continue
        for part in chunks(array):
            part = np.ascontiguousarray(part, dtype=part.dtype.newbyteorder("<"))
            digest.update(part.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def make_dataset(
    name: str,
    x: Any,
    y: Any,
    *,
    test_x: Any = None,
    test_y: Any = None,
    validation_x: Any = None,
    validation_y: Any = None,
    weights: Any = None,
    test_weights: Any = None,
    validation_weights: Any = None,
    classes: Optional[Sequence[Any]] = None,
    value_range: Optional[Tuple[float, float]] = None,
    feature_names: Sequence[str] = (),
    keys: Sequence[str] = KEYS,
    task: str = AUTO,
    notes: Sequence[str] = (),
    columns: Sequence[Column] = (),
) -> Dataset:
    """Check arrays and make a :class:`Dataset` of them.

    Args:
        name: what it is called; messages add it to the name of the array.
        x: samples, (N, F), (N, time, channels), (N, H, W) or (N, H, W, C): see
            :mod:`vaiopt.data.kinds`; a data frame; or of several inputs a dictionary of arrays.
        y: labels, (N, ...), as the task takes them: class numbers or names (N,), one-hot rows,
            rows of zeros and ones, quantities, masks (N, H, W), images.
        test_x: samples of a given test set, with ``test_y`` their labels.
        validation_x: samples of a given validation set, with ``validation_y`` their labels.
        weights: how much each sample counts in the loss, (N,), from 0; of the given sets
            ``test_weights`` and ``validation_weights``.
        classes: names of the outputs: of classes in the order of their numbers, of labels,
            quantities or channels.
        value_range: lowest and highest raw value that images can take.
        feature_names: names of the columns of a table.
        keys: what x, y, test_x, test_y, validation_x, validation_y are called in messages.
        task: what is to be learned, a name of :data:`vaiopt.tasks.TASKS`, which decides what labels
            may be; ``auto`` tells it by ``y``, with a note.
        notes: what a person should know of how it was loaded.
        columns: how the columns of a table were turned into numbers.

    Raises:
        DataError: anything about them that cannot be used; the array is named.
    """
    sets = (
        Samples(x, y, weights),
        Samples(test_x, test_y, test_weights),
        Samples(validation_x, validation_y, validation_weights),
    )
    made = _checked_sets(name, sets, (*keys, *KEYS[len(keys) :]), classes, task)
    if value_range is None and made.x.dtype == np.uint8 and _is_bool(x):
        value_range = (0.0, 1.0)
    return replace(
        made,
        value_range=None if value_range is None else _check_value_range(value_range, name),
        feature_names=_check_feature_names(feature_names, made, name),
        notes=(*notes, *made.notes),
        columns=(*columns, *made.columns),
    )


def _is_bool(x: Any) -> bool:
    given = x.place.stored if isinstance(x, Rows) else np.asarray(x).dtype
    return bool(np.dtype(given) == np.bool_)


def _checked_sets(
    name: str,
    sets: Sequence[Samples],
    keys: Sequence[str],
    classes: Optional[Sequence[Any]],
    task: str,
) -> Dataset:
    """Return a dataset of its samples, and of a test and validation set if they have labels."""
    all_called = [f"{key} of '{name}'" for key in keys]
    for i in (1, 2):
        _check_pair(sets[i], all_called[2 * i : 2 * i + 2], keys[2 * i : 2 * i + 2])
    there = [i for i, given in enumerate(sets) if i == 0 or given.y is not None]
    called = [label for i in there for label in all_called[2 * i : 2 * i + 2]]
    given, inputs = joined_sets(
        [sets[i].x for i in there], called[::2], [keys[2 * i] for i in there]
    )
    frames = Frames(given, f"'{name}'")
    samples = [check_features(x, all_called[2 * i]) for i, x in zip(there, frames.arrays)]
    task, why = task_of_labels(task, samples[0].shape, sets[0].y, classes)
    known = task_of(task)
    check_task(known, inputs)
    if samples[0].ndim == 3 and (known.like_samples or is_grey(samples[0])):
        samples = [reshaped(x, (*x.shape[1:], 1)) if x.ndim == 3 else x for x in samples]
    numbers, names = known.check_labels([sets[i].y for i in there], called[1::2], classes)
    _check_alike(known, samples, numbers, called)
    if len({array.dtype for array in samples}) > 1:
        samples = [array.astype(np.float32) for array in samples]
    fields: Dict[str, Any] = {}
    for i, x, y in zip(there, samples, numbers):
        weights = check_weights(sets[i].weights, len(y), all_called[2 * i])
        prefix = ("", "test_", "validation_")[i]
        fields.update({f"{prefix}x": x, f"{prefix}y": y, f"{prefix}weights": weights})
    return Dataset(
        name=name,
        classes=names,
        feature_names=frames.feature_names,
        task=known.name,
        notes=(*frames.notes, *told_task(known, why)),
        columns=frames.columns,
        inputs=inputs,
        **fields,
    )


def _check_pair(given: Samples, called: Sequence[str], keys: Sequence[str]) -> None:
    """Check that a given set has both samples and labels, or neither."""
    if (given.x is None) != (given.y is None):
        lone, other = (0, 1) if given.y is None else (1, 0)
        raise DataError(f"there is {called[lone]} but no {keys[other]}", "Give both or neither.")
    if given.x is None and given.weights is not None:
        raise DataError(f"there are weights of {called[0]} but no {keys[0]}", "Leave them out.")


def _check_alike(
    task: Task,
    samples: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    called: Sequence[str],
) -> None:
    """Check that each set has a label for each sample, that both go together, and that all have
    samples of one shape.
    """
    for i, (array, own) in enumerate(zip(samples, labels)):
        if len(array) != len(own):
            raise DataError(
                f"{called[2 * i]} has {len(array)} samples, but {called[2 * i + 1]} has"
                f" {len(own)} labels",
                "Give one label per sample.",
            )
        if array.shape[1:] != samples[0].shape[1:]:
            raise DataError(
                f"a sample of {called[0]} has shape {samples[0].shape[1:]}, of {called[2 * i]}"
                f" {array.shape[1:]}",
                "Give all sets samples of the same shape.",
            )
        if own.shape[1:] != labels[0].shape[1:]:
            raise DataError(
                f"a label of {called[1]} has shape {labels[0].shape[1:]}, of {called[2 * i + 1]}"
                f" {own.shape[1:]}",
                "Give all sets labels of the same shape.",
            )
        task.check_samples(array, own, called[2 * i : 2 * i + 2])


def _check_value_range(value_range: Sequence[float], name: str) -> Tuple[float, float]:
    try:
        low, high = (float(v) for v in value_range)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not (low < high and np.isfinite(high - low)):
        raise DataError(
            f"value_range of '{name}' is {value_range!r}",
            "Give the lowest and the highest raw value: (0, 255).",
        )
    return low, high


def _check_feature_names(feature_names: Sequence[str], made: Dataset, name: str) -> Tuple[str, ...]:
    """Return the names of the columns, those that were found unless others are given."""
    names, x = tuple(str(n) for n in feature_names) or made.feature_names, made.x
    if names and (x.ndim != 2 or len(names) != x.shape[1]):
        raise DataError(
            f"'{name}' has {len(names)} feature names for samples of shape {x.shape[1:]}",
            "Give one name per column of a table.",
        )
    return names
