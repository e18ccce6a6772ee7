"""Arrays in an ``.npz`` file, named ``x, y[, x_val, y_val][, x_test, y_test]`` or as Keras does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Optional

from vaiopt import npz
from vaiopt.data.dataset import Dataset, Request
from vaiopt.data.sources.arrays import Known, dataset_of
from vaiopt.data.sources.source import Source
from vaiopt.errors import DataError
from vaiopt.tasks import AUTO


def load_npz(path: Path, name: Optional[str] = None, task: str = AUTO) -> Dataset:
    """Load a dataset from an ``.npz`` file.

    It holds ``x`` and ``y`` (or ``x_train`` and ``y_train``), and optionally ``x_test`` and
    ``y_test``, ``x_val`` and ``y_val``, ``sample_weight``, and ``classes``, the class names; see
    :mod:`vaiopt.data.sources.arrays`. Pickled objects are never read.

    Args:
        path: the file.
        name: what the dataset is called; by default the file's name.
        task: what is learned; ``auto`` tells it by the arrays.

    Raises:
        DataError: it cannot be read, an array is missing, or an array cannot be used.
    """
    return dataset_of(name or path.name, _read(path), f"'{path}'", task)


def _matches(text: str, path: Optional[Path]) -> bool:
    return path is not None and path.suffix.lower() == ".npz"


def _load(request: Request, path: Path) -> Dataset:
    return load_npz(path, task=request.task)


SOURCE = Source("FILE.npz", _matches, _load)


def _read(path: Path) -> Dict[str, Any]:
    try:
        return npz.load_npz(path, Known())
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
