"""A dataset as it was loaded, before splitting and preprocessing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Iterable, Optional, Sequence, Tuple

import numpy as np

from vaiopt.data.features import check_features
from vaiopt.data.stratify import is_whole, stratified_subset
from vaiopt.errors import DataError
from vaiopt.tasks import task_of


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
    """

    source: str
    limit: int = 0
    seed: int = 0
    image_size: Tuple[int, ...] = ()
    grayscale: bool = False
    base: str = ""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Raw samples and their classes. Make one with :func:`make_dataset`, which checks it.

    Attributes:
        name: what it is called in messages and reports.
        x: raw samples, uint8 or float32: images (N, H, W, C) or tables (N, F).
        y: class numbers, int64 (N,).
        classes: the class names in the order of their numbers.
        test_x: raw samples of a test set that came with the data (None if there is none), of the
            type and shape of ``x``.
        test_y: their class numbers.
        value_range: (lowest, highest) raw value that images can take, where that is known and is
            not the 0 to 255 of uint8.
        feature_names: names of the columns of a table, () if unknown.
        fingerprint: SHA-256 of what was loaded, "" to compute it from the arrays; see
            :meth:`sha256`.
        request: how it was loaded, None for arrays that were made in memory.
        task: what is learned of it, a name of :data:`vaiopt.tasks.TASKS`.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    classes: Tuple[str, ...]
    test_x: Optional[np.ndarray] = None
    test_y: Optional[np.ndarray] = None
    value_range: Optional[Tuple[float, float]] = None
    feature_names: Tuple[str, ...] = ()
    fingerprint: str = ""
    request: Optional[Request] = None
    task: str = "classification"

    def __len__(self) -> int:
        """All samples, those of a given test set included."""
        return len(self.y) + (0 if self.test_y is None else len(self.test_y))

    @property
    def sample_shape(self) -> Tuple[int, ...]:
        """Shape of one sample: (H, W, C) or (F,)."""
        return tuple(int(n) for n in self.x.shape[1:])

    @property
    def is_image(self) -> bool:
        """Whether the samples are images."""
        return self.x.ndim == 4

    @property
    def all_y(self) -> np.ndarray:
        """Class numbers of all samples, int64: ``y``, then ``test_y``. Splits count so."""
        return self.y if self.test_y is None else np.concatenate([self.y, self.test_y])

    def gather(self, indices: np.ndarray) -> np.ndarray:
        """Return a copy of the raw samples with these indices, which count as in :attr:`all_y`."""
        if self.test_x is None:
            return np.asarray(self.x[indices])
        given = indices >= len(self.y)
        result = np.empty((len(indices),) + self.sample_shape, dtype=self.x.dtype)
        result[~given] = self.x[indices[~given]]
        result[given] = self.test_x[indices[given] - len(self.y)]
        return result

    def sha256(self) -> str:
        """Return the SHA-256 that tells whether data is still the same, as hex digits.

        It is that of the arrays as they were loaded and limited, before images are resized or
        turned grey, or of the image files of a folder: what an image library makes of a file may
        differ in the last bit between its versions, the file does not.
        """
        arrays = [self.x, self.y, self.test_x, self.test_y]
        return self.fingerprint or arrays_sha256(array for array in arrays if array is not None)


