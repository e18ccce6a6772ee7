"""The layer calls of a live Keras model."""

from __future__ import annotations

import re
from typing import (
    Any,
    Dict,
    Hashable,
    List,
    Mapping,
    Optional,
)

from vaiopt.errors import ModelError
from vaiopt.network.calls import SUBCLASSED_HINT, RawCall, RawModel, Shape, _ordered, _unwrapped


def _from_live(model: Any) -> RawModel:
    """Read a live functional or sequential Keras 2 model; shapes come from Keras."""
    modules = [c.__module__ for c in type(model).__mro__]
    if any(
        re.match(r"keras\.src\.models\.(model|functional|sequential)$", module)
        for module in modules
    ):
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
    calls = [_live_call(node) for nodes in model._nodes_by_depth.values() for node in nodes]
    # in the order in which Keras would store them, so that second calls get the same names
    calls.sort(key=lambda call: (places.get(call.key[0], -1), call.key[1]))
    inputs = [(id(layer), call, tensor) for layer, call, tensor in model._input_coordinates]
    outputs = [(id(layer), call, tensor) for layer, call, tensor in model._output_coordinates]
    return RawModel(_ordered(calls), inputs, outputs)


def _live_call(node: Any) -> RawCall:
    """Read one node of a live model."""
    layer = node.layer
    number = next(n for n, other in enumerate(layer._inbound_nodes) if other is node)
    inputs = (
        []
        if node.is_input
        else [(id(source), call, tensor) for source, call, tensor, _ in node.iterate_inbound()]
    )
    class_name = type(layer).__name__
    if getattr(layer, "_is_graph_network", False):
        return RawCall(
            (id(layer), number), layer.name, "Model", {}, inputs, {}, None, None, _from_live(layer)
        )
    try:
        config = layer.get_config()
    except (
        NotImplementedError
    ):  # a custom layer without configuration: its shapes are known all the same
        config = {"name": layer.name}
    class_name, config = _unwrapped({"class_name": class_name, "config": config})
    arguments = _live_arguments(node) if class_name in ("TFOpLambda", "SlicingOpLambda") else {}
    shapes = _batchless(node.output_shapes)
    params = sum(_size(weight.shape) for weight in layer.weights)
    return RawCall(
        (id(layer), number), layer.name, class_name, config, inputs, arguments, shapes, params, None
    )


def _live_arguments(node: Any) -> Mapping[str, Any]:
    """Return the keyword arguments of a TensorFlow operation; a second operand given by place is
    called ``y``, as in a stored model.
    """
    arguments = dict(node.call_kwargs)
    if len(node.call_args) > 1:
        arguments.setdefault("y", node.call_args[1])
    return arguments


def _size(shape: Any) -> int:
    size = 1
    for length in shape:
        size *= int(length)
    return size


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
