"""Data from a function of the user's own: ``module:function`` or ``path.py:function``."""

from __future__ import annotations

import contextlib
import importlib
import random
import re
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Iterator, Optional, Sequence

import numpy as np

from vaiopt import user_code
from vaiopt.data.dataset import IN_MEMORY_MB, Dataset, Request, make_dataset
from vaiopt.data.labels import made_anew
from vaiopt.data.paths import find_path
from vaiopt.data.sources.arrays import dataset_of
from vaiopt.data.sources.source import Source
from vaiopt.data.streams import are_streams, sets_of
from vaiopt.errors import DataError, did_you_mean
from vaiopt.reading import check_regular
from vaiopt.tasks import AUTO

PATTERN = re.compile(r"^(?P<module>.+):(?P<function>[A-Za-z_]\w*)$")
MOST_REPEATED = 2**30
"""Bytes of samples that are made once more to see whether they are the same."""

RETURNS = (
    "Return (x, y), (x, y, sample_weight), ((x, y), (x_test, y_test)), three such pairs (training,"
    " validation, test), arrays by name ({'x': x, 'y': y}), a tf.data.Dataset or Keras Sequence of"
    " batches, or a vaiopt.data.Dataset."
)


def _matches(text: str, path: Optional[Path]) -> bool:
    return path is None and PATTERN.match(text) is not None


def load_function(request: Request, path: Path) -> Dataset:
    """Call the user's function without arguments and check what it returns. Modules are imported
    from the folder of its file, and from ``request.base``.

    Raises:
        DataError: the module or function is not there, raises, or returns something else.
    """
    match = PATTERN.match(request.source)
    assert match is not None  # the source was found by this pattern
    module, name = match.group("module"), match.group("function")
    running = partial(user_code.running, partial(_failed, request.source), request.base)
    with _seeded():
        with running():
            loaded = (
                user_code.load_file(_find(module, request))
                if module.endswith(".py")
                else importlib.import_module(module)
            )
        function = getattr(loaded, name, None)
        if not callable(function):
            known = _functions(loaded)
            hint = did_you_mean(name, known) if known else RETURNS
            raise DataError(f"'{module}' has no function '{name}'", hint)
        with running(function):
            result = function()
    return dataset_returned(result, request.source, request.task, request.in_memory_mb)


def _check(request: Request, path: Path) -> None:
    """Check that the file of a function is there; a module is found when it is imported."""
    module = request.source.rpartition(":")[0]
    if module.endswith(".py"):
        _find(module, request)


SOURCE = Source("module:function", _matches, load_function, check=_check)


@contextlib.contextmanager
def _seeded() -> Iterator[None]:
    """Let a function that draws from Python's or NumPy's global random numbers, and seeds them not,
    draw the same at each call: workers and later steps call it again.
    """
    before, before_of_numpy = random.getstate(), np.random.get_state()
    random.seed(0)
    np.random.seed(0)
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(before_of_numpy)


def check_repeats(dataset: Dataset, load: Callable[[Request], Dataset]) -> None:
    """Check that a function which made data makes the same once more.

    Args:
        dataset: as it was loaded. load: loads a request anew.

    Raises:
        DataError: it makes others, so that no later step would have those of the trials.
    """
    request = dataset.request
    if request is None or not PATTERN.match(request.source) or dataset.x.nbytes > MOST_REPEATED:
        return
    if load(request).sha256() != dataset.sha256():
        raise DataError(
            f"'{request.source}' returns other data each time it is called",
            "Let it return the same: seed what it draws from, numpy.random.default_rng(0), and"
            " sort what it lists.",
        )


def _failed(source: str, what: str) -> DataError:
    return DataError(f"'{source}' raised {what}", f"Correct the function. {RETURNS}")


def _find(name: str, request: Request) -> Path:
    path, looked = find_path(name, request.base)
    if path is None:
        raise DataError(
            f"there is no file '{name}' (looked at {', '.join(map(str, looked))})",
            f"Correct data.source = '{request.source}'.",
        )
    try:
        check_regular(path)
    except OSError as error:
        raise DataError(
            f"'{path}' cannot be read: {error}", "Give a Python file: FILE.py:FUNCTION."
        ) from error
    return path


def _functions(module: ModuleType) -> Any:
    return [n for n, value in vars(module).items() if callable(value) and not n.startswith("_")]


def dataset_returned(
    result: Any, source: str, task: str = AUTO, in_memory_mb: float = IN_MEMORY_MB
) -> Dataset:
    """Make a checked dataset of what a function returned, or of what was passed.

    Args:
        result: as :data:`RETURNS` says.
        source: what it is called.
        task: what is learned; ``auto`` tells it by ``y``.
        in_memory_mb: samples that come in batches are kept in a file if they are more megabytes.

    Raises:
        DataError: it is something else, or cannot be used.
    """
    if isinstance(result, Dataset):
        return made_anew(result, result.name or source, result.task if task == AUTO else task)
    if are_streams(result):
        return make_dataset(source, task=task, **sets_of(result, source, in_memory_mb))
    if isinstance(result, dict):
        return dataset_of(source, {str(key): result[key] for key in result}, f"'{source}'", task)
    if not isinstance(result, (tuple, list)) or len(result) not in (2, 3):
        raise DataError(f"'{source}' returned {_kind(result)}", RETURNS)
    if not all(map(_is_set, result)):
        return make_dataset(source, result[0], result[1], weights=(*result, None)[2], task=task)
    return _of_sets(source, [(*given, None)[:3] for given in result], task)


def _is_set(given: Any) -> bool:
    """Return whether it is samples and labels, or these and weights, rather than an array."""
    is_list = isinstance(given, (tuple, list)) and len(given) in (2, 3)
    return is_list and hasattr(given[0], "__len__")


def _of_sets(source: str, sets: Sequence[Any], task: str) -> Dataset:
    """Return the dataset of two sets (training, test) or three (training, validation, test)."""
    nothing = (None, None, None)
    (x, y, weights), test = sets[0], sets[-1]
    validation = sets[1] if len(sets) == 3 else nothing
    return make_dataset(
        source,
        x,
        y,
        weights=weights,
        validation_x=validation[0],
        validation_y=validation[1],
        validation_weights=validation[2],
        test_x=test[0],
        test_y=test[1],
        test_weights=test[2],
        task=task,
    )


def _kind(result: Any) -> str:
    if result is None:
        return "None"
    size = f" of {len(result)}" if isinstance(result, (tuple, list)) else ""
    return f"a {type(result).__name__}{size}"
