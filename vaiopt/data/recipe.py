"""``data.json``: where a candidate's data came from, and how to have the same parts again on
another machine.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

from vaiopt.data.dataset import Dataset, Request
from vaiopt.data.images import RESIZES, STRETCH
from vaiopt.data.inputs import value_shape
from vaiopt.data.kinds import KINDS, kind_of_shape
from vaiopt.data.load import check_source, load_request
from vaiopt.data.preprocessing import Preprocessing
from vaiopt.data.splits import PARTS, Splits, split_dataset
from vaiopt.data.store import load_once
from vaiopt.data.table import Column
from vaiopt.errors import DataError, RunError
from vaiopt.record import Record, Unfit, part, read_record
from vaiopt.runs.layout import Candidate
from vaiopt.tasks import AUTO, TASKS, Targets, is_task
from vaiopt.tasks.targets import PLAIN


@dataclass(frozen=True)
class DataRecipe(Record):
    """Where data came from, and how they are split and preprocessed.

    Attributes:
        name, source: of the data; base: the folder that a relative source starts at.
        limit, limit_seed: how many samples were drawn, and by which seed.
        image_size, grayscale: how images were read.
        split: shares of train, validation and test. seed: of the split.
        pool: whether a given test set was pooled before. pool_validation: whether a given
            validation set was.
        reserved: where the test data start that no trial may see; None for one ratio.
        samples: in each part.
        shape, dtype: of a sample.
        classes, feature_names: names.
        sha256, split_sha256: of the data and of the parts.
        preprocessing: of training, calibration, evaluation and kit alike.
        task: what is learned.
        target: the column of a table that holds the labels, "" for the last. columns: how its
            others were turned into numbers.
        targets: what a model's outputs are of the labels. unscored: classes of masks that do not
            count. hashed: how ``sha256`` tells the data from others.
        features: what the records of a TFRecord file hold.
        resize: how images were brought to that size. skip_corrupt: whether files that cannot be
            read were left out.
        kind: what samples are; empty in runs of before there were signals.
    """

    name: str = part()
    source: str = part()
    base: str = part()
    limit: int = part(low=0)
    limit_seed: int = part(low=0)
    image_size: Tuple[int, ...] = part(low=1)
    grayscale: bool = part()
    split: Tuple[float, ...] = part(low=0)
    seed: int = part(low=0)
    pool: bool = part()
    samples: Dict[str, int] = part(low=0)
    shape: Tuple[int, ...] = part(low=1)
    dtype: str = part()
    classes: Tuple[str, ...] = part()
    sha256: str = part()
    split_sha256: str = part()
    preprocessing: Preprocessing = part()
    reserved: Optional[float] = part(None, low=0, high=1)
    feature_names: Tuple[str, ...] = part(())
    task: str = part("classification")
    pool_validation: bool = part(False)
    target: str = part("")
    columns: Tuple[Column, ...] = part(())
    targets: Targets = part(PLAIN)
    unscored: Tuple[str, ...] = part(())
    hashed: str = part(AUTO)
    features: Dict[str, str] = part({})
    resize: str = part(STRETCH, choices=tuple(RESIZES))
    skip_corrupt: bool = part(False)
    kind: str = part("")
    cache: str = part("")

    def check(self) -> None:
        """Raise unless samples and shares are of the three parts, and the task is known."""
        if not is_task(self.task):
            raise Unfit("task", f"is {self.task!r}, not one of {', '.join(TASKS)}")
        if set(self.samples) != set(PARTS):
            raise Unfit("samples", f"is not of {', '.join(PARTS)}")
        if len(self.split) != len(PARTS):
            raise Unfit("split", f"has {len(self.split)} shares, not {len(PARTS)}")
        if len(self.shape) not in KINDS or self.kind not in ("", KINDS[len(self.shape)]):
            raise Unfit("kind", f"is {self.kind!r}, of samples of shape {self.shape}")


def data_recipe(dataset: Dataset, splits: Splits) -> DataRecipe:
    """Return the recipe of a data set and its split.

    Raises:
        DataError: the dataset was made in memory, so that no other stage could load it again.
    """
    request = dataset.request
    if request is None:
        raise DataError(
            f"the dataset '{dataset.name}' was made in memory, so later stages cannot load it",
            "Save it with numpy.savez('data.npz', x=x, y=y) or name the function that makes it:"
            ' data.source = "module:function".',
        )
    return DataRecipe(
        name=dataset.name,
        source=request.source,
        base=request.base,
        limit=request.limit,
        limit_seed=request.seed,
        image_size=tuple(request.image_size),
        grayscale=request.grayscale,
        split=splits.ratios,
        seed=splits.seed,
        pool=splits.pool,
        reserved=splits.reserved,
        samples=splits.sizes(),
        shape=dataset.sample_shape,
        dtype=str(dataset.x.dtype),
        classes=tuple(dataset.classes),
        feature_names=tuple(dataset.feature_names),
        sha256=dataset.sha256(),
        split_sha256=splits.sha256(),
        preprocessing=splits.preprocessing,
        task=dataset.task,
        pool_validation=splits.pool_validation,
        target=request.target,
        columns=tuple(dataset.columns),
        targets=splits.targets,
        unscored=request.unscored,
        hashed=request.hashed,
        features=dict(request.features),
        resize=request.resize,
        skip_corrupt=request.skip_corrupt,
        kind=kind_of_shape(dataset.sample_shape),
        cache=request.cache,
    )


_HELD: List[Dict[Request, Dataset]] = []


@contextlib.contextmanager
def data_held() -> Iterator[None]:
    """While it lasts, data that are asked for again are not loaded again.

    For a command, a flow or a worker, which takes its data as they are at one time; not for a
    whole session, in which a person may change them.
    """
    if _HELD:
        yield
        return
    _HELD.append({})
    try:
        yield
    finally:
        _HELD.clear()


def load_requested(request: Request) -> Dataset:
    """Load the data of a request, or take them as they were loaded within :func:`data_held`.

    Raises:
        DataError: they are not there, or cannot be used.
    """
    held = _HELD[0] if _HELD else {}
    if request not in held:
        held.clear()  # one data set at a time: it may be large
        found = load_once(request, load_request)
        # Later stages know the task and the kind that "auto" came to.
        known = replace(request, task=found.task, kind=kind_of_shape(found.sample_shape))
        held[request] = held[known] = found
    return held[request]


def read_recipe(candidate: Candidate) -> DataRecipe:
    """Return a candidate's recipe. Raises :class:`RunError`: it is missing or damaged."""
    command = f"{candidate.command('choose')} --trial {candidate.number}"
    return read_record(candidate.data, DataRecipe, command)


