"""What a person calls a sample: its file, its line, or its place in the data."""

from __future__ import annotations

from typing import Dict, Sequence

from vaiopt.data.paths import find_path
from vaiopt.data.sources.table_file import ENDINGS
from vaiopt.data.splits import Splits


def names_of_test(splits: Splits, places: Sequence[int]) -> Dict[int, str]:
    """Return names of test samples, by their place in the test split; none where the data have no
    files or lines, or these are not here any more.

    Args:
        splits: of a run, loaded from its recipe. places: in the test split.
    """
    dataset = splits.test.dataset
    if dataset.request is None:
        return {}
    indices = splits.test.indices
    if dataset.files is not None:
        names = dataset.files.names
        known = len(names) == len(dataset)
        return {i: names[int(indices[i])] for i in places} if known else {}
    path, _ = find_path(dataset.request.source, dataset.request.base)
    is_table = path is not None and path.name.lower().endswith(ENDINGS)
    if is_table and not dataset.request.limit:
        return {i: f"line {int(indices[i]) + 2}" for i in places}  # the first has the names
    return {}
