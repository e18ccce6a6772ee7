"""Exact changes of a float model that quantizers would refuse or leave in float: the same function,
in a form that they take.

Which changes is decided by the calls alone (:mod:`vaiopt.network.changes`), as ``inspect`` and the
search do; here the live model is built after them. Besides, models within the model are flattened,
and a layer without weights that is called several times becomes a layer for each call.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from vaiopt.errors import VaioptError
from vaiopt.int8.feed import fed
from vaiopt.keras import load_keras, load_tensorflow
from vaiopt.network.calls import Absorbed, Call, CallList, Change
from vaiopt.network.layers import output_shape
from vaiopt.network.read import changed_calls
from vaiopt.network.sizes import pair
from vaiopt.quantize.tfmot.build import load_weights, make_model
from vaiopt.quantize.tfmot.graph import Graph, Node, weights_of
from vaiopt.quantize.tfmot.prepare import complete_batch_norm, multiplier_and_shift

_SAMPLES = 3
_TOLERANCE = 1e-4
"""Of the outputs' largest value: float32 rounds otherwise in another order of operations."""

_OUTPUT_AXES = {"DepthwiseConv2D": (2, 3), "Conv2DTranspose": (2,)}
"""Axes of the kernel that together are the output channels, where these are not the last."""

_changes: "weakref.WeakKeyDictionary[Any, Tuple[Change, ...]]" = weakref.WeakKeyDictionary()


def changes_of(model: Any) -> Tuple[Change, ...]:
    """Return what :func:`plain_model` changed in the model that it returned."""
    return _changes.get(model, ())


def remember_changes(model: Any, source: Any) -> Any:
    """Return a model made of another, of which the same changes are told."""
    _changes[model] = changes_of(source)
    return model


def plain_model(model: Any) -> Any:
    """Return a model that computes the same, changed as the module says; that itself if nothing of
    it applies, or the changed one does not compute the same.

    Args:
        model: functional.
    """
    try:
        calls = changed_calls(model)
        copied = [call.name for call in calls.calls if not call.first]
        if not (calls.nested or copied or calls.changes):
            return model
        graph = _graph(model, calls)
        found = None if graph is None else _built(graph, model.name)
        if found is None or not _is_same(model, found):
            return model
    except (VaioptError, TypeError, ValueError, load_tensorflow().errors.OpError):
        return model  # of a layer that nobody knows, or of other inputs; it is told of later
    _changes[found] = tuple(
        [Change(name, "a model of its own, is flattened") for name in calls.nested]
        + [Change(name, "a layer used again, is copied") for name in copied]
        + list(calls.changes)
    )
    return found


def _graph(model: Any, calls: CallList) -> Optional[Graph]:
    """Return a graph of all calls; None for one that takes another than the first output of a
    layer, or that shares weights.
    """
    names: List[str] = []
    nodes: List[Node] = []
    for call in calls.calls:
        shared = not call.first and bool(call.params)
        if shared or any(output > 0 for _, output in call.inputs):
            return None
        names.append(_unique(call.name.replace("/", "_").replace(":", "_"), names))
        nodes.append(_node(model, call, names, nodes))
    inputs = list(model.input_names)
    return Graph(nodes, inputs, [names[index] for index, _ in calls.outputs])


def _unique(name: str, names: List[str]) -> str:
    found, number = name, 1
    while found in names:
        number += 1
        found = f"{name}_{number}"
    return found


def _layer(model: Any, name: str) -> Any:
    """Return the layer of a call's name, in whatever inner model it is; Keras's own names of layers
    may have slashes too.
    """
    layers = {layer.name: layer for layer in model.layers}
    name = name.split(":")[0]
    if name in layers:
        return layers[name]
    ends = [place for place, letter in enumerate(name) if letter == "/"]
    inner = next(end for end in ends if hasattr(layers.get(name[:end]), "get_layer"))
    return _layer(layers[name[:inner]], name[inner + 1 :])


def _node(model: Any, call: Call, names: List[str], nodes: List[Node]) -> Node:
    sources = [nodes[index] for index, _ in call.inputs]
    node = Node(
        names[-1],
        call.class_name,
        {**call.config, "name": names[-1]},
        [source.name for source in sources],
        layer=names[-1],
    )
    if call.made:
        channels = int(sources[0].shape[-1] or 0)
        node.weights = _made_weights(call, channels)
    else:
        node.weights = _given_weights(call, _layer(model, call.name))
    for one in reversed([one for one in call.absorbed if one.place == "before"]):
        _take_before(node, *_factor_and_shift(model, one))
    for one in (one for one in call.absorbed if one.place == "behind"):
        _take_behind(node, *_factor_and_shift(model, one))
    node.shape = (None, *call.shapes[0]) if call.shapes else _shape_of(node, sources)
    return node


def _shape_of(node: Node, sources: List[Node]) -> Tuple[Optional[int], ...]:
    """Return the shape of a layer that was made."""
    shapes = [[length for length in source.shape[1:] if length] for source in sources]
    shape = output_shape(node.kind, node.config, [tuple(shape) for shape in shapes], {})
    return (None, *(shape or tuple(shapes[0])))


