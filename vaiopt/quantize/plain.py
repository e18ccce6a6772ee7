"""Exact changes of a float model that quantizers would refuse: the same function, in a form that
they take.

* Models within the model are flattened: their layers are called in their place.
* A layer without weights that is called several times becomes a layer for each call.
* A batch normalisation of flat features that cannot be folded into the layer before it, such as one
  behind ``Dense(activation="relu")``, is folded into the dense layers behind it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Dict, List, Optional

import numpy as np

from vaiopt.errors import VaioptError
from vaiopt.keras import load_keras, load_tensorflow
from vaiopt.network.calls import Call, CallList
from vaiopt.network.flatten import flatten
from vaiopt.network.live import from_live
from vaiopt.quantize.tfmot.build import load_weights, make_model
from vaiopt.quantize.tfmot.graph import CONVOLUTIONS, Graph, Node, weights_of
from vaiopt.quantize.tfmot.prepare import multiplier_and_shift

_PASSED = ("Dropout", "Flatten")
"""Layers between a batch normalisation of flat features and a dense layer that change nothing."""
_SAMPLES = 3
_TOLERANCE = 1e-4
"""Of the outputs' largest value: float32 rounds otherwise in another order of operations."""


def plain_model(model: Any) -> Any:
    """Return a model that computes the same, changed as the module says; that itself if nothing of
    it applies, or the changed one does not compute the same.

    Args:
        model: functional.
    """
    try:
        calls = flatten(from_live(model))
        graph = _graph(model, calls)
        if graph is None:
            return model
        is_changed = bool(calls.nested) or any(not call.first for call in calls.calls)
        is_changed = _fold_forward(graph) or is_changed
        found = _built(graph, model.name) if is_changed else None
        return found if found is not None and _is_same(model, found) else model
    except (VaioptError, TypeError, ValueError, load_tensorflow().errors.OpError):
        return model  # of a layer that nobody knows, or of other inputs; it is told of later


def _graph(model: Any, calls: CallList) -> Optional[Graph]:
    """Return a graph of all calls; None for one that takes another than the first output of a
    layer, or that shares weights.
    """
    names: List[str] = []
    nodes: List[Node] = []
    for call in calls.calls:
        shared = not call.first and bool(call.params)
        if shared or not call.shapes or any(output > 0 for _, output in call.inputs):
            return None
        names.append(_unique(call.name.replace("/", "_").replace(":", "_"), names))
        nodes.append(_node(model, call, names))
    inputs = list(model.input_names)
    return Graph(nodes, inputs, [names[index] for index, _ in calls.outputs])


def _unique(name: str, names: List[str]) -> str:
    found, number = name, 1
    while found in names:
        number += 1
        found = f"{name}_{number}"
    return found


def _node(model: Any, call: Call, names: List[str]) -> Node:
    assert call.shapes
    layer: Any = model
    for name in call.name.split(":")[0].split("/"):
        layer = layer.get_layer(name)
    node = Node(
        names[-1],
        call.class_name,
        {**call.config, "name": names[-1]},
        [names[index] for index, _ in call.inputs],
        weights_of(layer),
        layer=names[-1],
    )
    node.shape = (None, *call.shapes[0])
    return node


def _fold_forward(graph: Graph) -> bool:
    """Fold what can only be folded forward; return whether anything was."""
    folded = False
    for norm in [node for node in graph if node.kind == "BatchNormalization"]:
        source = graph.source(norm)
        backward = source.kind in CONVOLUTIONS and source.activation == "linear"
        if len(norm.shape) != 2 or (backward and graph.feeds_only(source.name)):
            continue
        readers = _dense_readers(graph, norm)
        if not readers:
            continue
        factor, mean, beta = multiplier_and_shift(norm)
        for dense in readers:
            kernel = dense.weights["kernel"]
            shift = (beta - mean * factor) @ kernel
            bias = dense.weights.get("bias")
            dense.weights = OrderedDict(
                kernel=kernel * factor[:, None], bias=shift if bias is None else bias + shift
            )
            dense.config["use_bias"] = True
        graph.bypass(norm.name)
        folded = True
    return folded


def _dense_readers(graph: Graph, node: Node) -> List[Node]:
    """Return the dense layers that read a node, none if anything else does."""
    found: List[Node] = []
    for reader in graph.consumers(node.name):
        if reader.kind in _PASSED:
            behind = _dense_readers(graph, reader)
            if not behind:
                return []
            found += behind
        elif reader.kind == "Dense" and len(reader.shape) == 2:
            found.append(reader)
        else:
            return []
    return [] if node.name in graph.outputs else found


def _built(graph: Graph, name: str) -> Any:
    layers: Dict[str, Any] = {}

    def call(node: Node, layer: Any, inputs: List[Any]) -> Any:
        layers[node.name] = layer
        return layer(inputs[0] if len(inputs) == 1 else inputs)

    model = make_model(graph, call, exact=True)
    load_weights(graph, layers)
    return load_keras().Model(model.inputs, model.outputs, name=name)


def _is_same(model: Any, other: Any) -> bool:
    """Return whether two models give the same outputs for the same random inputs."""
    random = np.random.RandomState(0)
    x = [
        random.uniform(-1, 1, (_SAMPLES, *tensor.shape[1:])).astype(np.float32)
        for tensor in model.inputs
    ]
    one, two = (
        [np.asarray(part) for part in _listed(m.predict(x if len(x) > 1 else x[0], verbose=0))]
        for m in (model, other)
    )
    return len(one) == len(two) and all(
        a.shape == b.shape and np.max(np.abs(a - b)) <= _TOLERANCE * max(1.0, np.max(np.abs(a)))
        for a, b in zip(one, two)
    )


def _listed(outputs: Any) -> List[Any]:
    return outputs if isinstance(outputs, list) else [outputs]
