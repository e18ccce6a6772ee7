"""Whether Keras may build the architecture in a file: known classes only, and of a sensible size.

Keras itself never comes back from a layer that is its own input, and allocates whatever a layer
asks for.
"""

from __future__ import annotations

import contextlib
import contextvars
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping

from vaiopt import memory
from vaiopt.errors import ModelError
from vaiopt.files import PathLike
from vaiopt.network.file import config_of
from vaiopt.network.hdf5 import count_values, open_hdf5
from vaiopt.network.known import check_known
from vaiopt.network.operations import lower
from vaiopt.network.read import read_calls

SIZES = ("filters", "units", "output_dim", "num_heads", "key_dim", "value_dim")
"""Settings of a layer that are lengths of one of its weights."""

BYTES = 4
"""Of a weight, as Keras holds it."""

_trusted: "contextvars.ContextVar[bool]" = contextvars.ContextVar("trusted", default=False)


@contextlib.contextmanager
def trusting_models(trust: bool = True) -> Iterator[None]:
    """Within this block, code in model files (``Lambda`` layers) is run: they are the caller's own.

    Nothing in a file can switch this on.
    """
    token = _trusted.set(trust or _trusted.get())
    try:
        yield
    finally:
        _trusted.reset(token)


def models_are_trusted() -> bool:
    """Whether this runs within :func:`trusting_models`."""
    return _trusted.get()


def check_model_file(path: PathLike) -> Dict[str, Any]:
    """Return the architecture in a file that Keras, or a tool of the vendor, may build. Raises as
    :func:`check_loadable`.
    """
    with open_hdf5(path) as file:
        return check_loadable(file, Path(path))


def check_loadable(file: Any, path: Path) -> Dict[str, Any]:
    """Refuse a model file that Keras should not build.

    Args:
        file: the open ``h5py.File``.
        path: of it, for messages.

    Returns:
        The architecture in it.

    Raises:
        ModelError: a layer is not known or holds code, the layers depend on each other in a
            circle, or sizes are asked for that the file does not hold.
    """
    config = config_of(file, path)
    check_known(config, trust=models_are_trusted())
    calls = read_calls(config)
    held = count_values(file, path)
    reason = memory.shortage(BYTES * held)
    if reason:
        raise ModelError(
            f"'{path}' does not fit into memory: {reason}", "Use a smaller model, or more memory."
        )
    _check_sizes(config, held, path)
    try:
        graph = lower(calls, path.stem)
    except ModelError:
        if any(call.class_name == "InputLayer" and _undefined(call.config) for call in calls.calls):
            return config  # who needs the sizes says so with a better message
        raise
    asked = sum(operation.params for operation in graph.operations)
    if asked > 2 * held + 1000:
        raise _absurd(path, f"its layers ask for {asked:,} weights")
    return config


def _undefined(config: Mapping[str, Any]) -> bool:
    shape = config.get("batch_input_shape")
    return isinstance(shape, (list, tuple)) and None in shape[1:]


def _check_sizes(config: Mapping[str, Any], held: int, path: Path) -> None:
    """A layer, wrapped or nested, has at least as many weights as it has outputs."""
    waiting: List[Any] = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, (list, tuple)):
            waiting.extend(item)
        elif isinstance(item, Mapping):
            waiting.extend(item.values())
            for key in SIZES:
                size = item.get(key)
                if isinstance(size, (int, float)) and size > held:
                    raise _absurd(path, f"layer '{item.get('name')}' asks for {key}={size:,}")


def _absurd(path: Path, what: str) -> ModelError:
    return ModelError(
        f"'{path}' is damaged ({what}, which the file does not hold)", "Save the model again."
    )
