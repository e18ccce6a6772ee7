"""The quantized model: a graph as a Keras model of standard layers and ``FixPosition``."""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np

from vaiopt.int8.arithmetic import BITS, dequantize, quantize_weights
from vaiopt.int8.model import fixed_layers
from vaiopt.int8.positions import FixPosition
from vaiopt.quantize.backend import single_or_list
from vaiopt.quantize.tfmot.build import make_model
from vaiopt.quantize.tfmot.emulation import quantized_weights
from vaiopt.quantize.tfmot.graph import Graph, Node
from vaiopt.quantize.tfmot.refine import Key


def make_quantized(graph: Graph, positions: Dict[Key, int]) -> Any:
    """Return the quantized Keras model (see :mod:`vaiopt.int8.model`)."""
    fix_position = fixed_layers()["FixPosition"]
    layers = {}

    def fix(node: Node, tensor: Any, name: str, entry: bool = False) -> Any:
        position = positions[(node.name, "out")]
        return fix_position(position, node.layer, node.tensor, entry, name=name)(tensor)

    def call(node: Node, layer: Any, inputs: List[Any]) -> Any:
        if node.kind == "Quantize":
            return fix(node, inputs[0], node.name, True)
        if node.place == "before":
            inputs = [fix(node, inputs[0], node.name + "_fix")]
        layers[node.name] = layer
        result = layer(single_or_list(inputs))
        return fix(node, result, node.name + "_fix") if node.place == "output" else result

    model = make_model(graph, call)
    for node in graph:
        if node.weights:
            layers[node.name].set_weights(_on_grid(node, positions))
    return model


def _on_grid(node: Node, positions: Dict[Key, int]) -> List[np.ndarray]:
    """Return all weights of a node, those that are quantized rounded."""
    values = dict(node.weights)
    for key, value in quantized_weights(node).items():
        position = positions[(node.name, key)]
        values[node.weight_name(key)] = dequantize(quantize_weights(value, position), position)
    return list(values.values())


def position_list(graph: Graph, positions: Dict[Key, int]) -> List[FixPosition]:
    """Return the fix positions in the order of the layers, weights before activations."""
    entries: List[FixPosition] = []
    for node in graph:
        for key in ("kernel", "bias", "alpha", "out"):
            position = positions.get((node.name, key))
            if position is not None:
                tensor = node.tensor if key == "out" else node.weight_name(key)
                entries.append(FixPosition(node.layer, tensor, BITS, int(position)))
    return entries
