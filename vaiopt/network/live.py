"""The layer calls of a live Keras model, as :mod:`vaiopt.network.config` reads them from a
configuration, with the shapes and parameters that Keras knows.
"""

from __future__ import annotations

import inspect
from typing import Any, Dict, Hashable, List, Mapping, Optional

from vaiopt.errors import ModelError
from vaiopt.network.calls import SUBCLASSED_HINT, RawCall, RawModel, ordered, unwrapped
from vaiopt.network.layers import layer_class
from vaiopt.network.sizes import Shape, elements

KERAS_3_MODULES = frozenset(
    f"keras.src.models.{name}" for name in ("model", "functional", "sequential")
)
"""Modules of the classes of a Keras 3 model."""


def from_live(model: Any) -> RawModel:
    """Read a live functional or sequential Keras 2 model; shapes come from Keras.

    Raises:
        ModelError: it is a Keras 3 model, subclassed, without input shape, or no model.
    """
    if any(c.__module__ in KERAS_3_MODULES for c in type(model).__mro__):
        raise ModelError(
            "this is a Keras 3 model, which no Vitis-AI tool reads",
            "Build it with Keras 2: from vaiopt.keras import load_keras; keras = load_keras()",
        )
    if not hasattr(model, "get_config") or not hasattr(model, "layers"):
        raise ModelError(
            f"a {type(model).__name__} is not a Keras model",
            "Give a Keras 2 model, its configuration, or a file.",
        )
    if not getattr(model, "_is_graph_network", False):
        if type(model).__name__ == "Sequential":
            raise ModelError(
                "this Sequential model has no input shape",
                "Give the first layer an input_shape, or put keras.Input(shape) first.",
            )
        raise ModelError(
            f"'{model.name}' is a subclassed model, whose layers cannot be read", SUBCLASSED_HINT
        )
    places: Dict[Hashable, int] = {id(layer): number for number, layer in enumerate(model.layers)}
    calls = [_call(node) for nodes in model._nodes_by_depth.values() for node in nodes]
    # in the order in which Keras would store them, so that second calls get the same names
    calls.sort(key=lambda call: (places.get(call.key[0], -1), call.key[1]))
    inputs = [(id(layer), call, tensor) for layer, call, tensor in model._input_coordinates]
    outputs = [(id(layer), call, tensor) for layer, call, tensor in model._output_coordinates]
    return RawModel(ordered(calls), inputs, outputs)


def _call(node: Any) -> RawCall:
    """Read one node of a live model."""
    layer = node.layer
    number = next(n for n, other in enumerate(layer._inbound_nodes) if other is node)
    inbound = [] if node.is_input else node.iterate_inbound()
    inputs = [(id(source), call, tensor) for source, call, tensor, _ in inbound]
    key = (id(layer), number)
    if getattr(layer, "_is_graph_network", False):
        return RawCall(key, layer.name, "Model", {}, inputs, nested=from_live(layer))
    try:
        config = layer.get_config()
    except NotImplementedError:  # a custom layer without one: its shapes are known all the same
        config = {"name": layer.name}
    class_name, config = unwrapped({"class_name": type(layer).__name__, "config": config})
    arguments = _arguments(node) if layer_class(class_name).kind == "tensorflow" else {}
    params = sum(elements(weight.shape) for weight in layer.weights)
    shapes = _batchless(node.output_shapes)
    return RawCall(key, layer.name, class_name, config, inputs, arguments, shapes, params)


def _arguments(node: Any) -> Mapping[str, Any]:
    """Return the arguments of a TensorFlow operation by name, as in a stored model; tensors of the
    model are among them as they are.
    """
    arguments = dict(node.call_kwargs)
    for name, value in zip(_argument_names(node.layer), node.call_args):
        arguments.setdefault(name, value)
    return {name: _plain(value) for name, value in arguments.items()}


def _argument_names(layer: Any) -> List[str]:
    """Return the names of a TensorFlow function's arguments."""
    try:
        return list(inspect.signature(layer.function).parameters)
    except (AttributeError, TypeError, ValueError):
        return ["x", "y"]


def _plain(value: Any) -> Any:
    """Return a constant tensor as numbers, as a stored model has it."""
    if hasattr(value, "numpy"):
        return value.numpy().tolist()
    return value.tolist() if hasattr(value, "tolist") else value


def _batchless(shapes: Any) -> Optional[List[Shape]]:
    """Return a live node's output shapes without the batch; None if a dimension is undefined."""
    if isinstance(shapes, tuple) and (not shapes or not isinstance(shapes[0], (tuple, list))):
        shapes = [shapes]
    elif isinstance(shapes, Mapping):
        shapes = list(shapes.values())
    result = []
    for shape in shapes if isinstance(shapes, (list, tuple)) else []:
        lengths = list(shape)[1:]
        if any(length is None for length in lengths):
            return None
        result.append(tuple(int(length) for length in lengths))
    return result or None
