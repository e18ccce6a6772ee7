"""Arrays in ``.npy`` files, one each: samples in ``x.npy``, labels in ``y.npy`` beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Optional

from vaiopt import npz
from vaiopt.data.dataset import Dataset, Request
from vaiopt.data.rows import Place, Rows
from vaiopt.data.sources.arrays import KNOWN, NAMES_OF_SAMPLES, TRAINING, dataset_of
from vaiopt.data.sources.npz import in_order, npz_errors
from vaiopt.data.sources.source import Source
from vaiopt.errors import DataError

SUFFIX = ".npy"


def load_npy(request: Request, path: Path) -> Dataset:
    """Load a dataset from ``.npy`` files: ``path`` holds the samples, other arrays lie beside it.

    Beside ``x.npy`` (or ``x_train.npy``) are ``y.npy`` (``y_train.npy``), and optionally
    ``x_test.npy`` and the others of :mod:`vaiopt.data.sources.arrays`. What stands before ``x``
    stands before the others, too: ``big_x.npy``, ``big_y.npy``. To a file that is not called so,
    ``big.npy``, belongs ``big_y.npy``.

    Raises:
        DataError: a file cannot be read, there are no labels, or an array cannot be used.
    """
    beside, name = _beside(path)
    files = {name: path, **beside}
    most = request.in_memory_mb * 10**6
    arrays = {key: _read(file, key, most) for key, file in files.items()}
    x, y = next((pair for pair in TRAINING if pair[0] == name.lower()), TRAINING[0])
    if y not in {key.lower() for key in arrays}:
        labels = f"{path.name[: -len(SUFFIX)]}_y" if name == x == path.stem else y
        raise DataError(
            f"beside '{path}' are no labels",
            f"Save them with numpy.save('{_prefix(path)}{labels}.npy', y).",
        )
    return dataset_of(path.name, arrays, f"'{path}'", request.task)


def _sample_name(stem: str) -> str:
    """Return the name of an array of training samples that the name of a file ends with."""
    names = sorted((x for x, _ in TRAINING), key=len, reverse=True)
    found = next((name for name in names if stem.lower().endswith(name)), "")
    before = stem[: len(stem) - len(found)]
    return stem[len(before) :] if found and (not before or before[-1] in "_-.") else ""


def _prefix(path: Path) -> str:
    """Return what the names of the files of one dataset begin with."""
    name = _sample_name(path.stem)
    return path.stem[: -len(name)] if name else f"{path.stem}_"


def _beside(path: Path) -> Any:
    """Return the files of the other arrays by their names, and the name of this one."""
    prefix, own = _prefix(path), _sample_name(path.stem) or TRAINING[0][0]
    found: Dict[str, Path] = {}
    for file in sorted(path.parent.iterdir()):
        key = file.stem[len(prefix) :]
        is_one = file.suffix == SUFFIX and file.stem.startswith(prefix) and key.lower() in KNOWN
        if is_one and file != path:
            found[key] = file
    return found, own


def _read(path: Path, name: str, most: float) -> Any:
    """Return an array; samples of more than ``most`` bytes as they are in the file."""
    with npz_errors(path):
        found = npz.look_at(path, ()).get("")
        if found is None:
            raise DataError(f"'{path}' is no .npy file", "Save it with numpy.save('x.npy', x).")
        if name.lower() in NAMES_OF_SAMPLES and found.size > most and in_order(found):
            return Rows(Place(str(path), found.start, found.shape, found.dtype))
        return npz.load_npy(path)


def _matches(text: str, path: Optional[Path]) -> bool:
    return path is not None and path.suffix.lower() == SUFFIX


SOURCE = Source("FILE.npy", _matches, load_npy)
