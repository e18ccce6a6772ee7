"""A column of a table that says which lines are given for what: training, validation or test."""

from __future__ import annotations

from typing import Dict, List, Optional

import numpy as np

from vaiopt.data.sources.layout import GIVEN, TRAIN
from vaiopt.errors import DataError

SPLIT = ("split", "subset", "set", "usage", "partition")
"""Names, in small letters, of such a column."""


def given_parts(
    columns: Dict[str, List[Optional[str]]], where: str, strict: bool = True
) -> np.ndarray:
    """Take out the column that says what lines are given for, if there is one; return the first
    letters of the fields of each one's set, (N,).

    Args:
        columns: cells by name.
        where: what holds them.
        strict: whether a column of such a name with other words too is a mistake, rather than a
            feature that is called so.

    Raises:
        DataError: it is one, or no line is for training.
    """
    size = len(next(iter(columns.values()), ()))
    known: Dict[str, str] = dict.fromkeys(TRAIN, "")
    known.update((word, prefix) for prefix, words in GIVEN.items() for word in words)
    for name in [name for name in columns if name.lower() in SPLIT]:
        words = [str(cell).lower() for cell in columns[name]]
        others = set(words) - set(known)
        if others == set(words) or (others and not strict):
            continue  # called so, and something else
        other = next((word for word in words if word not in known), None)
        if other is not None:
            raise DataError(
                f"column '{name}' of {where} holds '{other}'",
                "Write train, val or test into each line.",
            )
        if not any(known[word] == "" for word in words):
            raise DataError(f"column '{name}' of {where} has no line of 'train'", "Add some.")
        del columns[name]
        return np.asarray([known[word] for word in words])
    return np.full(size, "", dtype="<U11")
