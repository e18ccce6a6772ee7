"""Some of a dataset's samples, where fewer are wanted than there are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional

import numpy as np

from vaiopt.data.dataset import Dataset, Samples
from vaiopt.data.rows import chosen
from vaiopt.data.stratify import is_whole, stratified_subset
from vaiopt.errors import DataError
from vaiopt.tasks import task_of


def check_limit(limit: int) -> int:
    """Return the limit; raise :class:`DataError` unless it is a whole number from 0."""
    if not is_whole(limit, 0):
        raise DataError(f"data.limit is {limit!r}", "Give how many samples to use, 0 for all.")
    return int(limit)


def limit_dataset(dataset: Dataset, limit: int, seed: int) -> Dataset:
    """Keep ``limit`` samples, the classes in their shares, the order as it was; with 0, or no more
    samples than that, keep all.

    Given test and validation sets keep their shares of the limit. The samples kept for one limit
    are among those kept for any larger one.

    Raises:
        DataError: the limit is not a whole number from 0, or so small that a class disappears.
    """
    limit = check_limit(limit)
    total = len(dataset)
    if limit == 0 or limit >= total:
        return dataset
    for_test, for_validation = (
        _share(limit, given, total) for given in (dataset.test, dataset.validation)
    )
    strata = task_of(dataset.task).strata
    own = strata(dataset.y)
    kept = stratified_subset(own, limit - for_test - for_validation, seed)
    missing = set(own.tolist()) - set(own[kept].tolist())
    if missing:
        raise DataError(
            f"data.limit = {limit} leaves {dataset.strata_names(own)[min(missing)]} of"
            f" '{dataset.name}' without a sample",
            f"Raise data.limit, or set it to 0 to use all {total} samples.",
        )
    limited = replace(dataset, fingerprint="", **_taken("", dataset.sets[0], kept))
    for prefix, given, count in (
        ("test_", dataset.test, for_test),
        ("validation_", dataset.validation, for_validation),
    ):
        if given is not None:
            kept = stratified_subset(strata(given.y), count, seed)
            limited = replace(limited, **_taken(prefix, given, kept))
    return limited


def _share(limit: int, given: Optional[Samples], total: int) -> int:
    """Return how many samples of a given set a limit keeps: its share, and at least one."""
    return max(1, (2 * limit * len(given.y) + total) // (2 * total)) if given is not None else 0


def _taken(prefix: str, given: Samples, kept: np.ndarray) -> Dict[str, Any]:
    """Return the fields of a dataset, of which only some samples are kept."""
    of_weights = None if given.weights is None else given.weights[kept]
    names = (f"{prefix}x", f"{prefix}y", f"{prefix}weights")
    return dict(zip(names, (chosen(given.x, kept), given.y[kept], of_weights)))
