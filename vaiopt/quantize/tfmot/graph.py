"""A small mutable graph of layers, between the float model and the quantized one.

Nodes have the classes and configurations of Keras layers, and two kinds of our own (``Sigmoid``,
the DPU's, and ``Quantize``, the rounding of real numbers that enter). The order of
:meth:`Graph.ordered` is that of ``model.layers`` in Keras, on which the vendor's passes depend.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from vaiopt.errors import QuantizeError

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "Dense")
"""Layers with a kernel and a bias that the DPU multiplies and accumulates."""


@dataclass
class Node:
    """One layer.

    Attributes:
        name: unique in the graph.
        kind: class name of the Keras layer.
        config: its configuration.
        inputs: names of the nodes it reads.
        weights: arrays by the last part of their variables' names, in Keras's order.
        layer: the layer of the float model it stands for.
        tensor: the name of the tensor it writes, should that be quantized.
        fused: it was part of its input layer in the float model.
        shape: of its output, the samples' axis None.
        place: where its output is rounded, as :mod:`vaiopt.quantize.tfmot.placement` decides.
        average: ``(K, n)`` of a pooling that averages as ``sum * K / 2**n``; None for the mean.
    """

    name: str
    kind: str
    config: Dict[str, Any]
    inputs: List[str]
    weights: "OrderedDict[str, np.ndarray]" = field(default_factory=OrderedDict)
    layer: str = ""
    tensor: str = "output"
    fused: bool = False
    shape: Tuple[Optional[int], ...] = ()
    place: str = "float"
    average: Optional[Tuple[int, int]] = None

    @property
    def kernel(self) -> str:
        """The name of its kernel among the weights."""
        return "depthwise_kernel" if self.kind == "DepthwiseConv2D" else "kernel"

    def weight_name(self, key: str) -> str:
        """Return Keras's name of a weight; its kernel is ``kernel`` in the keys of positions."""
        return self.kernel if key == "kernel" else key

    @property
    def activation(self) -> str:
        """The name of its activation function, ``linear`` if it has none."""
        name = self.config.get("activation", "linear")
        if isinstance(name, dict):
            inner = name.get("config")
            name = inner if isinstance(inner, str) else name.get("class_name")
        return {"silu": "swish", None: "linear"}.get(name, name)


class Graph:
    """Layers by name, in the order they were added, with the names of the outputs."""

    def __init__(
        self, nodes: Sequence[Node], inputs: Sequence[str], outputs: Sequence[str]
    ) -> None:
        self.nodes: "OrderedDict[str, Node]" = OrderedDict((node.name, node) for node in nodes)
        self.inputs, self.outputs = list(inputs), list(outputs)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.ordered())

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    def consumers(self, name: str) -> List[Node]:
        """Return the nodes that read a node, as often as they read it."""
        return [node for node in self.nodes.values() for source in node.inputs if source == name]

    def feeds_only(self, name: str) -> bool:
        """Tell whether a node is read at most once, the outputs of the model counted."""
        return len(self.consumers(name)) + self.outputs.count(name) <= 1

    def source(self, node: Node, index: int = 0) -> Node:
        """Return the node that an input comes from."""
        return self.nodes[node.inputs[index]]

    def add_after(self, name: str, node: Node) -> None:
        """Put a node behind another: all that read ``name`` now read the new node."""
        for reader in self.nodes.values():
            reader.inputs = [node.name if source == name else source for source in reader.inputs]
        self.outputs = [node.name if output == name else output for output in self.outputs]
        node.inputs = [name]
        node.shape = node.shape or self.nodes[name].shape
        self.nodes[node.name] = node

    def bypass(self, name: str) -> None:
        """Take a node with one input out."""
        source = self.nodes.pop(name).inputs[0]
        for reader in self.nodes.values():
            reader.inputs = [source if entry == name else entry for entry in reader.inputs]
        self.outputs = [source if output == name else output for output in self.outputs]

    def unique_name(self, name: str) -> str:
        """Return ``name``, with a number behind it if it is taken."""
        candidate, number = name, 1
        while candidate in self.nodes:
            number += 1
            candidate = f"{name}_{number}"
        return candidate

    def ordered(self) -> List[Node]:
        """Return the nodes in Keras's order of ``model.layers``: by depth, then depth first."""
        finished, indices = _traverse(self)
        depths: Dict[str, int] = {}
        for name in reversed(finished):
            depth = depths.setdefault(name, 0)
            for source in self.nodes[name].inputs:
                depths[source] = max(depth + 1, depths.get(source, 0))
        names = sorted(depths, key=lambda name: (-depths[name], indices[name]))
        return [self.nodes[name] for name in names]


def _traverse(graph: Graph) -> Tuple[List[str], Dict[str, int]]:
    """Return the reachable nodes, sources first, and when a walk from the outputs meets them."""
    indices: Dict[str, int] = {}
    finished: List[str] = []
    done = set()
    stack: List[Tuple[str, bool]] = [(name, False) for name in reversed(graph.outputs)]
    while stack:
        name, left = stack.pop()
        if left:
            finished.append(name)
            done.add(name)
            continue
        if name in indices:
            continue
        indices[name] = len(indices)
        stack.append((name, True))
        stack.extend((source, False) for source in reversed(graph.nodes[name].inputs))
    return finished, indices


def read_graph(model: Any) -> Graph:
    """Return the graph of a functional Keras model, weights copied.

    Raises:
        QuantizeError: a layer is called several times, has several outputs, or is called with extra
            arguments; or an input is not used.
    """
    config = model.get_config()
    nodes = [_read_node(e, model.get_layer(e["config"]["name"])) for e in config["layers"]]
    graph = Graph(nodes, _names(config["input_layers"]), _names(config["output_layers"]))
    used = {node.name for node in graph}
    for name in graph.inputs:
        if name not in used:
            raise QuantizeError(f"input '{name}' leads to no output", "Remove it from the model.")
    return graph


def _read_node(entry: Dict[str, Any], layer: Any) -> Node:
    name = entry["config"]["name"]
    calls = entry.get("inbound_nodes", [])
    if len(calls) > 1:
        raise QuantizeError(
            f"layer '{name}' is used {len(calls)} times", "Give each use a layer of its own."
        )
    inputs = []
    for source in calls[0] if calls else []:
        if source[1] != 0 or source[2] != 0 or (len(source) > 3 and source[3]):
            raise QuantizeError(
                f"layer '{name}' is called in a way that cannot be quantized",
                "Use layers of one output, called once with tensors only.",
            )
        inputs.append(source[0])
    shape = layer.output_shape
    kind = str(entry["class_name"]).split("vaiopt>")[-1]  # ours, as older Keras writes them
    node = Node(name, kind, dict(entry["config"]), inputs, weights_of(layer), layer=name)
    node.shape = tuple(shape[0] if isinstance(shape, list) else shape)
    return node


def weights_of(layer: Any) -> "OrderedDict[str, np.ndarray]":
    """Return copies of a layer's weights, by the last part of their variables' names."""
    weights: "OrderedDict[str, np.ndarray]" = OrderedDict()
    for variable, value in zip(layer.weights, layer.get_weights()):
        key = variable.name.split(":")[0].split("/")[-1]
        weights[f"{key}/{len(weights)}" if key in weights else key] = np.array(value)
    return weights


def _names(entries: Any) -> List[str]:
    """Return layer names from Keras's lists of (layer, node, tensor), flat if there is one."""
    if entries and isinstance(entries[0], str):
        return [entries[0]]
    return [entry[0] for entry in (entries.values() if isinstance(entries, dict) else entries)]
