"""Samples without labels, to predict: image files, a table, or arrays, brought into the form of the
data that a model was trained on.
"""

from __future__ import annotations

from collections import abc
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, List, Mapping, Sequence, Tuple, Union

import numpy as np

from vaiopt.data.features import check_features
from vaiopt.data.image_files import SUFFIXES, read_picture, read_pixels
from vaiopt.data.images import fit_images
from vaiopt.data.inputs import joined_sets, values_of
from vaiopt.data.left_out import UNREADABLE, Leavings, left_out_notes
from vaiopt.data.listing import list_images
from vaiopt.data.recipe import DataRecipe
from vaiopt.data.sources.folder import reading
from vaiopt.data.sources.table_file import ENDINGS, read_columns
from vaiopt.data.table import TEXT, Cells, Column
from vaiopt.data.unreadable import gather, refuse
from vaiopt.errors import DataError
from vaiopt.files import looked_for
from vaiopt.int8.feed import in_shape
from vaiopt.npz import NpzError, few_names, load_npz

ARRAYS = ("x", "x_test", "test_images")
"""Names of the array with the samples in an ``.npz`` file, the first that is there."""

Given = Union[str, Path, np.ndarray, Mapping[str, np.ndarray]]
Load = Callable[[int, int], np.ndarray]


@dataclass(frozen=True)
class Unlabelled:
    """Samples to predict.

    Attributes:
        names: of each: a file, a line of a table, or a place in an array.
        load: returns the raw samples ``(stop - start, *shape)`` between two places.
        notes: what a person should know, such as files that were left out.
    """

    names: Tuple[str, ...]
    load: Load
    notes: Tuple[str, ...] = ()

    def batches(self, size: int) -> Iterator[np.ndarray]:
        """Yield the raw samples, at most so many at once."""
        for start in range(0, len(self.names), size):
            yield self.load(start, min(start + size, len(self.names)))


def read_unlabelled(given: Given, recipe: DataRecipe) -> Unlabelled:
    """Return samples in the form of a run's data.

    Args:
        given: an image file, a folder of such (with the folders in it), a ``.csv`` with the
            columns of the run's table, an ``.npz`` with an array ``x``, or an array; of several
            inputs a dictionary with an array for each, in an ``.npz`` file ``x_<input>``.
        recipe: of the run's data: shape, columns, preprocessing.

    Raises:
        DataError: there is no such file, it cannot be read, or it has another form.
    """
    if isinstance(given, abc.Mapping):
        return _of_inputs(given, "the dictionary", recipe)
    if not isinstance(given, (str, Path)):
        return _of_array(np.asarray(given), "the array", recipe)
    path = Path(given)
    if path.is_dir():
        return _folder(path, recipe)
    if not path.is_file():
        raise DataError(f"there is no '{path}'", looked_for(path))
    if path.name.lower().endswith(ENDINGS):
        return _table(path, recipe)
    if path.suffix.lower() == ".npz":
        if recipe.preprocessing.inputs:
            return _of_inputs(_arrays_of(path, recipe), f"'{path}'", recipe)
        return _of_array(_array_of(path), f"'{path}'", recipe)
    if path.suffix.lower() in SUFFIXES:
        return _images([path], [path.name], recipe)
    raise DataError(
        f"'{path}' is no image, .csv or .npz file",
        f"Images that are read: {', '.join(SUFFIXES)}.",
    )


def _folder(folder: Path, recipe: DataRecipe) -> Unlabelled:
    """Return all images of a folder and of the folders in it, by name; those that cannot be read
    are left out, with a note, so that the others are predicted.
    """
    leavings = Leavings(folder)
    with reading(folder):
        listed = list_images(folder, SUFFIXES, leavings)
        # Decoded once before: of a thousand predictions none is lost to the last file.
        readable, unread = gather(listed.paths, lambda path: read_pixels(path, "L").size)
    for path in [*listed.problems, *unread]:
        leavings.add(UNREADABLE, path)
    if not readable:
        refuse(folder, {**listed.problems, **unread}, "then predict again.")
        raise DataError(
            f"'{folder}' holds no image that is read",
            f"Images that are read: {', '.join(SUFFIXES)}.",
        )
    names = [path.relative_to(folder).as_posix() for path in readable]
    return _images(list(readable), names, recipe, left_out_notes(leavings.all()))


