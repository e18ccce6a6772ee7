"""Large data are loaded once per machine: the first worker that needs them puts them into a file
that all of them read; see :mod:`vaiopt.data.rows`. Small ones every process keeps by itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from vaiopt import memory
from vaiopt.data.dataset import ARRAYS, SAMPLES, Dataset, Request
from vaiopt.data.inputs import Inputs
from vaiopt.data.left_out import FilesRead
from vaiopt.data.rows import CHANGED, Place, Rows
from vaiopt.data.scratch import Scratch
from vaiopt.data.table import Column
from vaiopt.errors import DataError
from vaiopt.record import Record, part
from vaiopt.tasks.joined import joined, parts_of

MB = 10**6

OF_OUTPUT = ":"
"""Between a field of a dataset and one of several outputs that its labels are of."""


@dataclass(frozen=True)
class StoredArray(Record):
    """An array in a file, as :class:`vaiopt.data.rows.Place` says.

    Attributes:
        path, offset, shape, stored: of the place.
        dtype, sample: type and shape that a sample is given as.
        indices: where the numbers of the samples that count begin, of which there are ``count``; -1
            if all count.
        stamp: of a file of a person's, as of :class:`vaiopt.data.rows.Rows`; "" of ours.
    """

    path: str = part()
    offset: int = part(low=0)
    shape: Tuple[int, ...] = part(low=0)
    stored: str = part()
    dtype: str = part()
    sample: Tuple[int, ...] = part(low=0)
    indices: int = part(-1, low=-1)
    count: int = part(0, low=0)
    stamp: str = part("")

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.path, self.offset, self.shape, self.stored, not self.stamp)


@dataclass(frozen=True)
class StoredData(Record):
    """A dataset whose arrays are in files; its attributes are those of
    :class:`vaiopt.data.Dataset`.
    """

    name: str = part()
    classes: Tuple[str, ...] = part()
    task: str = part()
    fingerprint: str = part()
    arrays: Dict[str, StoredArray] = part()
    value_range: Optional[Tuple[float, float]] = part(None)
    feature_names: Tuple[str, ...] = part(())
    notes: Tuple[str, ...] = part(())
    columns: Tuple[Column, ...] = part(())
    files: Optional[FilesRead] = part(None)
    inputs: Inputs = part(())


class StorePaths(NamedTuple):
    """Where the store of another process is: its two files."""

    data: str
    known: str


class Store:
    """Data that several processes of a machine share.

    Args:
        paths: of the store of another process; without them a new one is made.
    """

    def __init__(self, paths: Optional[StorePaths] = None) -> None:
        data, known = paths or ("", "")
        self.data, self._index = Scratch(data), Scratch(known)
        self.paths = StorePaths(self.data.path, self._index.path)

    def load(self, request: Request, load: Callable[[Request], Dataset]) -> Dataset:
        """Return the data of a request, which the first process that asks loads; the others wait.

        Args:
            request: whose data.
            load: loads them.
        """
        key = repr(replace(request, in_memory_mb=0))
        with self._index.locked() as file:
            known: Dict[str, Any] = json.loads(file.read() or b"{}")
            if key not in known:
                found = load(request)
                large = is_large(found, request)
                known[key] = stored(found, self.data).to_json() if large else None
                file.seek(0)
                file.write(json.dumps(known).encode("utf-8"))
                file.truncate()
                file.flush()
                if not large:
                    return found
                del found
        if known[key] is None:
            return load(request)
        there = StoredData.from_json(known[key])
        return opened(there, self.data.path, request)


_IN_USE: List[Store] = []


def use_store(paths: StorePaths) -> None:
    """Let this process, a worker, share the store of its parent."""
    _IN_USE[:] = [Store(paths)]


def scratch() -> Scratch:
    """Return where this process puts arrays that are too large to be kept in memory."""
    return _IN_USE[0].data if _IN_USE else Scratch()


def load_once(request: Request, load: Callable[[Request], Dataset]) -> Dataset:
    """Return the data of a request; large ones as samples in a file.

    Args:
        request: whose data. load: loads them.
    """
    if _IN_USE:
        return _IN_USE[0].load(request, load)
    found = load(request)
    arrays = [getattr(found, name) for name in SAMPLES]
    in_memory = [x for x in arrays if isinstance(x, np.ndarray)]
    if not in_memory or not is_large(found, request):
        return found
    place = scratch()
    for name in SAMPLES:
        if isinstance(getattr(found, name), np.ndarray):
            rows: Dict[str, Any] = {name: place.append(getattr(found, name))}
            found = replace(found, **rows)
    return found


def is_large(dataset: Dataset, request: Request) -> bool:
    """Return whether the samples of a dataset are more than a process shall keep."""
    arrays = [getattr(dataset, name) for name in SAMPLES]
    return sum(x.nbytes for x in arrays if x is not None) > request.in_memory_mb * MB


def in_memory(dataset: Dataset) -> Dataset:
    """Return a dataset whose samples are arrays, to be sent to another machine.

    Raises:
        DataError: they do not fit into memory.
    """
    rows = {name: getattr(dataset, name) for name in SAMPLES}
    rows = {name: x for name, x in rows.items() if isinstance(x, Rows)}
    reason = memory.shortage(sum(x.nbytes for x in rows.values()))
    if reason:
        raise DataError(
            f"'{dataset.name}' cannot be sent to a cluster: {reason}",
            "Use less of it (data.limit), or search on one machine (search.workers).",
        )
    arrays: Dict[str, Any] = {name: x[:] for name, x in rows.items()}
    return replace(dataset, **arrays)


def stored(dataset: Dataset, place: Scratch) -> StoredData:
    """Put the arrays of a dataset into a scratch file, those that are in no file yet, and return
    where all of it is.
    """
    arrays = {name: getattr(dataset, name) for name in ARRAYS}
    return StoredData(
        name=dataset.name,
        classes=tuple(dataset.classes),
        task=dataset.task,
        fingerprint=dataset.sha256(),
        arrays={
            f"{n}{OF_OUTPUT}{output}" if output else n: _stored_array(part, place)
            for n, x in arrays.items()
            if x is not None
            for output, part in (parts_of(x) or {"": x}).items()
        },
        value_range=dataset.value_range,
        feature_names=tuple(dataset.feature_names),
        notes=tuple(dataset.notes),
        columns=tuple(dataset.columns),
        files=dataset.files,
        inputs=dataset.inputs,
    )


def _stored_array(array: Any, place: Scratch) -> StoredArray:
    rows = array if isinstance(array, Rows) else place.append(array)
    own, indices = rows.place, rows.indices
    dtype, sample = np.dtype(array.dtype).str, tuple(array.shape[1:])
    stamp = "" if own.temporary else rows.stamp
    found = StoredArray(own.path, own.offset, own.shape, own.stored, dtype, sample, stamp=stamp)
    if indices is None:
        return found
    return replace(found, indices=place.append(indices).place.offset, count=len(indices))


def opened(kept: StoredData, scratch_path: str, request: Request) -> Dataset:
    """Return a dataset: samples stay in the file, labels and weights are read.

    Args:
        kept: where it is. scratch_path: of the file that has the numbers of samples.
        request: that it was loaded by.

    Raises:
        DataError: a file is not there, or has changed.
    """

    def rows(array: StoredArray) -> Rows:
        own = None
        if array.indices >= 0:
            place = Place(scratch_path, array.indices, (array.count,), np.dtype(np.int64).str)
            own = Rows(place)[:]
        found = Rows(array.place, dtype=array.dtype, shape=array.sample, indices=own)
        if array.stamp and found.stamp != array.stamp:
            raise DataError(f"'{array.path}' has changed while it was used", CHANGED)
        return found

    arrays: Dict[str, Any] = {}
    of_outputs: Dict[str, Dict[str, np.ndarray]] = {}
    for key, array in kept.arrays.items():
        name, _, output = key.partition(OF_OUTPUT)
        if output:
            of_outputs.setdefault(name, {})[output] = rows(array)[:]
        else:
            arrays[name] = rows(array) if name in SAMPLES else rows(array)[:]
    arrays.update({name: joined(parts) for name, parts in of_outputs.items()})
    return Dataset(
        name=kept.name,
        classes=kept.classes,
        task=kept.task,
        fingerprint=kept.fingerprint,
        value_range=kept.value_range,
        feature_names=kept.feature_names,
        notes=kept.notes,
        columns=kept.columns,
        files=kept.files,
        inputs=kept.inputs,
        request=request,
        **arrays,
    )
