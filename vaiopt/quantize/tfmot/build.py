"""Keras layers from the nodes of a graph."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

from vaiopt.errors import QuantizeError
from vaiopt.int8.model import custom_objects, fixed_layers
from vaiopt.keras import load_keras
from vaiopt.quantize.tfmot.graph import Graph, Node


def make_layer(node: Node, exact: bool = False) -> Any:
    """Return the Keras layer of a node, without weights.

    Args:
        node: what to make.
        exact: take Keras's own sigmoid and average instead of the DPU's.

    Raises:
        QuantizeError: Keras cannot make the layer again.
    """
    keras, ours = load_keras(), fixed_layers()
    if node.kind == "Quantize":
        return keras.layers.Activation("linear", name=node.name)
    if node.kind == "HardSigmoid" or (exact and node.kind == "Sigmoid" and node.config.get("hard")):
        return ours["HardSigmoid"](name=node.name)
    if node.kind == "Sigmoid" and exact:
        return keras.layers.Activation("sigmoid", name=node.name)
    if node.kind == "Sigmoid":
        return ours["FixedSigmoid"](name=node.name)
    if node.kind == "AveragePooling2D" and not exact:
        return _average_pooling(node)
    if node.kind == "GlobalAveragePooling2D" and not exact:
        keep = node.config.get("keepdims", False)
        return ours["FixedGlobalAveragePooling2D"](
            name=node.name, keepdims=keep, **_multiplier(node)
        )
    config = {key: value for key, value in node.config.items() if key != "batch_input_shape"}
    for key in list(config):
        if key.endswith(("_regularizer", "_constraint")):
            config[key] = None  # they belong to training; the weights are given
    try:
        with keras.utils.custom_object_scope(custom_objects()):
            if node.kind == "Lambda":  # its code is here already: the model was built, or trusted
                return keras.layers.Lambda.from_config(config)
            return keras.layers.deserialize({"class_name": node.kind, "config": config})
    except (ValueError, TypeError, KeyError) as error:
        raise QuantizeError(
            f"layer '{node.name}' ({node.kind}) cannot be made again:"
            f" {str(error).splitlines()[0][:120] if str(error) else error}",
            "Register a custom layer with keras.utils.register_keras_serializable, or use Keras's"
            " own layers.",
        ) from error


def _average_pooling(node: Node) -> Any:
    return fixed_layers()["FixedAveragePooling2D"](
        name=node.name,
        pool_size=tuple(node.config["pool_size"]),
        strides=tuple(node.config["strides"]),
        padding=node.config["padding"],
        **_multiplier(node),
    )


def _multiplier(node: Node) -> Dict[str, Any]:
    numerator, shift = node.average or (1, None)
    return {"numerator": numerator, "shift": shift}


def make_model(
    graph: Graph, call: Callable[[Node, Any, List[Any]], Any], exact: bool = False
) -> Any:
    """Return the functional Keras model of a graph.

    Args:
        graph: what to build.
        call: given a node, its new layer and its input tensors, calls the layer and returns the
            tensor that the readers get.
        exact: as for :func:`make_layer`.
    """
    keras = load_keras()
    tensors: Dict[str, Any] = {}
    for node in graph:
        if node.kind == "InputLayer":
            tensors[node.name] = keras.Input(shape=node.shape[1:], name=node.name, dtype="float32")
        else:
            inputs = [tensors[name] for name in node.inputs]
            tensors[node.name] = call(node, make_layer(node, exact), inputs)
    ends = ([tensors[name] for name in names] for names in (graph.inputs, graph.outputs))
    # A name of its own: Keras would count up the models of the process, and the file would differ.
    return keras.Model(*ends, name="quantized")


def load_weights(graph: Graph, layers: Mapping[str, Any]) -> None:
    """Give Keras layers the weights of the nodes of the same names."""
    for node in graph:
        if node.weights:
            layers[node.name].set_weights(list(node.weights.values()))
