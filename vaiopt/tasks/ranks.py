"""The area under the ROC curve, by ranks."""

from __future__ import annotations

import numpy as np


def auc(values: np.ndarray, y: np.ndarray) -> float:
    """Return the area under the ROC curve of values (n,) for labels 0 and 1 (n,): how often one of
    label 1 is above one of label 0, ties counted half (Mann and Whitney's U). 0.5 without both.
    """
    positive = y == 1
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return 0.5
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    upto = np.cumsum(counts)
    ranks = (upto - (counts - 1) / 2.0)[place.reshape(-1)]
    return float((ranks[positive].sum() - count * (count + 1) / 2.0) / (count * others))
