"""The data sheet: what data are, looked at before anything is learned of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from vaiopt.data.dataset import Dataset
from vaiopt.data.inputs import Inputs, plain_or_by_input
from vaiopt.data.left_out import LeftOut
from vaiopt.data.splits import PARTS, Splits
from vaiopt.present.shown import Shown
from vaiopt.record import Record, Unfit, part
from vaiopt.tasks import TASKS, is_several, is_task, task_of
from vaiopt.tasks.joined import parts_of
from vaiopt.tasks.task import Piece
from vaiopt.tasks.task_text import tasks_in

CHUNK = 1024
"""Samples that are looked at together."""

MOST_BYTES = 4 * 10**9
"""Of samples that are looked at one by one for repeated ones: some 5 s."""

UNEVEN = 5.0
"""How many times as many training samples as the rarest the most frequent class has, from where on
a person is told.
"""

MOST_COLUMNS = 50
"""Columns of a table that are described."""

MOST_ROWS = 100_000
"""Rows of a table, evenly spread, whose median is that of a column."""

MOST_OF_ROW = 16
"""Values of a sample, evenly spread, that count in the median of a whole input."""

MOST_PAIRS = 3
"""Repeated samples that are named."""

WHOLE = "all"
"""The name of the one part of data that cannot be split."""


@dataclass(frozen=True)
class ClassRow(Record):
    """A class, or a label.

    Attributes:
        name: of it.
        counts: samples of it, or pixels, in each part.
    """

    name: str = part()
    counts: Dict[str, int] = part(low=0)


@dataclass(frozen=True)
class ValueRow(Record):
    """A quantity, or a column of a table, over all samples.

    Attributes:
        name: of it. low, median, high: values. mean: of them.
    """

    name: str = part()
    low: float = part()
    median: float = part()
    mean: float = part()
    high: float = part()


@dataclass(frozen=True)
class FileSizes(Record):
    """The sizes of images as they are in their files, (width, height) in pixels.

    Attributes:
        smallest, median, largest: by the number of pixels. different: how many sizes there are.
    """

    smallest: Tuple[int, ...] = part(low=1)
    median: Tuple[int, ...] = part(low=1)
    largest: Tuple[int, ...] = part(low=1)
    different: int = part(low=1)


@dataclass(frozen=True)
class Repeated(Record):
    """Samples that are there more than once, value by value.

    Attributes:
        first, second: parts; the same for those that are twice in one.
        count: samples of the second that are in the first, too.
        contradictions: those of them whose label is another there.
        examples: names of some, such as ``cat/1.png = dog/7.png``.
    """

    first: str = part()
    second: str = part()
    count: int = part(low=1)
    contradictions: int = part(0, low=0)
    examples: Tuple[str, ...] = part(())


@dataclass(frozen=True)
class DataSheet(Record, Shown):
    """What data are.

    Attributes:
        name: of the data. source: as it was asked for. task: what is learned.
        shape, dtype: of a sample, as it is kept.
        samples: in each part.
        classes: with their samples, or pixels; empty where nothing is counted.
        counted: what the counts of the classes are: ``samples`` or ``pixels``.
        quantities: that are learned. columns: of a table, the first ones; of several inputs
            each other input as a whole, too.
        more_columns: how many columns are not described.
        file_sizes: of images in files.
        repeated: samples that are there more than once; the parts that share any come first.
        compared: whether repeated samples were looked for.
        left_out: files that are no samples.
        notes: of how the data were loaded.
        inputs: each of several, whose values make up a sample.
    """

    name: str = part()
    source: str = part()
    task: str = part()
    shape: Tuple[int, ...] = part(low=1)
    dtype: str = part()
    samples: Dict[str, int] = part(low=0)
    classes: Tuple[ClassRow, ...] = part(())
    counted: str = part("samples")
    quantities: Tuple[ValueRow, ...] = part(())
    columns: Tuple[ValueRow, ...] = part(())
    more_columns: int = part(0, low=0)
    file_sizes: Optional[FileSizes] = part(None)
    repeated: Tuple[Repeated, ...] = part(())
    compared: bool = part(True)
    left_out: Tuple[LeftOut, ...] = part(())
    notes: Tuple[str, ...] = part(())
    inputs: Inputs = part(())

    def check(self) -> None:
        """Raise unless the task is known."""
        if not is_task(self.task):
            raise Unfit("task", f"is {self.task!r}, not one of {', '.join(TASKS)}")

    @property
    def warnings(self) -> Tuple[str, ...]:
        """What makes figures look better than they are: samples that two parts share."""
        return tuple(_shared(row) for row in self.repeated if row.first != row.second)

    @property
    def remarks(self) -> Tuple[str, ...]:
        """What else a person should know: classes of very different sizes, contradictions."""
        return (*self._contradictions(), *self._imbalance())

    def _contradictions(self) -> Iterator[str]:
        for row in self.repeated:
            if row.contradictions and row.first == row.second:
                several = "samples of {} are" if row.contradictions > 1 else "sample of {} is"
                yield (
                    f"{row.contradictions:,} {several.format(row.first)} there with another label,"
                    f" too: {', '.join(row.examples)}"
                )

    def _imbalance(self) -> Iterator[str]:
        several = is_several(self.task)
        for output, name in (tasks_in(self.task) if several else {"": self.task}).items():
            task, start = task_of(name), f"{output}: " if several else ""
            if self.counted == task.counted == "samples":
                rows = [row for row in self.classes if row.name.startswith(start)]
                wanted = f'{{{output} = "balanced"}}' if several else '"balanced"'
                yield from self._imbalance_of(rows, wanted if task.has_classes else "")

    def _imbalance_of(self, rows: Sequence[ClassRow], weights: str) -> Iterator[str]:
        learned = next(iter(self.samples), "")
        counts = {row.name: row.counts.get(learned, 0) for row in rows}
        there = {name: count for name, count in counts.items() if count}
        if len(there) < 2:
            return
        most, least = max(there, key=there.__getitem__), min(there, key=there.__getitem__)
        if there[most] >= UNEVEN * there[least]:
            weigh = weights and f"; train.class_weights = {weights} lets all classes count alike"
            yield (
                f"'{most}' has {there[most] / there[least]:.0f} times the samples of '{least}'"
                f" ({there[most]:,} and {there[least]:,} in {learned}){weigh}"
            )


def _shared(row: Repeated) -> str:
    wrong = f", {row.contradictions:,} of them with another label" if row.contradictions else ""
    several = "samples of {} are" if row.count > 1 else "sample of {} is"
    return (
        f"{row.count:,} {several.format(row.second)} in {row.first}, too{wrong}"
        f" ({', '.join(row.examples)}): {row.second} figures look better than they are"
    )


def data_sheet(dataset: Dataset, parts: Mapping[str, np.ndarray]) -> DataSheet:
    """Return what data are.

    Args:
        dataset: as it was loaded, prepared (resized, turned grey) but not scaled.
        parts: indices of the samples in each part, as :attr:`Dataset.sets` counts them; that which
            is learned from comes first.
    """
    task = task_of(dataset.task)
    pieces = task.pieces(dataset.all_y, dataset.classes)
    columns = _columns(dataset)
    compared = dataset.x.nbytes <= MOST_BYTES
    return DataSheet(
        name=dataset.name,
        source=dataset.request.source if dataset.request is not None else dataset.name,
        task=dataset.task,
        shape=dataset.sample_shape,
        dtype=str(dataset.x.dtype),
        samples={name: len(indices) for name, indices in parts.items()},
        classes=tuple(row for piece in pieces for row in _class_rows(piece, parts)),
        counted=task.counted,
        quantities=tuple(row for piece in pieces for row in _value_rows(piece)),
        columns=_values(dataset, columns[:MOST_COLUMNS]),
        more_columns=max(0, len(columns) - MOST_COLUMNS),
        file_sizes=_file_sizes(dataset),
        repeated=_repeated(dataset, parts) if compared else (),
        compared=compared,
        left_out=dataset.files.left_out if dataset.files is not None else (),
        notes=dataset.notes,
        inputs=dataset.inputs,
    )


def _class_rows(piece: Piece, parts: Mapping[str, np.ndarray]) -> Tuple[ClassRow, ...]:
    """Return a row for each class of an output that has classes."""
    counts = {
        name: piece.task.counts(piece.y[indices], len(piece.classes))
        for name, indices in parts.items()
    }
    return tuple(
        ClassRow(name, {p: int(found[i]) for p, found in counts.items() if found is not None})
        for i, name in enumerate(piece.classes)
        if any(found is not None for found in counts.values())
    )


def _value_rows(piece: Piece) -> Tuple[ValueRow, ...]:
    """Return a row for each quantity of an output that has some."""
    values = piece.task.values(piece.y)
    return () if values is None else _rows(values, piece.classes)


def sheet_of_splits(splits: Splits) -> DataSheet:
    """Return the data sheet of data that are split."""
    return data_sheet(splits.dataset, {name: getattr(splits, name).indices for name in PARTS})


def _columns(dataset: Dataset) -> List[Tuple[str, str, Any]]:
    """Return name, input and place of what is described of samples: each column of a table, alone
    or one of several inputs, and all values together of any other of several inputs.
    """
    if not dataset.inputs:
        names = dataset.feature_names or map("column {}".format, range(dataset.sample_shape[-1]))
        table = enumerate(names) if len(dataset.sample_shape) == 1 else ()
        return [(str(name), "", place) for place, name in table]
    found: List[Tuple[str, str, Any]] = []
    for one in dataset.inputs:
        is_table = len(one.shape) == 1
        places = range(one.size) if is_table else [slice(None)]
        found += [(f"{one.name} {p}" if is_table else one.name, one.name, p) for p in places]
    return found


def _values(dataset: Dataset, columns: Sequence[Tuple[str, str, Any]]) -> Tuple[ValueRow, ...]:
    """Return a row for each of some columns, of which only a part need be in memory at a time."""
    step = -(-len(dataset) // MOST_ROWS)
    some: List[List[np.ndarray]] = [[] for _ in columns]
    low, high = np.full(len(columns), np.inf), np.full(len(columns), -np.inf)
    whole, counts = np.zeros(len(columns)), np.zeros(len(columns))
    for given in dataset.sets if columns else ():
        for start in range(0, len(given.y), CHUNK):
            chunk = np.asarray(given.x[start : start + CHUNK])
            parts = plain_or_by_input(chunk, dataset.inputs) if dataset.inputs else {"": chunk}
            for number, (_, name, place) in enumerate(columns):
                part = parts[name].reshape(len(chunk), -1)[:, place].reshape(len(chunk), -1)
                low[number] = min(low[number], part.min())
                high[number] = max(high[number], part.max())
                whole[number] += part.sum(dtype=np.float64)
                counts[number] += part.size
                thin = -(-part.shape[1] // MOST_OF_ROW)
                some[number].append(part[-start % step :: step, ::thin].astype(np.float64))
    middle = [np.median(np.concatenate(parts)) for parts in some]
    numbers = zip((name for name, _, _ in columns), low, middle, whole / counts, high)
    return tuple(ValueRow(name, *map(float, row)) for name, *row in numbers)


def _rows(values: np.ndarray, names: Sequence[str]) -> Tuple[ValueRow, ...]:
    """Return a row for each column of values (n, names)."""
    found = np.asarray(values, np.float64).reshape(len(values), -1)
    if not len(found):
        return ()
    numbers = zip(
        names, found.min(axis=0), np.median(found, axis=0), found.mean(axis=0), found.max(axis=0)
    )
    return tuple(ValueRow(str(name), *map(float, row)) for name, *row in numbers)


def _file_sizes(dataset: Dataset) -> Optional[FileSizes]:
    if dataset.files is None or not dataset.files.sizes:
        return None
    ordered = sorted(dataset.files.sizes, key=lambda size: (size[0] * size[1], size))
    middle = ordered[len(ordered) // 2]
    return FileSizes(ordered[0], middle, ordered[-1], len(set(ordered)))


def _digests(dataset: Dataset) -> List[bytes]:
    """Return a digest of each sample, in the order of the indices."""
    found = []
    for given in dataset.sets:
        for start in range(0, len(given.x), CHUNK):
            chunk = np.ascontiguousarray(given.x[start : start + CHUNK])
            rows = chunk.reshape(len(chunk), -1).view(np.uint8)
            found += [hashlib.blake2b(row.data, digest_size=16).digest() for row in rows]
    return found


def _repeated(dataset: Dataset, parts: Mapping[str, np.ndarray]) -> Tuple[Repeated, ...]:
    digests, y = _digests(dataset), dataset.all_y
    first_of: Dict[str, Dict[bytes, int]] = {}
    rows: List[Repeated] = []
    for name, indices in parts.items():
        own: Dict[bytes, int] = {}
        pairs: Dict[str, List[Tuple[int, int]]] = {}
        for index in indices.tolist():
            digest = digests[index]
            for other, known in first_of.items():
                if digest in known:
                    pairs.setdefault(other, []).append((known[digest], index))
            if digest in own:
                pairs.setdefault(name, []).append((own[digest], index))
            own.setdefault(digest, index)
        first_of[name] = own
        rows += [_row(dataset, y, (other, name), found) for other, found in pairs.items()]
    return tuple(sorted(rows, key=lambda row: (row.first == row.second, -row.count)))


def _row(
    dataset: Dataset, y: np.ndarray, parts: Tuple[str, str], pairs: Sequence[Tuple[int, int]]
) -> Repeated:
    files = dataset.files.names if dataset.files is not None else ()
    labels = list((parts_of(y) or {"": y}).values())

    def called(index: int) -> str:
        return files[index] if len(files) == len(dataset) else f"sample {index}"

    others = sum(any(not np.array_equal(p[one], p[other]) for p in labels) for one, other in pairs)
    named = tuple(f"{called(one)} = {called(other)}" for one, other in pairs[:MOST_PAIRS])
    return Repeated(*parts, len(pairs), others, named)
