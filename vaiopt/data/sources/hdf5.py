"""Arrays in an HDF5 file, by the names that an ``.npz`` file has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, Optional

import numpy as np

from vaiopt import memory
from vaiopt.data.dataset import Dataset, Request
from vaiopt.data.rows import CHUNK, Place, Rows
from vaiopt.data.sources.arrays import Known, dataset_of, holds_samples
from vaiopt.data.sources.source import Source
from vaiopt.data.store import scratch
from vaiopt.errors import DataError, MissingToolError, ModelError
from vaiopt.network.hdf5 import open_hdf5

SUFFIXES = (".h5", ".hdf5", ".hdf")

HINT = "Give an HDF5 file with the data sets x and y: h5py.File('data.h5', 'w')['x'] = x."


def load_hdf5(request: Request, path: Path) -> Dataset:
    """Load a dataset from an HDF5 file, whose data sets ``x``, ``y`` and so on are called as the
    arrays of :mod:`vaiopt.data.sources.arrays`.

    Samples that are large stay in the file; those that are packed or lie there in pieces are copied
    to a temporary file first.

    Raises:
        DataError: it cannot be read, takes something from another file, a data set is missing, or
            cannot be used.
        MissingToolError: h5py is not installed, which comes with TensorFlow.
    """
    try:
        with open_hdf5(path) as file:
            arrays = _arrays(file, path, request.in_memory_mb * 10**6)
    except ImportError as error:
        raise MissingToolError(
            f"h5py cannot be imported ({error}); it reads HDF5 files", "pip install h5py"
        ) from error
    except ModelError as error:
        raise DataError(error.message, HINT) from error
    except (OSError, RuntimeError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"'{path}' cannot be read ({type(error).__name__}: {error})",
            "The file is damaged or incomplete: copy or write it again.",
        ) from error
    return dataset_of(path.name, arrays, f"'{path}'", request.task)


def _arrays(file: Any, path: Path, most: float) -> Dict[str, Any]:
    """Return the arrays by name; None for those that are not used."""
    found: Dict[str, Any] = dict.fromkeys(file)
    known = Known(found)
    sets = {name: file[name] for name in found if name in known}
    for name, data in sets.items():
        if not hasattr(data, "dtype"):
            raise DataError(f"'{name}' of '{path}' is a group, no data set", HINT)
    small = {n: data for n, data in sets.items() if not _is_large(n, data, most)}
    reason = memory.shortage(sum(_size(data) for data in small.values()))
    if reason:
        raise DataError(
            f"'{path}' does not fit into memory ({reason})",
            "Save fewer or smaller samples, pixels as uint8, or use more memory.",
        )
    for name, data in sets.items():
        found[name] = _whole(data) if name in small else _rows(data, path)
    return found


def _size(data: Any) -> int:
    return int(np.prod(data.shape, dtype=np.int64)) * int(data.dtype.itemsize)


def _is_large(name: str, data: Any, most: float) -> bool:
    is_number = data.dtype.kind in "biuf" and len(data.shape) > 1
    return is_number and holds_samples(name) and _size(data) > most


def _whole(data: Any) -> np.ndarray:
    """Return a data set; texts, which HDF5 has as bytes, as texts."""
    array = np.asarray(data[()])
    if array.dtype.kind not in "OS":
        return array
    texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in array.ravel()]
    return np.asarray(texts).reshape(array.shape)


def _rows(data: Any, path: Path) -> Rows:
    """Return samples that stay in the file, or go to a temporary one."""
    offset = data.id.get_offset()
    if data.chunks is None and offset is not None:
        return Rows(Place(str(path), int(offset), tuple(data.shape), data.dtype.str))
    return scratch().append_parts(_parts(data), tuple(data.shape[1:]), data.dtype)


def _parts(data: Any) -> Iterator[np.ndarray]:
    row = max(1, _size(data) // max(1, data.shape[0]))
    step = max(1, CHUNK // row)
    if data.chunks:  # whole pieces: each is unpacked once
        step = max(data.chunks[0], step - step % data.chunks[0])
    for start in range(0, data.shape[0], step):
        yield data[start : start + step]


def _matches(text: str, path: Optional[Path]) -> bool:
    return path is not None and path.suffix.lower() in SUFFIXES


SOURCE = Source("FILE.h5", _matches, load_hdf5)
