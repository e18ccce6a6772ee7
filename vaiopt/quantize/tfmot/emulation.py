"""The prepared model under tensorflow-model-optimization: calibrated, trained."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from vaiopt.int8.model import custom_objects
from vaiopt.keras import load_keras, load_tensorflow
from vaiopt.quantize.backend import single_or_list
from vaiopt.quantize.tfmot.build import load_weights, make_model
from vaiopt.quantize.tfmot.graph import CONVOLUTIONS, Graph, Node
from vaiopt.quantize.tfmot.pof2s import ACTIVATION, ENTRY, load_tfmot, pof2s, weight_chooser
from vaiopt.quantize.tfmot.refine import Key

_FIRST = "_rounded_first"

_OTHERS = {"PReLU": ("alpha",)}
"""Weights that are rounded of layers which are no convolutions."""


class Emulation:
    """A prepared and placed graph as a Keras model whose layers tensorflow-model-optimization has
    wrapped.

    Args:
        graph: prepared (:mod:`vaiopt.quantize.tfmot.prepare`) and placed
            (:mod:`vaiopt.quantize.tfmot.placement`).
        tiny_position: of tensors of nothing but tiny numbers, if the release has one.
    """

    def __init__(self, graph: Graph, tiny_position: Optional[int] = None) -> None:
        self.graph, self.tiny_position = graph, tiny_position
        self.weights = {node.name: quantized_weights(node) for node in graph}
        self.model = self._apply(self._annotated())
        self.layers = {layer.name: layer for layer in self.model.layers}
        self.quantizers = self._find_quantizers()

    def _annotated(self) -> Any:
        quantization, classes = load_tfmot().quantization.keras, pof2s()
        layers = {}

        def call(node: Node, layer: Any, inputs: List[Any]) -> Any:
            weights = tuple(node.weight_name(key) for key in self.weights[node.name])
            if self._rounds_first(node):
                first = quantization.quantize_annotate_layer(
                    load_keras().layers.Activation("linear", name=node.name + _FIRST),
                    classes["Pof2sQuantizeConfig"]((), ACTIVATION, self.tiny_position),
                )
                inputs = [first(inputs[0])]
            output = self._role(node)
            if weights or output:
                config = classes["Pof2sQuantizeConfig"](weights, output, self.tiny_position)
                layer = quantization.quantize_annotate_layer(layer, config)
            result = layer(single_or_list(inputs))
            layers[node.name] = getattr(layer, "layer", layer)
            return result

        model = make_model(self.graph, call)
        load_weights(self.graph, layers)
        return model

    def _role(self, node: Node) -> str:
        """Return how the output of a node's layer is rounded; the input of a function on the CPU is
        rounded behind the layer before it.
        """
        if node.kind == "Quantize":
            return ENTRY
        if node.place == "output" or self._owner(node) is not node:
            return ACTIVATION
        return ""

    def _rounds_first(self, node: Node) -> bool:
        """Tell whether a function on the CPU needs a rounding of its own before it."""
        return node.place == "before" and self.graph.source(node).place != "next"

    def _owner(self, node: Node) -> Node:
        """Return the node whose position the output of a node has."""
        if node.place == "next":
            reader = self.graph.consumers(node.name)[0]
            return reader if reader.place == "before" else node
        return node

    def _apply(self, annotated: Any) -> Any:
        quantization, classes = load_tfmot().quantization.keras, pof2s()
        known = {name: classes[name] for name in ("Pof2sQuantizer", "Pof2sQuantizeConfig")}
        with quantization.quantize_scope(dict(known, **custom_objects())):
            return quantization.quantize_apply(annotated, scheme=classes["Pof2sScheme"]())

    def _find_quantizers(self) -> Dict[Key, Any]:
        found: Dict[Key, Any] = {}
        for node in self.graph:
            if self._rounds_first(node):
                first = self.model.get_layer("quant_" + node.name + _FIRST)
                found[(node.name, "out")] = first.quantize_config.output_quantizers[0]
            layer = self._wrapper(node)
            if layer is None:
                continue
            config = layer.quantize_config
            keys = [(node.name, key) for key in self.weights[node.name]]
            found.update(zip(keys, config.weight_quantizers))
            found.update(((self._owner(node).name, "out"), q) for q in config.output_quantizers)
        return found

    def _wrapper(self, node: Node) -> Any:
        layer = self.layers.get("quant_" + node.name)
        return layer if layer is not None and hasattr(layer, "quantize_config") else None

    def calibrate(self, x: Sequence[np.ndarray], batch_size: int) -> Dict[Key, int]:
        """Return the position of every weight and activation, by the vendor's choice and vote.

        Args:
            x: one array per input of the model, samples first, in the order they are fed.
            batch_size: samples that one choice is made from; the last batch may be smaller.
        """
        tf = load_tensorflow()
        self._choose_weights(tf)
        live = {key: quantizer for key, quantizer in self.quantizers.items() if key[1] == "out"}
        for quantizer in live.values():
            quantizer.calibrating = True
        signature = [tf.TensorSpec((None,) + array.shape[1:], tf.float32) for array in x]

        @tf.function(input_signature=[signature])  # type: ignore[misc]
        def step(batch: Any) -> Any:
            self.model(single_or_list(batch), training=False)
            return tf.stack([quantizer.variable for quantizer in live.values()])

        votes: List[np.ndarray] = []
        for start in range(0, len(x[0]), batch_size):
            part = slice(start, start + batch_size)
            votes.append(step([tf.constant(array[part], tf.float32) for array in x]).numpy())
        for quantizer in live.values():
            quantizer.calibrating = False
        positions = {key: int(each.variable.numpy()) for key, each in self.quantizers.items()}
        positions.update({key: majority(column) for key, column in zip(live, np.transpose(votes))})
        return positions

    def _choose_weights(self, tf: Any) -> None:
        choose = weight_chooser(tf, self.tiny_position)
        for node in self.graph:
            for key, value in self.weights[node.name].items():
                self.quantizers[(node.name, key)].variable.assign(choose(tf.constant(value)))

    def set_positions(self, positions: Dict[Key, int]) -> None:
        """Round at these positions from now on."""
        for key, quantizer in self.quantizers.items():
            quantizer.variable.assign(float(positions[key]))

    def layer_of(self, name: str) -> Any:
        """Return the layer that computes a node, its roundings included."""
        return self.layers.get("quant_" + name) or self.layers[name]

    def variables_of(self, name: str) -> Dict[str, Any]:
        """Return the variables behind the rounded weights of a node, by ``kernel``, ``bias``."""
        found = zip(self.weights[name], self.layer_of(name)._weight_vars)
        return {key: variable for key, (variable, _, _) in found}

    def read_weights(self) -> None:
        """Take the weights back from the model into the graph, after training."""
        for node in self.graph:
            layer = self._wrapper(node)
            if layer is not None:
                for (variable, _, _), key in zip(layer._weight_vars, self.weights[node.name]):
                    node.weights[node.weight_name(key)] = variable.numpy()
            elif node.weights:
                values = self.model.get_layer(node.name).get_weights()
                node.weights.update(zip(node.weights, values))
        self.weights = {node.name: quantized_weights(node) for node in self.graph}


def quantized_weights(node: Node) -> Dict[str, np.ndarray]:
    """Return the weights of a node that are rounded, its kernel always as ``kernel``."""
    keys: Sequence[str] = ()
    if node.place != "float":
        keys = ("kernel", "bias") if node.kind in CONVOLUTIONS else _OTHERS.get(node.kind, ())
    named = {key: node.weight_name(key) for key in keys}
    return {key: node.weights[name] for key, name in named.items() if name in node.weights}


def majority(votes: Sequence[float]) -> int:
    """Return the most frequent vote, the first seen of equals."""
    return int(Counter(float(vote) for vote in votes).most_common(1)[0][0])