def _given_weights(call: Call, layer: Any) -> "OrderedDict[str, np.ndarray]":
    """Return the weights of a layer of the model, as the layer has them that it becomes."""
    weights = weights_of(layer)
    if call.class_name != type(layer).__name__ or call.class_name == "PReLU":
        weights = OrderedDict((key, _with_column(key, value)) for key, value in weights.items())
    if call.class_name == "DepthwiseConv2D" and "kernel" in weights:
        kernel = weights["kernel"]  # of a convolution of single channels: (h, w, 1, c * m)
        many = int(call.config["depth_multiplier"])
        shaped = kernel.reshape(*kernel.shape[:2], kernel.shape[3] // many, many)
        return OrderedDict(
            ("depthwise_kernel" if key == "kernel" else key, shaped if key == "kernel" else value)
            for key, value in weights.items()
        )
    return weights


def _with_column(key: str, value: np.ndarray) -> np.ndarray:
    """Return a kernel (length, in, out) of a series, (in, out) of a dense layer or slopes (length,
    channels) for images; others as they are.
    """
    if key.startswith("alpha") and value.ndim == 2:
        return value[:, None]
    if "kernel" not in key or value.ndim not in (2, 3):
        return value
    return value[None, None] if value.ndim == 2 else value[:, None]


def _made_weights(call: Call, channels: int) -> "OrderedDict[str, np.ndarray]":
    """Return the weights of a made layer: none, or those with which it passes its channels on."""
    if call.class_name == "DepthwiseConv2D" and call.selected:
        rows = np.zeros((*pair(call.config["kernel_size"]), channels, 1), np.float32)
        rows[call.selected[0]] = 1
        return OrderedDict(depthwise_kernel=rows)
    if call.selected:
        kernel = np.zeros((channels, len(call.selected)), np.float32)
        kernel[list(call.selected), range(len(call.selected))] = 1
        shape = (1, 1, *kernel.shape) if call.class_name == "Conv2D" else kernel.shape
        return OrderedDict(kernel=kernel.reshape(shape))
    if call.absorbed:
        ones = np.ones((1, 1, channels, 1), np.float32)
        return OrderedDict(depthwise_kernel=ones, bias=np.zeros(channels, np.float32))
    return OrderedDict()


def _factor_and_shift(model: Any, one: Absorbed) -> Tuple[np.ndarray, np.ndarray]:
    """Return factor and shift of a scaling, float64: of each channel, or one of all."""
    if one.class_name == "Rescaling":
        scale, offset = one.config["scale"], one.config.get("offset", 0.0)
    elif one.class_name == "Normalization":
        layer = _layer(model, one.name)
        mean, variance = (np.asarray(value).ravel() for value in (layer.mean, layer.variance))
        scale = 1 / np.maximum(np.sqrt(variance), load_keras().backend.epsilon())
        offset = -mean * scale
    else:
        norm = Node(one.name, "BatchNormalization", dict(one.config), [])
        norm.weights = weights_of(_layer(model, one.name))
        scale, mean, beta = multiplier_and_shift(norm)
        offset = beta - mean * scale
    factor, shift = (np.asarray(value, np.float64).ravel() for value in (scale, offset))
    return factor, shift


def _take_before(node: Node, factor: np.ndarray, shift: np.ndarray) -> None:
    """Let a layer compute what it does of factor * x + shift."""
    key = "kernel" if "kernel" in node.weights else "depthwise_kernel"
    kernel = node.weights[key]
    axis = kernel.ndim - 2  # of the input channels, in every kind of kernel
    # as often as the channels of a flattened image, channels last, come again
    factor, shift = (np.tile(x, kernel.shape[axis] // len(x)) for x in (factor, shift))
    column = (-1, 1)
    shifted = kernel * shift.reshape(column)
    node.weights[key] = (kernel * factor.reshape(column)).astype(np.float32)
    if not np.any(shift):
        return
    if key == "kernel":
        added = shifted.reshape(-1, kernel.shape[-1]).sum(axis=0)
    else:
        added = shifted.sum(axis=(0, 1)).ravel()
    _add_to_bias(node, added)


def _add_to_bias(node: Node, added: np.ndarray) -> None:
    bias = node.weights.get("bias", 0.0)
    node.weights["bias"] = (bias + added).astype(np.float32)
    node.config["use_bias"] = True


def _take_behind(node: Node, factor: np.ndarray, shift: np.ndarray) -> None:
    """Let a linear layer compute factor * y + shift of what it did."""
    if node.kind == "BatchNormalization":
        complete_batch_norm(node)
        node.weights["gamma"] = (node.weights["gamma"] * factor).astype(np.float32)
        node.weights["beta"] = (node.weights["beta"] * factor + shift).astype(np.float32)
        return
    kernel = node.weights[node.kernel]
    axes = _OUTPUT_AXES.get(node.kind, (kernel.ndim - 1,))
    shape = [length if axis in axes else 1 for axis, length in enumerate(kernel.shape)]
    outputs = int(np.prod(shape))
    factor, shift = (np.tile(x, outputs // len(x)) for x in (factor, shift))
    node.weights[node.kernel] = (kernel * factor.reshape(shape)).astype(np.float32)
    if "bias" in node.weights:
        node.weights["bias"] = (node.weights["bias"] * factor).astype(np.float32)
    if np.any(shift):
        _add_to_bias(node, shift)


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
        [np.asarray(part) for part in _listed(m.predict(fed(m, x), verbose=0))]
        for m in (model, other)
    )
    return len(one) == len(two) and all(
        a.shape == b.shape and np.max(np.abs(a - b)) <= _TOLERANCE * max(1.0, np.max(np.abs(a)))
        for a, b in zip(one, two)
    )


def _listed(outputs: Any) -> List[Any]:
    return outputs if isinstance(outputs, list) else [outputs]
