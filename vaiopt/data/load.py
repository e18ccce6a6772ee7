"""From the name, path or function that a person gives to a checked :class:`Dataset`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Callable, Dict, Sequence, Union

from vaiopt.data import embedded, folders, functions, images, keras_files, npz
from vaiopt.data import paths as places
from vaiopt.data.dataset import Dataset, Request, check_limit, limit_dataset
from vaiopt.data.stratify import check_seed
from vaiopt.errors import DataError, did_you_mean

NAMED_SOURCES: Dict[str, Callable[[], Dataset]] = {
    "digits": embedded.load_digits,
    "breast_cancer": embedded.load_breast_cancer,
    "mnist": keras_files.load_mnist,
    "fashion_mnist": keras_files.load_fashion_mnist,
}
"""What can be given by name, and what loads it."""

FUNCTION_SOURCE = re.compile(r"^(?P<module>.+):(?P<function>[A-Za-z_]\w*)$")


def load_dataset(
    source: str,
    *,
    limit: int = 0,
    seed: int = 0,
    image_size: Sequence[int] = (),
    grayscale: bool = False,
    base: Union[None, str, Path] = None,
) -> Dataset:
    """Load and check a dataset.

    Args:
        source: a name (``digits``, ``breast_cancer``, ``mnist``, ``fashion_mnist``), the path of an
            ``.npz`` file or of a folder of images (``folder/class/image.png``), or a function that
            returns the data (``module:function`` or ``path.py:function``). A folder that is called
            like a name is given as ``./name``.
        limit: how many samples to keep, the classes in their shares; 0 for all.
        seed: decides which, if there is a limit.
        image_size: (height, width) that images are resized to; () keeps them as they are.
        grayscale: turn images to one channel.
        base: the folder that a relative path starts at (that of the settings file); by default the
            current one. A path that is not there is also looked for from the current folder and in
            the folder that ``VAIOPT_DATA`` names.

    Raises:
        DataError: the source is unknown, missing, corrupt, or holds something that cannot be used.
        MissingToolError: a package that this kind of source needs is not installed.
    """
    if not isinstance(source, str) or not source.strip():
        raise DataError(
            f"data.source is {source!r}",
            "Known: {}; or a path, or module:function.".format(", ".join(sorted(NAMED_SOURCES))),
        )
    request = Request(
        source=source.strip(),
        limit=check_limit(limit),
        seed=check_seed(seed),
        image_size=images.check_image_size(image_size),
        grayscale=bool(grayscale),
        base=str((Path.cwd() if base is None else Path(base)).resolve()),
    )
    try:
        dataset = limit_dataset(_load(request), request.limit, request.seed)
    except MemoryError as error:
        raise DataError(
            f"the data of '{request.source}' does not fit into memory",
            "Use less of it (data.limit), or smaller images (data.image_size).",
        ) from error
    dataset = replace(dataset, fingerprint=dataset.sha256(), request=request)
    if not dataset.is_image or not (request.image_size or request.grayscale):
        return _as_is(dataset, request)
    return replace(
        dataset,
        x=images.fit_images(dataset.x, request.image_size, request.grayscale),
        test_x=(
            None
            if dataset.test_x is None
            else images.fit_images(dataset.test_x, request.image_size, request.grayscale)
        ),
    )


def _as_is(dataset: Dataset, request: Request) -> Dataset:
    if request.image_size or request.grayscale:
        raise DataError(
            "'{}' is a table, but data.{} is set".format(
                dataset.name, "image_size" if request.image_size else "grayscale"
            ),
            "Remove the setting: it is for images.",
        )
    return dataset


def _load(request: Request) -> Dataset:
    """Find out what kind of source it is, and load it whole (a folder of images: as far as the
    limit goes).
    """
    source = request.source
    if source in NAMED_SOURCES:
        return NAMED_SOURCES[source]()
    path, looked = places.find_path(source, request.base)
    function = FUNCTION_SOURCE.match(source)
    if path is None and function:
        return functions.load_function(
            function.group("module"), function.group("function"), request.base
        )
    if path is None:
        raise _not_found(source, looked)
    if path.is_dir():
        try:
            return folders.load_folder(path, request)
        except OSError as error:
            raise DataError(
                f"'{path}' cannot be read ({error})",
                "Check that you may read the folder and all in it.",
            ) from error
    if path.suffix.lower() == ".npz":
        return npz.load_npz(path)
    raise DataError(
        f"'{path}' is neither an .npz file nor a folder of images",
        "Save arrays with numpy.savez('data.npz', x=x, y=y), or name a Python function that reads"
        " the file: path.py:function.",
    )


def _not_found(source: str, looked: Sequence[Path]) -> DataError:
    """Tell a misspelt name from a path where nothing is."""
    if "/" in source or "\\" in source or Path(source).suffix:
        return DataError(
            "there is no '{}' (looked at {})".format(source, ", ".join(str(p) for p in looked)),
            "Correct data.source, or set VAIOPT_DATA to the folder that it is in.",
        )
    return DataError(f"unknown data source '{source}'", did_you_mean(source, NAMED_SOURCES))
