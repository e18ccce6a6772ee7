"""What gives its samples one after the other: a ``tf.data.Dataset``, or a ``Sequence`` of Keras.

It is gone through once, and its samples are kept, in memory or in a file, so that they are split,
shuffled and read again as any others. So it must end, and give the same each time.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy as np

from vaiopt.data.store import MB, scratch
from vaiopt.errors import DataError
from vaiopt.keras import load_tensorflow
from vaiopt.user_code import message

LOOKED_AT_AGAIN = 256 * MB
"""Bytes of batches that are asked for a second time, to see whether they are the same."""

INFINITE = -1
"""What TensorFlow says of the number of batches (tf.data.INFINITE_CARDINALITY)."""

TURNS, FEWEST = 4, 16
"""How often the same batches come one after the other, at least so many in all, of what never ends.
"""

BATCH = 64
"""Samples that are asked for at once where they come one by one."""

FORM = "Give pairs (x, y), or triples (x, y, weight), of batches: dataset.batch(32)."

Arrays = Tuple[np.ndarray, ...]


def is_stream(given: Any) -> bool:
    """Return whether something gives its samples in batches."""
    return is_tf_data(given) or _is_sequence(given)


def is_tf_data(given: Any) -> bool:
    """Return whether something is a ``tf.data.Dataset``; TensorFlow is not loaded for that."""
    return hasattr(given, "element_spec") and hasattr(given, "as_numpy_iterator")


def _is_sequence(given: Any) -> bool:
    """Return whether something is a Keras ``Sequence`` (``PyDataset`` in Keras 3)."""
    found = [c for c in type(given).__mro__ if c.__name__ in ("Sequence", "PyDataset", "Iterator")]
    return any("keras" in str(c.__module__) for c in found) and hasattr(given, "__getitem__")


def kept(batches: Iterator[np.ndarray], in_memory_mb: float) -> Any:
    """Return the samples of batches as they come: an array, or samples in a file.

    Args:
        batches: (n, ...), of one shape and type, at least one.
        in_memory_mb: samples of more megabytes go to a file.
    """
    parts: List[np.ndarray] = []
    size = 0
    for batch in batches:
        parts.append(batch)
        size += batch.nbytes
        if size > in_memory_mb * MB:
            every = itertools.chain(_emptied(parts), batches)
            return scratch().append_parts(every, batch.shape[1:], batch.dtype)
    return np.concatenate(parts)


def _emptied(parts: List[np.ndarray]) -> Iterator[np.ndarray]:
    while parts:
        yield parts.pop(0)


def samples_of(stream: Any, called: str, in_memory_mb: float) -> Tuple[Any, Any, Any]:
    """Return samples, labels and weights (None without) of a stream.

    Args:
        stream: as :func:`is_stream` says.
        called: what it is called in messages.
        in_memory_mb: samples of more megabytes go to a file.

    Raises:
        DataError: it is endless, ends early, gives something else the second time, batches of
            different shapes, no batches at all, or raises.
    """
    reader = _Reader(stream, called)
    x = kept(reader.batches(), in_memory_mb)
    reader.check_again()
    y = np.concatenate(reader.labels)
    weights = np.concatenate(reader.weights) if reader.weights else None
    return x, y, weights


class _Reader:
    """Goes through a stream and checks what it gives."""

    def __init__(self, stream: Any, called: str) -> None:
        if is_tf_data(stream) and not _is_batched(stream.element_spec):
            stream = stream.batch(BATCH)
        self._stream, self._called = stream, called
        self.labels: List[np.ndarray] = []
        self.weights: List[np.ndarray] = []
        self._digests: List[bytes] = []
        self._bytes = 0
        self._looked_at = 0
        self._is_open = False

    def batches(self) -> Iterator[np.ndarray]:
        """Yield the samples of each batch; labels and weights are kept."""
        self._check_length()
        like: Optional[Arrays] = None
        for number, batch in enumerate(self._pass()):
            like = batch if like is None else like
            self._check(batch, like, number)
            self._note(batch)
            self.labels.append(batch[1])
            self.weights += batch[2:]
            yield batch[0]
        if like is None:
            raise DataError(f"'{self._called}' gives no batch", FORM)

    def check_again(self) -> None:
        """Raise :class:`DataError` if the first batches are others the second time."""
        if not is_tf_data(self._stream) and hasattr(self._stream, "on_epoch_end"):
            self._stream.on_epoch_end()  # as Keras does; some shuffle here
        again = itertools.islice(self._pass(), self._looked_at)
        if [_digest(batch) for batch in again] != self._digests[: self._looked_at]:
            raise DataError(
                f"'{self._called}' gives other samples, or the same in another order, the second"
                " time",
                "Leave out shuffling and augmentation, and set every seed: vaiopt shuffles the"
                " training part itself.",
            )

    def _check_length(self) -> None:
        """Raise :class:`DataError` if it is known to have no end."""
        if is_tf_data(self._stream):
            found = int(load_tensorflow().data.experimental.cardinality(self._stream))
            if found == INFINITE:
                raise self._endless("")
            self._is_open = found < 0

    def _endless(self, how: str) -> DataError:
        return DataError(
            f"'{self._called}' never ends{how}",
            "Leave out repeat(): vaiopt goes through the data as often as train.epochs says.",
        )

    def _pass(self) -> Iterator[Arrays]:
        """Yield the batches of one pass, as arrays. Raises DataError: it raises."""
        try:
            if is_tf_data(self._stream):
                for element in self._stream.as_numpy_iterator():
                    yield self._arrays(element)
                return
            for number in range(len(self._stream)):
                yield self._arrays(self._stream[number])
        except (DataError, MemoryError):
            raise
        except Exception as error:
            told = re.sub(r"{{.*?}} ?|\[Op:.*", "", message(error))  # TensorFlow's own names
            raise DataError(
                f"'{self._called}' raised {type(error).__name__}: {told}",
                "It must give as many batches as it says. Go through it to find where it fails: for"
                " batch in dataset: pass.",
            ) from error

    def _arrays(self, element: Any) -> Arrays:
        is_tuple = isinstance(element, (tuple, list)) and len(element) in (2, 3)
        if not is_tuple or any(isinstance(part, (dict, tuple, list)) for part in element):
            kind = f"a {type(element).__name__}"
            if isinstance(element, (tuple, list)):
                kind += f" of {', '.join(type(part).__name__ for part in element)}"
            raise DataError(f"'{self._called}' gives {kind}", FORM)
        return tuple(_plain(np.asarray(part)) for part in element if part is not None)

    def _check(self, batch: Arrays, like: Arrays, number: int) -> None:
        forms, wanted = _forms(batch), _forms(like)
        if forms != wanted:
            raise DataError(
                f"batch {number} of '{self._called}' (counted from 0) has {_words(forms)}, the"
                f" first {_words(wanted)}",
                "Give all samples one shape and type.",
            )
        if any(part.ndim == 0 or len(part) != len(batch[0]) for part in batch):
            counts = [len(part) if part.ndim else "no axis" for part in batch]
            raise DataError(
                f"batch {number} of '{self._called}' (counted from 0) has {counts} samples and"
                " labels",
                "Give one label per sample.",
            )

    def _note(self, batch: Arrays) -> None:
        """Remember a batch; raise :class:`DataError` if they begin again."""
        self._digests.append(_digest(batch))
        self._bytes += sum(part.nbytes for part in batch)
        if self._bytes <= LOOKED_AT_AGAIN or not self._looked_at:
            self._looked_at = len(self._digests)
        count = len(self._digests)
        period = count // TURNS
        # Of what says how many there are this is no sign; nor is a small number of repetitions.
        if self._is_open and count >= FEWEST and count == period * TURNS:
            turns = {tuple(self._digests[i : i + period]) for i in range(0, count, period)}
            if self._digests[period] == self._digests[0] and len(turns) == 1:
                raise self._endless(f": it begins again after {period} batches")


def _is_batched(spec: Any) -> bool:
    """Return whether the elements of a ``tf.data.Dataset`` are batches: the first axes of samples
    and labels are of one length, or of any.
    """
    if not isinstance(spec, (tuple, list)):
        return True  # which is refused
    shapes: List[Any] = [getattr(part, "shape", None) for part in spec]
    if None in [getattr(shape, "rank", None) for shape in shapes]:
        return True  # it is not known, or refused, too
    return all(shape.rank for shape in shapes) and len({shape[0] for shape in shapes}) == 1


def _plain(array: np.ndarray) -> np.ndarray:
    """Return an array; texts, which TensorFlow gives as bytes, as texts."""
    if array.dtype != object:
        return array
    texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in array.flat]
    return np.asarray(texts).reshape(array.shape)


def _digest(batch: Arrays) -> bytes:
    digest = hashlib.sha256()
    for part in batch:
        digest.update(str(part.shape).encode("ascii"))
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.digest()


def _forms(batch: Arrays) -> List[Tuple[Tuple[int, ...], str]]:
    """Return shape and type of each array; texts may be of any length."""
    types = ["text" if part.dtype.kind == "U" else str(part.dtype) for part in batch]
    return [(part.shape[1:], kind) for part, kind in zip(batch, types)]


def _words(forms: List[Tuple[Tuple[int, ...], Any]]) -> str:
    return " and ".join(f"{'x'.join(map(str, shape)) or 'numbers'} ({t})" for shape, t in forms)


def sets_of(result: Any, called: str, in_memory_mb: float) -> Dict[str, Any]:
    """Return the arrays of one stream, or of two (training, test) or three (training, validation,
    test), as arguments of :func:`vaiopt.data.make_dataset`. Raises as :func:`samples_of`.
    """
    streams = list(result) if isinstance(result, (tuple, list)) else [result]
    names = [("x", "y", "weights"), ("test_x", "test_y", "test_weights")]
    if len(streams) == 3:
        names.insert(1, ("validation_x", "validation_y", "validation_weights"))
    found: Dict[str, Any] = {}
    for stream, of_set in zip(streams, names):
        found.update(zip(of_set, samples_of(stream, called, in_memory_mb)))
    return found


def are_streams(result: Any) -> bool:
    """Return whether a result is a stream, or two or three of them."""
    is_list = isinstance(result, (tuple, list)) and len(result) in (2, 3)
    return all(map(is_stream, result)) if is_list else is_stream(result)
