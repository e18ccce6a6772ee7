"""HDF5 files opened so that they hold all that is read from them, and hold as much as they say."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any, Callable, Iterator, List

from vaiopt.errors import ModelError
from vaiopt.reading import PathLike, Refused, check_regular

MOST_OBJECTS = 200_000
"""Groups and data sets in a file. The largest networks of Keras have some 5,000."""

MOST_BLOWN_UP = 100
"""How many times larger than the file its arrays may be. Keras does not compress, so they are as
large as it; a compressed copy of a pruned network stays below this.
"""

HINT = "Give a Keras 2 .h5 file, written by model.save('model.h5')."

SLACK_BYTES = 1 << 20
"""What small arrays may be in any case."""


@contextlib.contextmanager
def open_hdf5(path: PathLike) -> Iterator[Any]:
    """Open a file to read it.

    An HDF5 file may say that an array lies in another file of the reader's disk (external storage,
    an external link, a virtual data set); what is read from it is then handed on as weights. Such
    files are refused, and those whose arrays are far larger than the file.

    Yields:
        The open ``h5py.File``.

    Raises:
        ModelError: it is no regular file, not HDF5, or refused.
    """
    import h5py

    path = Path(path)
    if not path.exists():
        raise ModelError(f"there is no model file '{path}'", "Give the path of a Keras 2 .h5 file.")
    try:
        check_regular(path)
        file = h5py.File(str(path), "r")
    except Refused as error:
        raise ModelError(f"'{path}' cannot be read ({error})", HINT) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"'{path}' is not an HDF5 file", HINT) from error
    with file:
        _check_size(file, path, os.path.getsize(str(path)))
        yield file


@contextlib.contextmanager
def open_hdf5_within(content: bytes, path: PathLike) -> Iterator[Any]:
    """Open what stands in another file, such as an archive.

    Args:
        content: an HDF5 file.
        path: of the file that it stands in, for messages.

    Yields:
        The open ``h5py.File``.

    Raises:
        ModelError: as :func:`open_hdf5`.
    """
    import h5py

    try:
        file = h5py.File(io.BytesIO(content), "r")
    except (OSError, ValueError) as error:
        raise ModelError(f"'{path}' is damaged (its weights are no HDF5 file)", HINT) from error
    with file:
        _check_size(file, path, len(content))
        yield file


def _check_size(file: Any, path: PathLike, held: int) -> None:
    """Check that the arrays of an open file are not far larger than its ``held`` bytes."""
    size = sum(_of_each(file, path, lambda data: int(data.size or 0) * data.dtype.itemsize))
    if size > MOST_BLOWN_UP * held + SLACK_BYTES:
        raise ModelError(
            f"'{path}' is damaged (its arrays would take {size / 2**20:,.0f} MiB, the file is"
            f" {held / 2**20:,.1f} MiB)",
            HINT,
        )


def count_values(file: Any, path: PathLike) -> int:
    """Return how many values the arrays of an open file hold. Raises as :func:`open_hdf5`."""
    return sum(_of_each(file, path, lambda data: int(data.size or 0)))


def _of_each(file: Any, path: PathLike, number: Callable[[Any], int]) -> List[int]:
    """Return a number of each array in an open file."""
    try:
        return [number(data) for data in _arrays(file["/"])]
    except _Elsewhere as found:
        raise ModelError(
            f"'{path}' takes '{found}' from another file, which is not read",
            "Write the model again with its weights: model.save('model.h5').",
        ) from found
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"'{path}' is damaged ({error})", HINT) from error


class _Elsewhere(Exception):
    """An array that does not lie in the file; the text is its name."""


def _arrays(root: Any) -> Iterator[Any]:
    """Yield the arrays in a group, each once: groups may lie within each other in a circle."""
    import h5py

    seen, waiting = set(), [root]
    while waiting:
        group = waiting.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, (h5py.HardLink, h5py.SoftLink)):
                raise _Elsewhere(f"{group.name.rstrip('/')}/{name}")
            item = group.get(name)
            if item is None:  # a soft link to nothing
                continue
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MOST_OBJECTS:
                raise ValueError(f"it has more than {MOST_OBJECTS:,} groups and data sets")
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise _Elsewhere(item.name)
                yield item