def _images(
    paths: Sequence[Path], names: Sequence[str], recipe: DataRecipe, notes: Sequence[str] = ()
) -> Unlabelled:
    """Return image files, read, resized and scaled as the run's images were."""
    if len(recipe.shape) != 3 or recipe.shape[2] not in (1, 3):
        what = "a table" if len(recipe.shape) == 1 else f"of shape {recipe.shape}"
        raise DataError(
            f"'{paths[0]}' is an image, but the data of the run are {what}",
            "Give a .csv with the same columns."
            if recipe.columns
            else f"Give an .npz with an array x of shape (samples, {_sizes(recipe.shape)}).",
        )
    height, width, channels = recipe.shape

    def load(start: int, stop: int) -> np.ndarray:
        pixels = np.empty((stop - start, *recipe.shape), np.uint8)
        for place, path in enumerate(paths[start:stop]):
            pixels[place] = read_picture(path, channels == 1, (height, width), recipe.resize)
        return _in_range(pixels, recipe)

    return Unlabelled(tuple(names), load, tuple(notes))


def _in_range(pixels: np.ndarray, recipe: DataRecipe) -> np.ndarray:
    """Return pixels from 0 to 255 in the range of the run's raw data: many arrays of images have
    another one, such as 0 to 1, which the recipe tells.
    """
    prepared = recipe.preprocessing
    low, high = (
        np.asarray(end, np.float32) * np.asarray(prepared.scale, np.float32)
        + np.asarray(prepared.offset, np.float32)
        for end in prepared.input_range
    )
    if prepared.raw_dtype == "uint8" and np.all(np.abs(high - 255) < 1):
        return pixels
    if np.all(np.abs(low) < 1) and np.all(np.abs(high - 255) < 1):
        return pixels.astype(np.float32)
    return (low + pixels.astype(np.float32) / 255 * (high - low)).astype(np.float32)


def _array_of(path: Path) -> np.ndarray:
    try:
        arrays = load_npz(path, ARRAYS)
    except NpzError as error:
        raise DataError(
            f"'{path}' cannot be read ({error})", "Save it with numpy.savez('data.npz', x=x)."
        ) from error
    name = next((name for name in ARRAYS if name in arrays), None)
    if name is None:
        raise DataError(
            f"'{path}' holds no array 'x' (it holds: {few_names(arrays)})",
            "Save it with numpy.savez('data.npz', x=x).",
        )
    return np.asarray(arrays[name])


def _arrays_of(path: Path, recipe: DataRecipe) -> Mapping[str, np.ndarray]:
    """Return the array of each of several inputs in a file, as far as they are there."""
    starts = [f"{name}_" for name in ARRAYS] + [""]
    names = [one.name for one in recipe.preprocessing.inputs]
    try:
        arrays = load_npz(path, [start + name for start in starts for name in names])
    except NpzError as error:
        raise DataError(
            f"'{path}' cannot be read ({error})", "Save it with numpy.savez: x_<input> for each."
        ) from error
    of_start = [{n: arrays[s + n] for n in names if s + n in arrays} for s in starts]
    return next((found for found in of_start if found), {})


def _of_inputs(given: Mapping[str, Any], where: str, recipe: DataRecipe) -> Unlabelled:
    """Return samples of several inputs, as rows."""
    ways = {one.name: one.way for one in recipe.preprocessing.inputs}
    if not ways:
        raise DataError(
            f"{where} has arrays by input, and the model of the run has one input",
            f"Give one array of shape (samples, {_sizes(recipe.shape)}).",
        )
    parts = {}
    for name, way in ways.items():
        if name not in given:
            raise DataError(
                f"{where} has nothing for the input '{name}'",
                f"Give an array for each of {', '.join(ways)}; in an .npz file x_{name}.",
            )
        found = np.asarray(check_features(given[name], f"input '{name}' of {where}")[:])
        found = in_shape(found, way.shape)
        if found.shape[1:] != way.shape:
            raise DataError(
                f"input '{name}' of {where} has samples of shape {found.shape[1:]}, those of the"
                f" run are {way.shape}",
                f"Give an array of shape (samples, {_sizes(way.shape)}), raw as in training.",
            )
        parts[name] = found
    (kept,), inputs = joined_sets([parts], [where], ["x"])
    rows = values_of(kept, inputs)
    return Unlabelled(tuple(f"sample {i}" for i in range(len(rows))), lambda a, b: rows[a:b])


