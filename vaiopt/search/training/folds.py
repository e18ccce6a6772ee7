"""k-fold cross-validation: the training and validation samples of a split, dealt anew k times."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Mapping, Sequence

import numpy as np

from vaiopt.data import Splits
from vaiopt.errors import DataError
from vaiopt.search.training.fit import entry_metrics


def fold_splits(splits: Splits, folds: int, seed: int) -> List[Splits]:
    """Return k splits. Every sample of train and validation is validated on in exactly one; the
    test part is in none, and stays.

    Args:
        splits: the regular split.
        folds: k, 2 or more. Each fold holds the classes in their shares, to one sample.
        seed: of the dealing.

    Raises:
        DataError: a class has fewer samples than there are folds.
    """
    indices = np.concatenate([splits.train.indices, splits.validation.indices])
    strata = splits.task.strata(splits.dataset.all_y[indices])
    named = splits.dataset.strata_names(strata)
    random = np.random.RandomState(seed)
    fold = np.empty(len(indices), dtype=np.int64)
    start = 0
    for number, name in enumerate(named):
        members = np.flatnonzero(strata == number)
        if len(members) < folds:
            raise DataError(
                f"{name} has {len(members)} samples, fewer than train.folds = {folds}",
                "Take fewer folds, or more data.",
            )
        # Each class goes on dealing where the one before stopped, so that the folds have one size.
        fold[random.permutation(members)] = (start + np.arange(len(members))) % folds
        start += len(members)
    order = random.permutation(len(indices))
    indices, fold = indices[order], fold[order]
    return [
        replace(
            splits,
            train=replace(splits.train, indices=indices[fold != number]),
            validation=replace(splits.validation, indices=indices[fold == number]),
        )
        for number in range(folds)
    ]


def mean_metrics(entries: Sequence[Mapping[str, float]]) -> Dict[str, float]:
    """Return the mean over several trainings of the metrics that each came to, and the standard
    deviation of the validation metrics as ``<name>_std``.
    """
    first, *others = map(entry_metrics, entries)
    shared = [name for name in first if all(name in entry for entry in others)]
    values = {name: [entry[name] for entry in (first, *others)] for name in shared}
    found = {name: float(np.mean(of)) for name, of in values.items()}
    spread = {n + "_std": float(np.std(of)) for n, of in values.items() if n.startswith("val_")}
    return {**found, **spread}


def mean_curve(curves: Sequence[Sequence[Dict[str, float]]]) -> List[Dict[str, float]]:
    """Return the mean learning curve, as long as the shortest; ``seconds`` is the sum."""
    result = []
    for entries in zip(*curves):
        names = [name for name in entries[0] if all(name in entry for entry in entries)]
        mean = {name: float(np.mean([entry[name] for entry in entries])) for name in names}
        result.append({**mean, "seconds": float(sum(entry["seconds"] for entry in entries))})
    return result
