"""The doors of this package: from a model, a file or a configuration to its calls and its graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from vaiopt.errors import ModelError
from vaiopt.network.calls import CallList
from vaiopt.network.changes import changed
from vaiopt.network.config import from_config
from vaiopt.network.file import read_architecture
from vaiopt.network.flatten import flatten
from vaiopt.network.graph import LayerGraph
from vaiopt.network.live import from_live
from vaiopt.network.operations import DAMAGED, lower
from vaiopt.network.refusals import refusals


def read_calls(model: Any) -> CallList:
    """Return the flattened calls of a live Keras 2 model or of a model configuration.

    Args:
        model: a functional or sequential Keras 2 model, or the dictionary in ``model_config`` /
            ``model.to_json()``.

    Raises:
        ModelError: Keras 3, a subclassed model, a model without input shape, or a configuration
            that is not a Keras 2 model's.
    """
    if not isinstance(model, Mapping):
        return flatten(from_live(model))
    try:
        return flatten(from_config(model))
    except DAMAGED as error:
        raise ModelError(
            f"this architecture is damaged ({type(error).__name__}: {error})",
            "Save the model again from Keras 2 (tf_keras).",
        ) from error


def changed_calls(model: Any) -> CallList:
    """Return the calls as :func:`read_calls` does, changed exactly into what the quantizers take.

    Raises:
        ModelError: as :func:`read_calls`.
    """
    return changed(read_calls(model))


def read_graph(model: Any) -> LayerGraph:
    """Return the layer graph of a model, without TensorFlow and without running any code of the
    model.

    Args:
        model: a live Keras 2 model (functional or sequential), its configuration as a dictionary,
            or the path of a Keras 2 ``.h5`` file or of an architecture JSON (``model.to_json()``).

    Raises:
        ModelError: a missing or unreadable file, Keras 3, a subclassed model, an undefined shape,
            or shapes that do not fit.
    """
    if isinstance(model, LayerGraph):
        return model
    if isinstance(model, (str, Path)):
        path = Path(model)
        return _lowered(changed_calls(read_architecture(path)), path.stem)
    if isinstance(model, Mapping):
        body = model.get("config")
        name = body.get("name") if isinstance(body, Mapping) else model.get("name")
        return _lowered(changed_calls(model), str(name or "model"))
    return _lowered(changed_calls(model), str(getattr(model, "name", "model")))


def _lowered(calls: CallList, name: str) -> LayerGraph:
    """Return the graph of calls, with what no quantizer takes of them."""
    return lower(calls, name)._replace(refusals=refusals(calls))