def _of_array(array: np.ndarray, where: str, recipe: DataRecipe) -> Unlabelled:
    """Return samples of an array; one sample alone is taken too."""
    if array.shape == recipe.shape or array.shape == recipe.shape[:2] and recipe.shape[2:] == (1,):
        array = array[np.newaxis]
    x = check_features(array, where)
    if x.ndim == 3 and len(recipe.shape) == 3:  # grey images
        x = x[..., np.newaxis]
    if len(recipe.shape) < 3:
        x = in_shape(x, recipe.shape)
    if x.ndim == 4 and len(recipe.shape) == 3 and x.shape[1:] != recipe.shape:
        grey = recipe.shape[2] == 1 and x.shape[3] in (3, 4)
        if x.shape[3] == recipe.shape[2] or grey:
            x = fit_images(x, recipe.shape[:2], grey, recipe.resize)
    if x.shape[1:] != recipe.shape:
        raise DataError(
            f"{where} has samples of shape {x.shape[1:]}, those of the run are {recipe.shape}",
            f"Give an array of shape (samples, {_sizes(recipe.shape)}), raw as in training.",
        )
    return Unlabelled(tuple(f"sample {i}" for i in range(len(x))), lambda a, b: x[a:b])


def _table(path: Path, recipe: DataRecipe) -> Unlabelled:
    """Return the lines of a table, its texts coded and its gaps filled as in training; columns that
    training did not have, the target among them, are left out.
    """
    where, columns = f"'{path}'", read_columns(path)
    known = recipe.columns or tuple(Column(name, "number") for name in recipe.feature_names)
    if not known or len(recipe.shape) != 1:
        raise DataError(
            f"{where} is a table, but the data of the run are not of named columns",
            f"Give an .npz with an array x of shape (samples, {_sizes(recipe.shape)}).",
        )
    lacking = [column.name for column in known if column.name not in columns]
    if lacking:
        raise DataError(
            f"{where} lacks the column '{lacking[0]}' (and {len(lacking) - 1} more)",
            f"The columns of the run: {', '.join(column.name for column in known)}.",
        )
    features = [part for c in known for part in _coded(c, columns[c.name], where)]
    x = np.stack(features, axis=1).astype(np.float32)
    names = tuple(f"line {i + 2}" for i in range(len(x)))  # the first line has the names
    return Unlabelled(names, lambda a, b: x[a:b], _left_out(columns, known))


def _left_out(columns: Mapping[str, Cells], known: Sequence[Column]) -> Tuple[str, ...]:
    names = {column.name for column in known}
    others = [name for name in columns if name not in names]
    return (f"columns that are not used: {', '.join(others)}",) if others else ()


def _coded(column: Column, cells: Cells, where: str) -> List[np.ndarray]:
    """Return the features of a column, as the run coded it."""
    whole: List[Any] = [column.fill if cell is None else cell for cell in cells]
    if None in whole:
        raise DataError(
            f"column '{column.name}' of {where} has gaps, in training it had none",
            "Fill them, or leave those lines out.",
        )
    if column.kind == TEXT:
        texts = [cell if isinstance(cell, str) else f"{cell:g}" for cell in whole]
        unknown = next((text for text in texts if text not in column.values), None)
        if unknown is not None:
            raise DataError(
                f"column '{column.name}' of {where} holds '{unknown[:40]}', which training did not",
                f"Known: {', '.join(column.values)}.",
            )
        return [np.asarray([t == value for t in texts], np.float32) for value in column.values]
    text = next((cell for cell in whole if isinstance(cell, str)), None)
    if text is not None:
        raise DataError(
            f"column '{column.name}' of {where} holds '{text[:40]}', which is no number",
            "In training it held numbers.",
        )
    return [np.asarray(whole, np.float32)]


def _sizes(shape: Sequence[int]) -> str:
    return ", ".join(map(str, shape))
