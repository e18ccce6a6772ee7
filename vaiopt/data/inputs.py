"""Samples of several inputs: one array that all else takes as any table, and what lies where in it.

Each sample is a row: its inputs, flattened, one after the other. So samples are split, limited,
kept in files and hashed as those of one input are; a row is taken apart only where a model is fed.
Inputs of different types are rows of their bytes, so that none takes more memory than by itself.
"""

from __future__ import annotations

from collections import abc
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from vaiopt.data.features import check_features, is_grey, reshaped
from vaiopt.errors import DataError, did_you_mean
from vaiopt.record import Record, part
from vaiopt.tasks import Task


@dataclass(frozen=True)
class InputPart(Record):
    """One of several inputs.

    Attributes:
        name: of the model's input.
        shape: of a sample: (H, W, C), (time, channels) or (F,).
        dtype: of its raw values, ``uint8`` or ``float32``.
    """

    name: str = part()
    shape: Tuple[int, ...] = part(low=1)
    dtype: str = part("float32")

    @property
    def size(self) -> int:
        """Values of a sample."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __str__(self) -> str:
        """Name and form in words."""
        return f"'{self.name}' ({'×'.join(map(str, self.shape))}, {self.dtype})"


Inputs = Tuple[InputPart, ...]

SETS = ("train", "test", "val", "valid", "validation")
"""With what names of arrays of given sets go on: ``x_test``, ``x_test_image``."""


def columns_of(inputs: Sequence[Any]) -> List[slice]:
    """Return where each input lies in a row of values; of anything that has a ``shape``."""
    return _places([_size(one) for one in inputs])


def _size(one: Any) -> int:
    return int(np.prod(one.shape, dtype=np.int64))


def _places(widths: Sequence[int]) -> List[slice]:
    ends = np.cumsum(widths).tolist()
    return [slice(start, end) for start, end in zip([0, *ends], ends)]


def places_in(item: int, inputs: Sequence[Any]) -> List[slice]:
    """Return where each input lies in a row as it is kept, whose items have so many bytes.

    Args:
        inputs: anything that has a ``shape`` and a ``dtype``.
    """
    return _places([_size(one) * np.dtype(one.dtype).itemsize // item for one in inputs])


def value_shape(shape: Sequence[int], inputs: Sequence[Any]) -> Tuple[int, ...]:
    """Return the shape of a preprocessed sample, of that of one as it is kept."""
    return (columns_of(inputs)[-1].stop,) if inputs else tuple(shape)


def kept_apart(rows: np.ndarray, inputs: Sequence[Any]) -> Dict[str, np.ndarray]:
    """Return rows as they are kept as an array (n, ...) of its own type for each input."""
    found = {}
    for one, where in zip(inputs, places_in(rows.dtype.itemsize, inputs)):
        own = np.ascontiguousarray(rows[:, where]).view(one.dtype)
        found[one.name] = own.reshape(len(rows), *one.shape)
    return found


def values_of(rows: np.ndarray, inputs: Sequence[Any]) -> np.ndarray:
    """Return rows of values (n, values) of rows as they are kept, or of such rows themselves.

    Args:
        inputs: as of :func:`places_in`; none for samples of one input, which are returned.
    """
    columns = columns_of(inputs)
    if not inputs or rows.shape[1:] == (columns[-1].stop,):
        return rows
    if rows.dtype.itemsize > 1 or rows.shape[1:] != (places_in(1, inputs)[-1].stop,):
        return rows  # of something else, which is told of where they are used
    found = np.empty((len(rows), columns[-1].stop), np.float32)
    for own, where in zip(kept_apart(rows, inputs).values(), columns):
        found[:, where] = own.reshape(len(rows), -1)
    return found


def by_input(rows: np.ndarray, inputs: Sequence[Any]) -> Dict[str, np.ndarray]:
    """Return rows of values (n, values) as an array (n, ...) for each input, by its name."""
    return {
        one.name: rows[:, where].reshape(len(rows), *one.shape)
        for one, where in zip(inputs, columns_of(inputs))
    }


def plain_or_by_input(x: Any, inputs: Sequence[InputPart]) -> Any:
    """Return raw samples as a person gives them: as they are, or by input where there are several,
    each of its own type.
    """
    return kept_apart(x[:], inputs) if inputs and x is not None else x


def images_in(rows: np.ndarray, inputs: Sequence[InputPart]) -> List[np.ndarray]:
    """Return the raw images (n, H, W, C) of samples, of several inputs those of each that is one;
    none where there are none.
    """
    if not inputs:
        return [rows] if rows.ndim == 4 else []
    found = plain_or_by_input(rows, inputs)
    return [found[one.name] for one in inputs if len(one.shape) == 3]


def picture_or_row(rows: np.ndarray, inputs: Sequence[InputPart]) -> np.ndarray:
    """Return what a person is shown of samples: of several inputs the first of images, if any."""
    return [*(images_in(rows, inputs) if inputs else []), rows][0]


def check_task(task: Task, inputs: Sequence[InputPart]) -> None:
    """Raise DataError: a task is of images that lie over the samples, and these are of several
    inputs.
    """
    if inputs and (task.like_samples or task.beside_samples):
        raise DataError(
            f"there are {len(inputs)} inputs ({', '.join(one.name for one in inputs)}), and the"
            f" task is {task.name}",
            "Masks and images to learn lie over samples of one input: give one array x.",
        )


def joined_sets(
    samples: Sequence[Any], called: Sequence[str], keys: Sequence[str]
) -> Tuple[List[Any], Inputs]:
    """Return the samples of each set as one array, and what lies in it; as they are, and (), where
    none are given by input.

    Args:
        samples: of each set an array, or a mapping from input to array.
        called: what each is called in messages. keys: the name of each array.

    Raises:
        DataError: an input is missing in a set, cannot be used, or has another number of samples.
    """
    if not any(isinstance(given, abc.Mapping) for given in samples):
        return list(samples), ()
    names = [str(name) for name in samples[0]] if isinstance(samples[0], abc.Mapping) else []
    for name in names:
        if name.split("_")[0].lower() in SETS:
            raise DataError(
                f"an input of {called[0]} is called '{name}', as sets of samples are",
                "Call it something else: arrays of a file are told apart by their names.",
            )
    found = []
    for given, label, key in zip(samples, called, keys):
        arrays = _of_set(given, names, label, key)
        found.append({name: _checked(arrays[name], name, label) for name in names})
    if len(names) == 1:  # one input, whatever it is called
        return [arrays[names[0]] for arrays in found], ()
    return _rows(found, names, called)


def _of_set(given: Any, names: Sequence[str], label: str, key: str) -> Mapping[str, Any]:
    """Return the arrays of one set. Raises DataError: they are not of these inputs."""
    known = ", ".join(f"'{name}'" for name in names) or "none"
    if not isinstance(given, abc.Mapping) or not names:
        raise DataError(
            f"{label} is one array, and other sets have one for each input",
            f"Give a dictionary with an array for each; in an .npz file: {key}_<input>.",
        )
    given = {str(name): array for name, array in given.items()}
    for name in names:
        if name not in given:
            raise DataError(
                f"{label} has nothing for the input '{name}', only for"
                f" {', '.join(map(repr, given)) or 'none'}",
                f"Give an array for each of {known}: {key}_{name} in an .npz file.",
            )
    for name in given:
        if name not in names:
            raise DataError(
                f"{label} has samples of '{name}', which no other set has",
                f"{did_you_mean(name, names)} Give all sets the same inputs.",
            )
    return given


def _checked(array: Any, name: str, label: str) -> np.ndarray:
    """Return an input (n, ...) as uint8 or float32; grey images with a channel."""
    if np.ndim(array) == 1:  # one number a sample
        array = np.reshape(array, (-1, 1))
    found = check_features(array, f"input '{name}' of {label}")
    if found.ndim == 3 and is_grey(found):
        found = reshaped(found, (*found.shape[1:], 1))
    return np.asarray(found[:])


def _rows(
    sets: Sequence[Mapping[str, np.ndarray]], names: Sequence[str], called: Sequence[str]
) -> Tuple[List[Any], Inputs]:
    """Return the rows of each set as they are kept, and what lies in them: of one type that type's
    values, of several their bytes.
    """
    own = {name: [arrays[name] for arrays in sets] for name in names}
    for arrays, label in zip(sets, called):
        for name in names:
            if len(arrays[name]) != len(arrays[names[0]]):
                raise DataError(
                    f"{label} has {len(arrays[names[0]])} samples of the input '{names[0]}' and"
                    f" {len(arrays[name])} of '{name}'",
                    "Give each input the same samples, in the same order.",
                )
            if arrays[name].shape[1:] != own[name][0].shape[1:]:
                raise DataError(
                    f"a sample of the input '{name}' has shape {own[name][0].shape[1:]} in"
                    f" {called[0]}, {arrays[name].shape[1:]} in {label}",
                    "Give all sets samples of the same shape.",
                )
    inputs = tuple(
        InputPart(name, parts[0].shape[1:], str(np.result_type(*parts)))
        for name, parts in own.items()
    )
    types = {one.dtype for one in inputs}
    kept = np.dtype(types.pop() if len(types) == 1 else np.uint8)
    places = places_in(kept.itemsize, inputs)
    found = []
    for arrays in sets:
        rows = np.empty((len(arrays[names[0]]), places[-1].stop), kept)
        for one, where in zip(inputs, places):
            values = np.ascontiguousarray(arrays[one.name], one.dtype)
            rows[:, where] = values.reshape(len(rows), -1).view(kept)
        found.append(rows)
    return found, inputs
