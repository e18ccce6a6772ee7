"""TFRecord files of ``tf.train.Example``, whose features ``data.features`` declares."""

from __future__ import annotations

import io
import os
import re
import struct
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

import numpy as np

from vaiopt.data.dataset import Dataset, Request, make_dataset
from vaiopt.data.image_files import FORMATS
from vaiopt.data.images import load_pillow
from vaiopt.data.sources.source import Source, files_below
from vaiopt.data.streams import kept
from vaiopt.errors import DataError
from vaiopt.keras import load_tensorflow
from vaiopt.reading import open_regular
from vaiopt.settings.features import NUMBERS, Feature, parse_feature

NAME = re.compile(r".+\.(tfrecords?|tfrec)(-\d+(-of-\d+)?)?$", re.IGNORECASE)
"""Of a file, which may be one of several."""

SETS: Mapping[str, Tuple[str, ...]] = {
    "": ("train", "training"),
    "test_": ("test", "testing"),
    "validation_": ("val", "valid", "validation", "dev"),
}
"""How the names of the files of each set begin, by the first letters of its fields."""

LENGTH, CHECKSUMS = 8, 8
"""Bytes of a record beside its content: its length, and a checksum of each of the two."""

BATCH = 64
"""Samples that are put together."""

HINT = (
    'Declare the features of a record: [data.features] x = "image:image", y = "label:int64", or for'
    ' raw bytes x = "image:uint8:32x32x3".'
)

FIELDS = {"bytes_list": "bytes", "float_list": "numbers", "int64_list": "whole numbers"}
"""What a feature may hold, and what that is called."""


class _Where(NamedTuple):
    """A record: the number in its file, from 0."""

    path: Path
    number: int

    def __str__(self) -> str:
        return f"record {self.number} of '{self.path}' (counted from 0)"


def load_tfrecord(request: Request, path: Path) -> Dataset:
    """Load a TFRecord file, or a folder of such files: of one set, or of several whose names begin
    with ``train``, ``val`` and ``test``.

    Raises:
        DataError: no features are declared, a record is cut off, damaged, or lacks one of them, or
            samples differ in shape.
        MissingToolError: TensorFlow is not installed.
    """
    files = _files(path)
    if not request.features:
        raise DataError(
            f"data.features is not set, and '{path}' holds records{_first(files)}", HINT
        )
    declared = {key: parse_feature(f"data.features.{key}", t) for key, t in request.features}
    arrays: Dict[str, Any] = {}
    for prefix, of_set in files.items():
        x, y, weights = _read(of_set, declared, request)
        arrays.update({f"{prefix}x": x, f"{prefix}y": y, f"{prefix}weights": weights})
    x, y = arrays.pop("x"), arrays.pop("y")
    return make_dataset(path.name, x, y, task=request.task, **arrays)


def _files(path: Path) -> Dict[str, List[Path]]:
    """Return the files of each set."""
    if not path.is_dir():
        return {"": [path]}
    every = sorted(p for p in path.iterdir() if NAME.match(p.name))
    words = {p: re.split(r"[^a-z]", p.name.lower())[0] for p in every}
    found = {s: [p for p in every if words[p] in names] for s, names in SETS.items()}
    found = {prefix: of_set for prefix, of_set in found.items() if of_set}
    if "" not in found:
        return {"": every}
    others = [p for p in every if not any(p in of_set for of_set in found.values())]
    if others:
        raise DataError(
            f"'{path}' holds '{found[''][0].name}' and also '{others[0].name}'",
            "Let the names of all files begin with train, val or test, or of none.",
        )
    return found


def _records(path: Path) -> Iterator[Tuple[_Where, Any]]:
    """Yield each record of a file, with where it is. Raises DataError: it is damaged."""
    tf = load_tensorflow()
    try:
        _check_whole(path)
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error}", "Check the path.") from error
    number = 0
    try:
        for content in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            where = _Where(path, number)
            yield where, _example(tf.train.Example, content, where)
            number += 1
    except tf.errors.DataLossError as error:
        raise _damaged(path, number) from error
    except tf.errors.OpError as error:
        raise DataError(f"'{path}' cannot be read: {error.message}", "Check the path.") from error


def _check_whole(path: Path) -> None:
    """Check that a file ends where its last record does, which TensorFlow does not; only lengths
    are read.
    """
    number = end = 0
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        while end < size:
            head = file.read(LENGTH)
            if len(head) == LENGTH:
                end += LENGTH + struct.unpack("<Q", head)[0] + CHECKSUMS
            if len(head) < LENGTH or end > size:
                raise _damaged(path, number)
            file.seek(end)
            number += 1


def _damaged(path: Path, number: int) -> DataError:
    return DataError(
        f"'{path}' is cut off or damaged: record {number} (counted from 0) cannot be read",
        "Copy or write it again; a compressed file has to be unpacked first.",
    )


def _example(kind: Any, content: bytes, where: _Where) -> Any:
    """Return the ``tf.train.Example`` in a record. Raises DataError: it is none."""
    try:
        return kind.FromString(content)
    except Exception as error:  # protobuf's own, of a package that comes with TensorFlow
        hint = "Write it as one: see TensorFlow's guide of TFRecord."
        raise DataError(f"{where} is no tf.train.Example", hint) from error