def _source(candidate: Candidate, recipe: DataRecipe) -> str:
    """Return the source of a recipe; of arrays that were passed in Python the file in the run
    folder, wherever that is now.
    """
    path = Path(recipe.source)
    moved = candidate.run.inputs / path.name
    is_passed = path.is_absolute() and path.parent.name == candidate.run.inputs.name
    return str(moved) if is_passed and moved.is_file() and not path.exists() else recipe.source


def _request(candidate: Candidate, recipe: DataRecipe) -> Request:
    return Request(
        source=_source(candidate, recipe),
        base=recipe.base,
        limit=recipe.limit,
        seed=recipe.limit_seed,
        image_size=recipe.image_size,
        grayscale=recipe.grayscale,
        target=recipe.target,
        task=recipe.task,
        unscored=recipe.unscored,
        hashed=recipe.hashed,
        features=tuple(sorted(recipe.features.items())),
        resize=recipe.resize,
        skip_corrupt=recipe.skip_corrupt,
        kind=recipe.kind or kind_of_shape(recipe.shape),
        cache=recipe.cache,
    )


def check_data(candidate: Candidate) -> None:
    """Check that a candidate's data are there, without loading them. Raises as
    :func:`load_splits`.
    """
    check_source(_request(candidate, read_recipe(candidate)))


def load_splits(candidate: Candidate) -> Splits:
    """Load a candidate's data again and return its parts, with the preprocessing that it was
    trained with.

    A relative source is looked for from the folder that the search took it from, then from the
    current folder and in ``VAIOPT_DATA``, so a run can be moved to a machine that has the data
    elsewhere.

    Raises:
        RunError: ``data.json`` is missing or damaged.
        DataError: the data is not there, or no longer the same.
    """
    recipe = read_recipe(candidate)
    command = f"vaiopt search SETTINGS.toml --run {candidate.run.folder}"
    dataset = load_requested(_request(candidate, recipe))
    if dataset.sha256() != recipe.sha256:
        raise DataError(
            f"the data of '{recipe.source}' is not what the run '{candidate.run.folder}' was made"
            f" from (SHA-256 {dataset.sha256()[:12]}…, was {recipe.sha256[:12]}…)",
            "Restore the data (a function must return the same each time), or search again with:"
            f" {command}",
        )
    splits = split_dataset(
        dataset,
        recipe.split,
        seed=recipe.seed,
        pool=recipe.pool,
        pool_validation=recipe.pool_validation,
        reserved=recipe.reserved,
        preprocessing=recipe.preprocessing,
        targets=recipe.targets,
    )
    fits = (
        splits.sha256() == recipe.split_sha256
        and recipe.preprocessing.shape == value_shape(dataset.sample_shape, dataset.inputs)
        and tuple(dataset.classes) == recipe.classes
    )
    if not fits:
        raise RunError(
            f"'{candidate.data}' does not fit its own data: split, shape or classes were changed",
            f"Make it again with: {command}",
        )
    return splits