def arrays_sha256(arrays: Iterable[np.ndarray]) -> str:
    """Return the SHA-256 over type, shape and little-endian bytes of the arrays, as hex digits."""
    digest = hashlib.sha256()
    for array in arrays:
        array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{array.dtype.name} {'x'.join(map(str, array.shape))};".encode("ascii"))
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def make_dataset(
    name: str,
    x: Any,
    y: Any,
    *,
    test_x: Any = None,
    test_y: Any = None,
    classes: Optional[Sequence[Any]] = None,
    value_range: Optional[Tuple[float, float]] = None,
    feature_names: Sequence[str] = (),
    keys: Tuple[str, str, str, str] = ("x", "y", "x_test", "y_test"),
    task: str = "classification",
) -> Dataset:
    """Check arrays and make a :class:`Dataset` of them.

    Args:
        name: what it is called; messages add it to the name of the array.
        x: samples, (N, F), (N, H, W) or (N, H, W, C); any real type.
        y: labels, (N,) or (N, 1): class numbers or names; or one-hot rows (N, classes).
        test_x: samples of a given test set, with ``test_y`` their labels.
        classes: class names in the order of their numbers.
        value_range: lowest and highest raw value that images can take.
        feature_names: names of the columns of a table.
        keys: what x, y, test_x, test_y are called in messages.
        task: what is to be learned, a name of :data:`vaiopt.tasks.TASKS`; it decides what labels
            may be.

    Raises:
        DataError: anything about them that cannot be used; the array is named.
    """
    called = [f"{key} of '{name}'" for key in keys]
    if (test_x is None) != (test_y is None):
        lone, other = (2, 3) if test_y is None else (3, 2)
        raise DataError(f"there is {called[lone]} but no {keys[other]}", "Give both or neither.")
    given = [x] if test_x is None else [x, test_x]
    samples = [check_features(array, label) for array, label in zip(given, called[::2])]
    found = [y] if test_y is None else [y, test_y]
    numbers, names = task_of(task).check_labels(found, called[1::2], classes)
    _check_alike(samples, numbers, called)
    if samples[0].dtype != samples[-1].dtype:
        samples = [array.astype(np.float32) for array in samples]
    if value_range is None and samples[0].dtype == np.uint8 and np.asarray(x).dtype == np.bool_:
        value_range = (0.0, 1.0)
    return Dataset(
        name=name,
        x=samples[0],
        y=numbers[0],
        classes=names,
        test_x=samples[1] if len(samples) == 2 else None,
        test_y=numbers[1] if len(samples) == 2 else None,
        value_range=None if value_range is None else _check_value_range(value_range, name),
        feature_names=_check_feature_names(feature_names, samples[0], name),
        task=task,
    )


def _check_alike(
    samples: Sequence[np.ndarray], labels: Sequence[np.ndarray], called: Sequence[str]
) -> None:
    """Check that each set has a label for each sample, and that both have samples of one shape."""
    for i, (array, own) in enumerate(zip(samples, labels)):
        if len(array) != len(own):
            raise DataError(
                f"{called[2 * i]} has {len(array)} samples, but {called[2 * i + 1]} has"
                f" {len(own)} labels",
                "Give one label per sample.",
            )
    shapes = [array.shape[1:] for array in samples]
    if shapes[0] != shapes[-1]:
        raise DataError(
            f"a sample of {called[0]} has shape {shapes[0]}, of {called[2]} {shapes[1]}",
            "Give training and test samples of the same shape.",
        )


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


def _check_feature_names(feature_names: Sequence[str], x: np.ndarray, name: str) -> Tuple[str, ...]:
    names = tuple(str(n) for n in feature_names)
    if names and (x.ndim != 2 or len(names) != x.shape[1]):
        raise DataError(
            f"'{name}' has {len(names)} feature names for samples of shape {x.shape[1:]}",
            "Give one name per column of a table.",
        )
    return names


def check_limit(limit: int) -> int:
    """Return the limit; raise :class:`DataError` unless it is a whole number from 0."""
    if not is_whole(limit, 0):
        raise DataError(f"data.limit is {limit!r}", "Give how many samples to use, 0 for all.")
    return int(limit)


def limit_dataset(dataset: Dataset, limit: int, seed: int) -> Dataset:
    """Keep ``limit`` samples, the classes in their shares, the order as it was; with 0, or no more
    samples than that, keep all.

    A given test set keeps its share of the limit. The samples kept for one limit are among those
    kept for any larger one.

    Raises:
        DataError: the limit is not a whole number from 0, or so small that a class disappears.
    """
    limit = check_limit(limit)
    total = len(dataset)
    if limit == 0 or limit >= total:
        return dataset
    of_test = 0 if dataset.test_y is None else len(dataset.test_y)
    for_test = max(1, (2 * limit * of_test + total) // (2 * total)) if of_test else 0
    kept = stratified_subset(dataset.y, limit - for_test, seed)
    missing = set(range(len(dataset.classes))) - set(dataset.y[kept].tolist())
    if missing:
        raise DataError(
            f"data.limit = {limit} leaves class '{dataset.classes[min(missing)]}' of"
            f" '{dataset.name}' without a sample",
            f"Raise data.limit, or set it to 0 to use all {total} samples.",
        )
    limited = replace(dataset, x=dataset.x[kept], y=dataset.y[kept], fingerprint="")
    if dataset.test_y is None or dataset.test_x is None:
        return limited
    kept = stratified_subset(dataset.test_y, for_test, seed)
    return replace(limited, test_x=dataset.test_x[kept], test_y=dataset.test_y[kept])