def _features(example: Any) -> Dict[str, str]:
    """Return what each feature of a record holds, by its name."""
    return {
        name: FIELDS.get(feature.WhichOneof("kind") or "", "nothing")
        for name, feature in sorted(example.features.feature.items())
    }


def _first(files: Mapping[str, List[Path]]) -> str:
    """Return which features the first record has, for a message."""
    for _, example in _records(files[""][0]):
        told = (f"'{name}' ({kind})" for name, kind in _features(example).items())
        return f" with {', '.join(told)}"
    return ""


def _read(files: List[Path], declared: Mapping[str, Feature], request: Request) -> Any:
    """Return samples, labels and weights (None without) of all records of some files."""
    columns: Dict[str, List[Any]] = {key: [] for key in declared if key != "x"}

    def samples() -> Iterator[np.ndarray]:
        like: Optional[np.ndarray] = None
        for path in files:
            for where, example in _records(path):
                values = {key: _value(example, f, where, request) for key, f in declared.items()}
                x = values.pop("x")
                like = x if like is None else like
                if x.shape != like.shape:
                    size = " Bring images to one size: data.image_size."
                    raise DataError(
                        f"the sample of {where} has shape {x.shape}, the first {like.shape}",
                        f"Give all samples one shape.{size if x.ndim == 3 else ''}",
                    )
                for key, value in values.items():
                    columns[key].append(value)
                yield x

    x = kept(_batches(samples()), request.in_memory_mb)
    return x, _column(columns["y"], files), _column(columns.get("weight"), files)


def _batches(samples: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    batch: List[np.ndarray] = []
    count = 0
    for sample in samples:
        count += 1
        batch.append(sample)
        if len(batch) == BATCH:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)
    if not count:
        raise DataError("the TFRecord files hold no record", "Check how they were written.")


def _column(values: Optional[List[Any]], files: List[Path]) -> Any:
    """Return labels or weights as one array; None without. Raises DataError: shapes differ."""
    if values is None:
        return None
    shapes = sorted({value.shape for value in values})
    if len(shapes) > 1:
        raise DataError(
            f"labels or weights of '{files[0]}' have the shapes {shapes[0]} and {shapes[1]}",
            'Give one shape: data.features.y = "NAME:TYPE:SHAPE".',
        )
    return np.stack(values)


def _value(example: Any, feature: Feature, where: _Where, request: Request) -> np.ndarray:
    """Return what a feature of a record holds. Raises DataError: it is not there, or another."""
    found = example.features.feature
    if feature.name not in found:
        there = ", ".join(_features(example)) or "nothing"
        raise DataError(f"{where} has no feature '{feature.name}' (it has: {there})", HINT)
    kind = found[feature.name].WhichOneof("kind")
    values = getattr(found[feature.name], kind).value if kind else []
    try:
        array = _READERS[feature.kind](list(values), feature, request)
        if feature.kind == "image":
            return array
        if feature.shape:
            return array.reshape(feature.shape)
        return array.reshape(()) if array.size == 1 else array
    except (ValueError, TypeError, OSError, SyntaxError, IndexError, AttributeError) as error:
        raise DataError(
            f"feature '{feature.name}' of {where} is not {feature} ({error})", HINT
        ) from error


def _numbers(values: List[Any], feature: Feature, request: Request) -> np.ndarray:
    """Return numbers, of a list of such or of their little-endian bytes."""
    if values and isinstance(values[0], bytes):
        return np.frombuffer(values[0], np.dtype(feature.kind).newbyteorder("<"))
    return np.asarray(values, feature.kind)


def _texts(values: List[Any], feature: Feature, request: Request) -> np.ndarray:
    return np.asarray([value.decode("utf-8") for value in values])


def _image(values: List[Any], feature: Feature, request: Request) -> np.ndarray:
    """Return an image file as uint8 (H, W, C): RGB, or grey if that is asked for."""
    image = load_pillow()
    with image.open(io.BytesIO(values[0]), formats=FORMATS) as opened:
        pixels = opened.convert("L" if request.grayscale else "RGB")
    if request.image_size and pixels.size != request.image_size[::-1]:
        pixels = pixels.resize(request.image_size[::-1], image.BILINEAR)
    array = np.asarray(pixels, np.uint8)
    return array[..., np.newaxis] if array.ndim == 2 else array


_READERS: Dict[str, Callable[[List[Any], Feature, Request], np.ndarray]] = {
    "image": _image,
    "text": _texts,
    **dict.fromkeys(NUMBERS, _numbers),
}


def _matches(text: str, path: Optional[Path]) -> bool:
    if path is None:
        return False
    try:
        names = [p.name for p in path.iterdir()] if path.is_dir() else [path.name]
    except OSError:
        return False
    return any(map(NAME.match, names))


def _decoded_files(path: Path) -> Iterator[Path]:
    return files_below(path) if path.is_dir() else iter([path])


SOURCE = Source("FILE.tfrecord", _matches, load_tfrecord, files=_decoded_files)
