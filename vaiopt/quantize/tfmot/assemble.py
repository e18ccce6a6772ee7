"""The quantized model: a graph with positions as a Keras model of standard layers and
``FixPosition``.
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import numpy as np

from vaiopt.int8.arithmetic import BITS, dequantize, quantize_weights
from vaiopt.int8.model import fixed_layers
from vaiopt.int8.positions import FixPosition
from vaiopt.quantize.tfmot.build import make_model, single_or_list
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
        values[node.kernel if key == "kernel" else key] = dequantize(
            quantize_weights(value, position), position
        )
    return list(values.values())


def position_list(graph: Graph, positions: Dict[Key, int]) -> List[FixPosition]:
    """Return the positions of weights and activations in the order of the layers, weights before
    activations.
    """
    entries: List[FixPosition] = []
    for node in graph:
        found: List[Tuple[str, Key]] = [
            (node.kernel if key == "kernel" else key, (node.name, key))
            for key in ("kernel", "bias", "alpha")
            if (node.name, key) in positions
        ]
        if (node.name, "out") in positions:
            found.append((node.tensor, (node.name, "out")))
        entries += [
            FixPosition(node.layer, tensor, BITS, int(positions[key])) for tensor, key in found
        ]
    return entries
