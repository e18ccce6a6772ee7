"""From the name, path or function that a person gives to a checked :class:`Dataset`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from vaiopt.data.cache import cached
from vaiopt.data.dataset import IN_MEMORY_MB, Dataset, Request
from vaiopt.data.images import (
    FEW_LEVELS,
    STRETCH,
    check_image_size,
    check_resize,
    fit_images,
    fit_masks,
)
from vaiopt.data.kinds import check_kind, with_kind
from vaiopt.data.labels import with_task, without_unscored
from vaiopt.data.limit import check_limit, limit_dataset
from vaiopt.data.other_kinds import cure_of, elsewhere
from vaiopt.data.paths import find_path
from vaiopt.data.rows import Rows
from vaiopt.data.sources import SOURCES, Source
from vaiopt.data.store import scratch
from vaiopt.data.stratify import check_seed
from vaiopt.errors import DataError, did_you_mean
from vaiopt.files import looked_for, meant_by
from vaiopt.tasks import AUTO, task_of
from vaiopt.tasks.joined import mapped


def load_dataset(
    source: str,
    *,
    limit: int = 0,
    seed: int = 0,
    image_size: Sequence[int] = (),
    grayscale: bool = False,
    target: str = "",
    task: str = AUTO,
    unscored: Sequence[str] = (),
    resize: str = STRETCH,
    skip_corrupt: bool = False,
    kind: str = AUTO,
    base: Union[None, str, Path] = None,
    **options: Any,
) -> Dataset:
    """Load and check a dataset.

    Args:
        source: a name (``digits``), a path (``./digits``), or ``module:function``.
        limit: how many samples to keep, the classes in their shares; 0 for all.
        seed: decides which, if there is a limit.
        image_size: (height, width) that images are resized to; () keeps them as they are.
        grayscale: turn images to one channel.
        target: the column of a table that holds the labels; "" for the last.
        task: what is learned, a name of :data:`vaiopt.tasks.TASKS`; ``auto`` tells it by ``y``.
        unscored: classes of masks that are neither learned nor scored.
        resize: how images are brought to ``image_size``: ``stretch``, ``crop`` or ``pad``.
        skip_corrupt: leave out image files that cannot be read, with a note.
        kind: what samples are, a name of :data:`vaiopt.data.kinds.KINDS`, or ``auto``.
        base: the folder that a relative path starts at; by default the current one. A path that is
            not there is also looked for from the current folder and in ``VAIOPT_DATA``.
        options: ``features`` (a dictionary), ``in_memory_mb``, ``hashed``, ``cache``: of a Request.

    Raises:
        DataError: the source is unknown, missing, corrupt, or holds something that cannot be used.
        MissingToolError: a package that this kind of source needs is not installed.
    """
    if not isinstance(source, str) or not source.strip():
        raise DataError(
            f"data.source is {source!r}",
            f"Known: {', '.join(sorted(_names()))}; or a path, or module:function.",
        )
    return load_request(
        Request(
            source=source.strip(),
            limit=check_limit(limit),
            seed=check_seed(seed),
            image_size=check_image_size(image_size),
            grayscale=bool(grayscale),
            target=target,
            task=task if task == AUTO else task_of(task).name,
            unscored=tuple(unscored),
            resize=check_resize(resize),
            skip_corrupt=bool(skip_corrupt),
            kind=check_kind(kind),
            base=str((Path.cwd() if base is None else Path(base)).resolve()),
            **_others(**options),
        )
    )


def _others(
    features: Optional[Mapping[str, str]] = None,
    in_memory_mb: float = IN_MEMORY_MB,
    hashed: str = AUTO,
    cache: str = "",
) -> Dict[str, Any]:
    """Return the options that say how files are read, as fields of a request."""
    declared = tuple(sorted((features or {}).items()))
    how = {"in_memory_mb": in_memory_mb, "hashed": hashed, "cache": cache}
    return {"features": declared, **how}


def load_request(request: Request) -> Dataset:
    """Load the dataset of a checked request. Raises as :func:`load_dataset`."""
    return cached(request, _files(request) if request.cache else None, _loaded)


def _loaded(request: Request) -> Dataset:
    try:
        dataset = with_kind(with_task(_load(request), request.task), request.kind)
        dataset = limit_dataset(dataset, request.limit, request.seed)
    except MemoryError as error:
        raise DataError(
            f"the data of '{request.source}' does not fit into memory",
            "Use less of it (data.limit), or smaller images (data.image_size).",
        ) from error
    sha256 = dataset.fingerprint or dataset.hashed_as(request.hashed)
    notes = (*dataset.notes, *_few_levels(dataset))
    dataset = replace(dataset, fingerprint=sha256, request=request, notes=notes)
    dataset = without_unscored(dataset, request.unscored)
    if not (request.image_size or request.grayscale):
        return dataset
    if not dataset.is_image:
        name = "image_size" if request.image_size else "grayscale"
        kind = "set of signals" if dataset.is_signal else "table"
        kind = "set of several inputs" if dataset.inputs else kind
        raise DataError(
            f"'{dataset.name}' is a {kind}, but data.{name} is set",
            "Remove the setting: it is for images.",
        )
    fitted: Dict[str, Any] = {
        name: _fitted_samples(getattr(dataset, name), request)
        for name in ("x", "test_x", "validation_x")
        if getattr(dataset, name) is not None
    }
    if request.image_size:
        fitted.update(_fitted_labels(dataset, request))
    return replace(dataset, **fitted)


LOOKED_AT = 1000
"""Samples whose levels are looked at."""


def _few_levels(dataset: Dataset) -> Tuple[str, ...]:
    """Return a note if images of bytes use only the lowest levels: they are scaled as 0 to 255."""
    known = dataset.value_range is not None or dataset.files is not None
    if known or not dataset.is_image or dataset.x.dtype != np.uint8:
        return ()
    highest = int(np.max(dataset.x[:LOOKED_AT], initial=0))
    if highest >= FEW_LEVELS:
        return ()
    return (
        f"images of bytes are scaled as 0 to 255, and these use only 0 to {highest}: set"
        f" data.offset={highest / 2:g} and data.scale={max(highest, 1) / 2:g}, or give float32",
    )


def _fitted_samples(x: Any, request: Request) -> Any:
    """Return images in the size and colour that are asked for; those in a file go to another."""

    def fitted(images: np.ndarray) -> np.ndarray:
        return fit_images(images, request.image_size, request.grayscale, request.resize)

    if not isinstance(x, Rows):
        return fitted(x)
    like = fitted(x[:1])
    if like.shape[1:] == x.shape[1:]:
        return x
    return scratch().append_parts(map(fitted, x.chunks()), like.shape[1:], like.dtype)


def _fitted_labels(dataset: Dataset, request: Request) -> Dict[str, Any]:
    """Return the masks of a dataset, if it has some, in the size of its samples. Raises DataError:
    it has images.
    """
    names = [n for n in ("y", "test_y", "validation_y") if getattr(dataset, n) is not None]
    pieces = task_of(dataset.task).pieces(dataset.y, dataset.classes)
    over = [piece for piece in pieces if piece.task.like_samples]
    if any(piece.y.ndim != 3 for piece in over):
        raise DataError(
            f"data.image_size is set, and the task is {dataset.task}",
            "Remove the setting: give samples and targets in the size that is wanted.",
        )
    masks = [piece.output for piece in over]

    def fitted(y: np.ndarray, output: str) -> np.ndarray:
        return fit_masks(y, request.image_size, request.resize) if output in masks else y

    return {name: mapped(fitted, getattr(dataset, name)) for name in names} if over else {}


def _names() -> Sequence[str]:
    return [source.name for source in SOURCES if source.literal]


def _files(request: Request) -> Optional[Iterable[Path]]:
    """Return the files that the samples of a request are decoded from; None if they are not.
    Raises DataError: the cache lies among them.
    """
    text = request.source
    path, _ = find_path(text, request.base)
    found = next((source for source in SOURCES if source.matches(text, path)), None)
    if found is None or found.files is None or path is None:
        return None
    if path.is_dir() and path.resolve() in Path(request.cache).resolve().parents:
        raise DataError(
            f"data.cache is '{request.cache}', within the data", "Name a folder outside of them."
        )
    return found.files(path)


def _load(request: Request) -> Dataset:
    """Load a source of whatever kind whole (a folder of images: as far as the limit goes)."""
    source, path = _found(request)
    return source.load(request, path)


def check_source(request: Request) -> None:
    """Check that there is what a request names, and that it is of a known kind, without loading it.

    Raises:
        DataError: there is not, or it is not.
    """
    source, path = _found(request)
    source.check(request, path)


def _found(request: Request) -> Tuple[Source, Path]:
    """Return the kind that the source of a request is of, and its path, else its text as one."""
    text = request.source
    path, looked = find_path(text, request.base)
    for source in SOURCES:
        if source.matches(text, path):
            if request.target and not source.takes_target:
                raise DataError(
                    f"data.target is set, but '{text}' is no table of named columns",
                    "Remove the setting: it is for .csv files.",
                )
            return source, path or Path(text)
    if path is not None:
        raise DataError(
            f"'{path}' is neither an .npz or .csv file nor a folder of images, nor .npy or .h5",
            cure_of(path),
        )
    if "/" in text or "\\" in text or Path(text).suffix:
        raise DataError(
            f"there is no '{text}' (looked at {', '.join(map(str, looked))})",
            f"{meant_by(Path(text))} Correct data.source, or set VAIOPT_DATA to the folder that"
            " it is in.",
        )
    near = f"Or name a file or folder. {looked_for(Path(text))}"
    meant = elsewhere(text) or f"{did_you_mean(text, _names())} "
    raise DataError(f"unknown data source '{text}'", f"{meant}{near}")
