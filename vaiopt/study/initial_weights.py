"""How a model's weights were distributed before it was trained: a histogram of each tensor, kept in
a small file beside the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np

from vaiopt.errors import RunError
from vaiopt.files import FORMAT_VERSION, PathLike, atomic_path, check_version, read_arrays

BINS = 64
ENOUGH = 40
"""Values a bin, on average, from which its height is more than noise."""
NUMBERS = ("low", "high", "mean", "deviation")
LARGEST = 1e39
"""Above every float32."""
MOST = 100000
"""Values of a tensor that are looked at, evenly taken: enough for a histogram, and quick for a
large layer.
"""


@dataclass(frozen=True)
class Histogram:
    """The values of one tensor.

    Attributes:
        low, high: the least and the largest value. mean, deviation: of all values.
        counts: int64 (:data:`BINS`,), values in equal bins from ``low`` to ``high``; all in the
            first where these are the same.
    """

    low: float
    high: float
    mean: float
    deviation: float
    counts: np.ndarray

    def density(self) -> Tuple[np.ndarray, np.ndarray]:
        """Return edges (n + 1,) and the probability density between them (n,); neighbouring bins
        are joined where values are few.

        Nothing is returned for a constant: empty arrays.
        """
        if not self.high > self.low:
            return np.zeros(0), np.zeros(0)
        joined = 1
        while joined < BINS // 8 and self.counts.sum() < ENOUGH * BINS // joined:
            joined *= 2
        counts = self.counts.reshape(-1, joined).sum(axis=1)
        edges = np.linspace(self.low, self.high, len(counts) + 1)
        return edges, counts / (counts.sum() * (edges[1] - edges[0]))


def histograms(model: Any) -> Dict[str, Histogram]:
    """Return the distribution of each weight tensor of a built Keras model, by its name as it
    stands in the ``.h5`` file.
    """
    found = zip(model.weights, model.get_weights())
    return {
        str(weight.name): histogram(np.asarray(values))
        for weight, values in found
        if np.size(values)
    }


def histogram(values: np.ndarray) -> Histogram:
    """Return the distribution of the values of a tensor, which has any shape but is not empty."""
    flat = values.ravel()
    flat = flat[:: -(-len(flat) // MOST)].astype(np.float64)
    low, high = float(flat.min()), float(flat.max())
    counts = (
        np.histogram(flat, BINS, (low, high))[0]
        if high > low
        else np.eye(1, BINS, dtype=np.int64)[0] * len(flat)
    )
    return Histogram(low, high, float(flat.mean()), float(flat.std()), counts.astype(np.int64))


def write_initial_weights(path: PathLike, found: Dict[str, Histogram]) -> None:
    """Write histograms by tensor name whole, as ``.npz``: a row of each array for each tensor, and
    the format's ``version``.
    """
    rows = list(found.values())
    numbers = {key: np.array([getattr(row, key) for row in rows], np.float64) for key in NUMBERS}
    counts = np.array([row.counts for row in rows], np.int64).reshape(len(rows), BINS)
    with atomic_path(path) as temporary:
        save: Any = np.savez_compressed  # NumPy's types take no dictionary of arrays
        save(
            str(temporary),
            version=FORMAT_VERSION,
            names=np.array(list(found), dtype="U"),
            counts=counts,
            **numbers,
        )


def read_initial_weights(path: PathLike, command: str) -> Dict[str, Histogram]:
    """Read what :func:`write_initial_weights` wrote.

    Raises:
        RunError: it is damaged or of another version; the hint names the ``command`` that makes it.
    """
    file = read_arrays(path, ("version", "names", *NUMBERS, "counts"), command)
    problem = _problem(file)
    if problem:
        raise RunError(f"'{path}' is damaged ({problem})", f"Make it again with: {command}")
    check_version(int(file["version"]), path, command)
    columns: List[np.ndarray] = [file[key] for key in NUMBERS]
    rows = zip(file["names"].tolist(), *[column.tolist() for column in columns], file["counts"])
    return {name: Histogram(*numbers) for name, *numbers in rows}


def _problem(file: Mapping[str, np.ndarray]) -> str:
    """Return what is wrong with the arrays; empty if nothing is."""
    count = file["names"].size
    wanted = {"version": ("i", ()), "names": ("U", (count,)), "counts": ("i", (count, BINS))}
    for name, array in file.items():
        kind, shape = wanted.get(name, ("f", (count,)))
        if array.dtype.kind != kind or array.shape != shape:
            return f"'{name}' is {array.dtype} of shape {array.shape}"
        if kind == "f" and not np.all(np.abs(array) < LARGEST):
            return f"'{name}' holds numbers that no weight has"
    wrong = np.any(file["counts"] < 0) or np.any(file["counts"].sum(axis=1) < 1)
    return "'counts' are none" if wrong else ""
