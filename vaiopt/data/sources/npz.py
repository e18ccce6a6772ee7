"""Arrays in an ``.npz`` file, named ``x, y[, x_val, y_val][, x_test, y_test]`` or as Keras does."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Container, Dict, Iterator, Optional

import numpy as np

from vaiopt import npz
from vaiopt.data.dataset import IN_MEMORY_MB, Dataset, Request
from vaiopt.data.rows import Place, Rows
from vaiopt.data.sources.arrays import Known, dataset_of, holds_samples
from vaiopt.data.sources.source import Source
from vaiopt.errors import DataError
from vaiopt.tasks import AUTO


def load_npz(
    path: Path,
    name: Optional[str] = None,
    task: str = AUTO,
    in_memory_mb: float = IN_MEMORY_MB,
) -> Dataset:
    """Load a dataset from an ``.npz`` file.

    It holds ``x`` and ``y`` (or ``x_train`` and ``y_train``), and optionally ``x_test`` and
    ``y_test``, ``x_val`` and ``y_val``, ``sample_weight``, and ``classes``, the class names; see
    :mod:`vaiopt.data.sources.arrays`. Pickled objects are never read.

    Args:
        path: the file.
        name: what the dataset is called; by default the file's name.
        task: what is learned; ``auto`` tells it by the arrays.
        in_memory_mb: arrays of samples of more megabytes stay in the file, unless they are packed.

    Raises:
        DataError: it cannot be read, an array is missing, or an array cannot be used.
    """
    arrays = _read(path, in_memory_mb * 10**6)
    return dataset_of(name or path.name, arrays, f"'{path}'", task)


def _matches(text: str, path: Optional[Path]) -> bool:
    return path is not None and path.suffix.lower() == ".npz"


def _load(request: Request, path: Path) -> Dataset:
    return load_npz(path, task=request.task, in_memory_mb=request.in_memory_mb)


SOURCE = Source("FILE.npz", _matches, _load)


class _Without:
    """Whether the name of an array says what it holds, but for some."""

    def __init__(self, known: Container[str], left_out: Container[str] = ()) -> None:
        self._known = known
        self._left_out = left_out

    def __contains__(self, name: object) -> bool:
        return name in self._known and name not in self._left_out


class _Samples:
    """Whether an array holds samples, by its name."""

    def __init__(self, known: Container[str]) -> None:
        self._known = known

    def __contains__(self, name: object) -> bool:
        return name in self._known and holds_samples(name)


def _read(path: Path, most: float) -> Dict[str, Any]:
    """Return the arrays; those of samples of more than ``most`` bytes as they are in the file."""
    with npz_errors(path):
        known = Known(npz.load_npz(path, ()))  # their names
        rows = {}
        if path.stat().st_size > most:
            rows = {
                name: Rows(Place(str(path), found.start, found.shape, found.dtype))
                for name, found in npz.look_at(path, _Samples(known)).items()
                if found.size > most and in_order(found)
            }
        return {**npz.load_npz(path, _Without(known, rows)), **rows}


def in_order(found: npz.Member) -> bool:
    """Return whether the samples of an array can be read from its file: they lie there one after
    the other, unpacked, and are numbers.
    """
    kind = np.dtype(found.dtype).kind
    return found.start >= 0 and len(found.shape) > 1 and not found.fortran and kind in "biuf"


@contextlib.contextmanager
def npz_errors(path: Path) -> Iterator[None]:
    """While it lasts, raise :class:`DataError` for what is wrong with a file of arrays."""
    try:
        yield
    except npz.NpzError as error:
        where = f"array '{error.array}' of '{path}'" if error.array else f"'{path}'"
        told = {
            "unread": (
                f"{where} cannot be read: {error}",
                "Give an .npz file that you may read: numpy.savez('data.npz', x=x, y=y).",
            ),
            "single": (
                f"{where} holds a single array",
                "Save two arrays: numpy.savez('data.npz', x=x, y=y).",
            ),
            "pickled": (
                f"{where} holds pickled Python objects",
                "Save plain arrays of numbers or text: x.astype('float32'), y.astype(str).",
            ),
            "large": (
                f"{where} does not fit into memory ({error})",
                "Save fewer or smaller samples, pixels as uint8, or use more memory.",
            ),
            "damaged": (
                f"{where} cannot be read ({error})",
                "The file is damaged or incomplete: copy or save it again.",
            ),
        }
        message, hint = told[error.kind]
        raise DataError(message, hint) from error
