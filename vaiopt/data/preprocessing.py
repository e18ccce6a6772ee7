"""The one preprocessing, written as data: ``(x - offset) / scale`` in float32."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from vaiopt.data.dataset import Dataset
from vaiopt.data.inputs import InputPart, kept_apart, values_of
from vaiopt.errors import DataError
from vaiopt.record import Record, Unfit, part

Numbers = Union[float, Tuple[float, ...]]

LAYOUTS = {1: "NF", 2: "NTC", 3: "NHWC"}
"""Axes of the samples, by how many one has."""

CHUNK = 4096
"""Samples, at most, that are looked at together where the lowest and highest value are searched."""

CHUNK_VALUES = 8 * 2**20
"""Values of such samples."""

MOST_VALUES = 10**9
"""Values of the samples that are looked at for that; of more, evenly spaced ones are."""

ROUNDINGS = 4
"""float32 steps that a scale may widen: three operations each round by half a step."""


@dataclass(frozen=True)
class Preprocessing:
    """``(x - offset) / scale`` in float32; nobody clips. Values outside the range of the training
    data saturate where they are quantized.

    Attributes:
        offset: subtracted from a raw value; one number, or one per feature (tables) or channel
            (images, signals).
        scale: divides the difference; as ``offset``, and positive.
        shape: of one sample, (H, W, C), (time, channels) or (F,).
        input_range: lowest and highest value of the preprocessed data, as far as the data without
            the test split tells.
        raw_dtype: type of the raw data, "uint8" or "float32".
        dtype: of the preprocessed data.
        layout: "NHWC" for images, "NTC" for signals, "NF" for tables.
        inputs: of several inputs that of each, in the order in which they lie in a row of raw
            values; what is said of all together follows from it. () for one input.
    """

    offset: Numbers
    scale: Numbers
    shape: Tuple[int, ...]
    input_range: Tuple[float, float]
    raw_dtype: str = "uint8"
    dtype: str = "float32"
    layout: str = "NHWC"
    inputs: Tuple[OfInput, ...] = ()

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Return raw samples (N, *shape), or rows of several inputs as they are kept, as the
        float32 array that the model reads.

        Raises:
            DataError: a sample has another shape.
        """
        x = values_of(np.asarray(x), self.inputs)
        if x.shape[1:] != self.shape:
            raise DataError(
                f"a sample has shape {x.shape[1:]}, the preprocessing is for {self.shape}",
                "Give raw samples of the shape that the model was trained with.",
            )
        result = x.astype(np.float32)
        result -= np.asarray(self.offset, dtype=np.float32)
        result /= np.asarray(self.scale, dtype=np.float32)
        return result

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object; offset and scale are float32 numbers: nothing is lost. Those
        of several inputs stand with each.
        """
        own = {"offset": _plain(self.offset), "scale": _plain(self.scale)}
        of_each = [{"name": one.name, **one.way.to_json()} for one in self.inputs]
        return {
            "formula": "(x - offset) / scale",
            **({"inputs": of_each} if of_each else own),
            "shape": list(self.shape),
            "input_range": list(self.input_range),
            "raw_dtype": self.raw_dtype,
            "dtype": self.dtype,
            "layout": self.layout,
        }

    @classmethod
    def from_json(cls, content: Dict[str, Any]) -> Preprocessing:
        """Read what :meth:`to_json` wrote. Raises :class:`DataError` if a field is damaged."""
        try:
            shape = tuple(int(n) for n in content["shape"])
            low, high = (float(v) for v in content["input_range"])
            if min(shape, default=0) < 1 or not -math.inf < low <= high < math.inf:
                raise ValueError("the shape or the range is none")
            if "inputs" in content:
                of_each = list(content["inputs"])
                if not of_each or any("inputs" in one for one in of_each):
                    raise ValueError("the inputs are none")
                ways = (OfInput(str(one["name"]), cls.from_json(one)) for one in of_each)
                return _together(tuple(ways), shape)
            return cls(
                offset=_per_feature(content["offset"], shape, "preprocessing.offset"),
                scale=_per_feature(content["scale"], shape, "preprocessing.scale", positive=True),
                shape=shape,
                input_range=(low, high),
                raw_dtype=str(content["raw_dtype"]),
                dtype=str(content["dtype"]),
                layout=str(content["layout"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f"the preprocessing is damaged ({type(error).__name__}: {error})",
                "Make the run again, or restore its data.json.",
            ) from error


class OfInput(NamedTuple):
    """The preprocessing of one of several inputs."""

    name: str
    way: Preprocessing

    @property
    def shape(self) -> Tuple[int, ...]:
        """Of one sample."""
        return self.way.shape

    @property
    def dtype(self) -> str:
        """Of its raw values."""
        return self.way.raw_dtype


def _together(inputs: Sequence[OfInput], shape: Tuple[int, ...] = ()) -> Preprocessing:
    """Return the preprocessing of rows of several inputs.

    Args:
        inputs: that of each. shape: of a row, where that is known.

    Raises:
        ValueError: it is another.
    """
    ways = [one.way for one in inputs]
    size = sum(int(np.prod(way.shape, dtype=np.int64)) for way in ways)
    if shape not in ((), (size,)):
        raise ValueError("the inputs have another shape")
    offset, scale = (
        tuple(
            number
            for way, numbers in zip(ways, of_all)
            for number in np.broadcast_to(np.asarray(numbers), way.shape).ravel().tolist()
        )
        for of_all in ([way.offset for way in ways], [way.scale for way in ways])
    )
    lows, highs = zip(*(way.input_range for way in ways))
    return Preprocessing(
        offset=offset,
        scale=scale,
        shape=(size,),
        input_range=(min(lows), max(highs)),
        raw_dtype=str(np.result_type(*(way.raw_dtype for way in ways))),
        layout=LAYOUTS[1],
        inputs=tuple(inputs),
    )


class _OneInput(NamedTuple):
    """Raw samples of one of several inputs of a dataset, as far as their preprocessing needs
    them.
    """

    whole: Dataset
    part: InputPart

    @property
    def name(self) -> str:
        return f"{self.part.name}' of '{self.whole.name}"

    @property
    def sample_shape(self) -> Tuple[int, ...]:
        return self.part.shape

    @property
    def raw_dtype(self) -> str:
        return self.part.dtype

    @property
    def is_image(self) -> bool:
        return len(self.part.shape) == 3

    @property
    def value_range(self) -> Optional[Tuple[float, float]]:
        return self.whole.value_range if self.is_image else None

    def gather(self, indices: np.ndarray) -> np.ndarray:
        return kept_apart(self.whole.gather(indices), self.whole.inputs)[self.part.name]


Samples = Union[Dataset, _OneInput]


@dataclass(frozen=True)
class Scaling(Record):
    """``(x - offset) / scale``, as a model does it to raw samples.

    Attributes:
        offset, scale: one number each, or one per feature or channel.
    """

    offset: Tuple[float, ...] = part()
    scale: Tuple[float, ...] = part()

    def check(self) -> None:
        """Raise :class:`Unfit` unless it can be done."""
        if len(self.offset) != len(self.scale) or not self.scale or min(self.scale) <= 0:
            raise Unfit("scale", "is not positive, for each offset")

    def __str__(self) -> str:
        """The formula, with one number for each where all are alike."""
        offset, scale = (_words(numbers) for numbers in (self.offset, self.scale))
        return f"x / {scale}" if offset == "0" else f"(x - {offset}) / {scale}"

    def after(
        self, offset: Optional[float], scale: Optional[float]
    ) -> Tuple[Tuple[float, ...], Tuple[float, ...]]:
        """Return offset and scale of this after ``(x - offset) / scale``, with None for those that
        are not set.
        """
        first = 0.0 if offset is None else offset
        width = 1.0 if scale is None else scale
        return tuple(first + o * width for o in self.offset), tuple(s * width for s in self.scale)


def fit_preprocessing(
    dataset: Dataset,
    indices: np.ndarray,
    offset: Union[None, float, Sequence[float]],
    scale: Union[None, float, Sequence[float]],
) -> Preprocessing:
    """Choose the preprocessing of a dataset; of several inputs that of each by itself.

    With neither ``offset`` nor ``scale``, the lowest raw value becomes -1 and the highest 127/128,
    so that all 256 levels of an int8 input at fix position 7 are used: scale = (high - low) ·
    128/255, offset = low + scale; for uint8 images the int8 input is x - 128. Images have one
    range, the dataset's ``value_range``, else 0 to 255 for uint8, else what is found; tables have
    one per feature, signals one per channel.

    Args:
        dataset: the raw data.
        indices: the samples that may be looked at: all but the test split.
        offset: one number, or one per feature or channel; 0 if only ``scale`` is given.
        scale: as ``offset``, positive; 1 if only ``offset`` is given.

    Raises:
        DataError: offset or scale is not usable, or all images have the same value everywhere.
    """
    if not dataset.inputs:
        return _fitted(dataset, indices, offset, scale)
    for key, value in (("offset", offset), ("scale", scale)):
        if value is not None and np.ndim(value):
            raise DataError(
                f"data.{key} is a list, and there are {len(dataset.inputs)} inputs",
                "Give one number for all of them, or leave it out.",
            )
    return _together(
        [
            OfInput(one.name, _fitted(_OneInput(dataset, one), indices, offset, scale))
            for one in dataset.inputs
        ]
    )


def _fitted(
    dataset: Samples,
    indices: np.ndarray,
    offset: Union[None, float, Sequence[float]],
    scale: Union[None, float, Sequence[float]],
) -> Preprocessing:
    """Return the preprocessing of the samples of one input; see :func:`fit_preprocessing`."""
    low, high = _raw_range(dataset, indices)
    if offset is None and scale is None:
        offset, scale = _full_range(low, high, dataset)
    shape = dataset.sample_shape
    offset = _per_feature(0.0 if offset is None else offset, shape, "data.offset")
    scale = _per_feature(1.0 if scale is None else scale, shape, "data.scale", positive=True)
    with np.errstate(all="ignore"):  # what comes of it is looked at below
        low_end, high_end = (
            (v.astype(np.float32) - np.asarray(offset, np.float32)) / np.asarray(scale, np.float32)
            for v in (low, high)
        )
    ends = float(np.min(low_end)), float(np.max(high_end))
    if not np.isfinite(ends).all() or (np.any(high > low) and not ends[0] < ends[1]):
        raise DataError(
            f"data.offset and data.scale take the values of '{dataset.name}' from"
            f" {float(np.min(low)):g} to {float(np.max(high)):g} to {ends[0]:g} and {ends[1]:g}",
            "Choose them so that (x - offset) / scale is about -1 to 1, or leave both out.",
        )
    return Preprocessing(
        offset=offset,
        scale=scale,
        shape=shape,
        input_range=ends,
        raw_dtype=dataset.raw_dtype,
        layout=LAYOUTS[len(shape)],
    )


def _raw_range(dataset: Samples, indices: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return lowest and highest raw value, float64: of all images, or of each feature or
    channel of a signal.
    """
    if dataset.value_range is not None:
        return np.asarray(dataset.value_range[0]), np.asarray(dataset.value_range[1])
    if dataset.is_image and dataset.raw_dtype == "uint8":
        return np.asarray(0.0), np.asarray(255.0)
    axes = None if dataset.is_image else tuple(range(len(dataset.sample_shape)))
    values = int(np.prod(dataset.sample_shape, dtype=np.int64))
    indices = indices[:: -(-len(indices) * values // MOST_VALUES) or 1]
    step = max(1, min(CHUNK, CHUNK_VALUES // max(1, values)))
    low, high = [], []
    for i in range(0, len(indices), step):
        chunk = dataset.gather(indices[i : i + step])
        low.append(chunk.min(axis=axes))
        high.append(chunk.max(axis=axes))
    return np.min(low, axis=0).astype(np.float64), np.max(high, axis=0).astype(np.float64)


def _full_range(low: np.ndarray, high: np.ndarray, dataset: Samples) -> Tuple[Any, Any]:
    """Return float32 offset and scale that map low to -1 and high to 127/128, constants to 0."""
    span = (high - low) * 128 / 255
    # A span that float32 rounds to nothing (or to a number so small that dividing by it overflows)
    # is no span.
    constant = span < np.finfo(np.float32).tiny
    if dataset.is_image and bool(np.all(constant)):
        raise DataError(
            f"all images of '{dataset.name}' have the same value, {float(low):g}, everywhere",
            "Check how the images were loaded.",
        )
    with np.errstate(over="ignore", invalid="ignore"):
        offset = np.where(constant, low, low + span).astype(np.float32)
        widest = np.maximum(offset - low, (high - offset) * 128 / 127)
        scale = np.where(constant, 1.0, widest).astype(np.float32)
        # Rounding must not push an end over the edge: beyond -1 or 127/128 an int8 input would need
        # another fix position, half as fine.
        for _ in range(ROUNDINGS):
            over = ((low.astype(np.float32) - offset) / scale < -1) | (
                (high.astype(np.float32) - offset) / scale > np.float32(127 / 128)
            )
            scale = np.where(over & ~constant, np.nextafter(scale, np.float32(np.inf)), scale)
    return offset.tolist(), scale.tolist()


def _per_feature(value: Any, shape: Tuple[int, ...], key: str, positive: bool = False) -> Numbers:
    """Return one float32 number, or one per feature or channel. Raises DataError with the key."""
    try:
        array = np.asarray(value, dtype=np.float64)
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    except (TypeError, ValueError):
        array = np.asarray(np.nan, dtype=np.float32)
    if not np.all(np.isfinite(array)) or array.shape not in ((), shape[-1:]):
        raise DataError(
            f"{key} is {value!r}",
            f"Give one number, or a list of {shape[-1] if shape else 1} (one per feature or"
            " channel).",
        )
    if positive and array.min() <= 0:
        raise DataError(
            f"{key} is {float(array.min())}",
            "Give a positive number: raw values are divided by it.",
        )
    return float(array) if array.ndim == 0 else tuple(float(v) for v in array)


def _plain(value: Numbers) -> Union[float, List[float]]:
    return list(value) if isinstance(value, tuple) else value


def _words(numbers: Sequence[float]) -> str:
    distinct = {f"{number + 0.0:.4g}" for number in numbers}  # -0 + 0 is 0
    return distinct.pop() if len(distinct) == 1 else f"[{len(numbers)} numbers]"
