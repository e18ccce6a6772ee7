"""What is done to the float model before it is quantized: nothing that changes what it computes,
but for rounding.

In order: dropout is removed, fused activations and separable convolutions are split, batch
normalisation is folded into the layer before it or becomes a 1x1 depthwise convolution, and
directly chained convolutions are equalised. All arithmetic is float32, in the vendor's order of
operations. A layer between two others is only touched where nothing else reads it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Dict, Optional, Tuple

import numpy as np

from vaiopt.errors import QuantizeError
from vaiopt.int8.arithmetic import LEAKY_ALPHA
from vaiopt.network.verdicts import MULTIPLIED_NORM, MULTIPLIED_PAIR, MULTIPLIED_RELU
from vaiopt.quantize.tfmot.failures import refuse_failure
from vaiopt.quantize.tfmot.graph import CONVOLUTIONS, Graph, Node
from vaiopt.quantize.tfmot.rules import Rules

EQUALIZATION_STEPS = 10
"""How often all pairs are equalised in turn."""

SMALLEST_MAXIMA = 0.1
"""A channel whose largest weights add up to less is left alone."""

_EQUALIZED = ("Conv2D", "DepthwiseConv2D")

_DEPTHWISE_CONFIG = "kernel_size strides padding data_format dilation_rate depth_multiplier".split()
_POINTWISE_CONFIG = "name filters use_bias data_format activation".split()
"""What the two parts of a separable convolution take over of its configuration."""


def prepare(graph: Graph, rules: Rules) -> None:
    """Change the graph in place, as the module says.

    Raises:
        QuantizeError: a batch normalisation that can neither be folded nor become a convolution, an
            activation the release cannot take, or layers that its quantizer fails on.
    """
    _remove_dropout(graph)
    split_separable(graph)
    _split_activations(graph, rules)
    _fold_batch_norms(graph, rules)
    for _ in range(EQUALIZATION_STEPS):
        for between in (None, "Activation", "ReLU"):
            if between != "ReLU" or rules.equalizes_separate_relu:
                _equalize_all(graph, between, rules)


def _remove_dropout(graph: Graph) -> None:
    for node in list(graph):
        if node.kind == "Dropout" and graph.feeds_only(node.inputs[0]):
            graph.bypass(node.name)


def split_separable(graph: Graph) -> None:
    """Split separable convolutions into a depthwise and a pointwise one.

    The vendor's own split (3.0 and later) drops a fused activation; here it stays, with the
    pointwise convolution.
    """
    for node in list(graph):
        if node.kind != "SeparableConv2D":
            continue
        config = node.config
        kernel = node.weights.pop("depthwise_kernel")
        name = graph.unique_name(node.name + "_depthwise_conv")
        depthwise = {key: config[key] for key in _DEPTHWISE_CONFIG}
        graph.nodes[name] = Node(
            name,
            "DepthwiseConv2D",
            {**depthwise, "name": name, "use_bias": False, "activation": "linear"},
            list(node.inputs),
            OrderedDict(depthwise_kernel=kernel),
            layer=node.layer,
            tensor="depthwise_output",
            shape=node.shape[:-1] + (int(np.prod(kernel.shape[2:])),),
        )
        node.kind, node.inputs = "Conv2D", [name]
        pointwise = {key: config[key] for key in _POINTWISE_CONFIG}
        node.config = {**pointwise, "kernel_size": (1, 1), "strides": (1, 1), "padding": "valid"}
        node.weights = OrderedDict(
            (key.replace("pointwise_kernel", "kernel"), value)
            for key, value in node.weights.items()
        )


def _split_activations(graph: Graph, rules: Rules) -> None:
    for node in list(graph):
        function = node.activation
        if node.kind not in CONVOLUTIONS or function == "linear":
            continue
        if function == "relu6" and not rules.relu6_function:
            raise QuantizeError(
                f"release {rules.release} cannot quantize layer '{node.name}', whose activation is"
                " the function relu6",
                "Use a separate layer ReLU(max_value=6), or release 3.0.",
            )
        node.config["activation"] = "linear"
        name = graph.unique_name(f"{node.name}_{function}")
        config = {"name": name, "activation": function}
        activation = Node(name, "Activation", config, [], layer=node.layer, fused=True)
        graph.add_after(node.name, activation)
        node.tensor = "pre_activation"


def _fold_batch_norms(graph: Graph, rules: Rules) -> None:
    while True:
        # One at a time: the first that can be folded, in the order that the graph then has.
        node = next((node for node in graph if _can_fold(graph, node)), None)
        if node is None:
            break
        conv = graph.source(node)
        if _has_several_outputs(conv):
            refuse_failure(MULTIPLIED_NORM, node, conv, rules)
        _fold(conv, node)
        graph.bypass(node.name)
    for node in graph:
        if node.kind == "BatchNormalization":
            _to_depthwise(node)


def _can_fold(graph: Graph, node: Node) -> bool:
    if node.kind != "BatchNormalization":
        return False
    source = graph.source(node)
    linear = source.kind in CONVOLUTIONS and source.activation == "linear"
    return linear and graph.feeds_only(source.name)


def _has_several_outputs(conv: Node) -> bool:
    """Tell whether a convolution is depthwise, with several outputs for an input channel."""
    return conv.kind == "DepthwiseConv2D" and conv.weights[conv.kernel].shape[3] != 1


def complete_batch_norm(norm: Node) -> None:
    """Give a batch normalisation the gamma of one and the beta of zero that it may lack."""
    like = norm.weights["moving_mean"]
    values = {"gamma": np.ones_like(like), "beta": np.zeros_like(like), **norm.weights}
    norm.weights = OrderedDict(
        (key, values[key]) for key in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    norm.config = dict(norm.config, scale=True, center=True)


def multiplier_and_shift(norm: Node) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the factor, mean and beta of a batch normalisation, in float32."""
    complete_batch_norm(norm)
    weights, epsilon = norm.weights, np.float32(norm.config["epsilon"])
    factor = weights["gamma"] / np.sqrt(weights["moving_variance"] + epsilon)
    return factor, weights["moving_mean"], weights["beta"]


def _fold(conv: Node, norm: Node) -> None:
    """Fold a batch normalisation into the layer before it, which gets a bias if it has none."""
    factor, mean, beta = multiplier_and_shift(norm)
    kernel = conv.weights[conv.kernel]
    if conv.kind in ("DepthwiseConv2D", "Conv2DTranspose"):
        shaped = factor.reshape(1, 1, -1, 1)
    else:
        shaped = factor
    bias = conv.weights.get("bias")
    folded = beta + (-mean) * factor if bias is None else beta + (bias - mean) * factor
    conv.weights = OrderedDict([(conv.kernel, kernel * shaped), ("bias", folded)])
    conv.config["use_bias"] = True


def _to_depthwise(norm: Node) -> None:
    """Turn a batch normalisation of its own into a 1x1 depthwise convolution."""
    factor, mean, beta = multiplier_and_shift(norm)
    if len(norm.shape) != 4:
        raise QuantizeError(
            f"batch normalisation '{norm.name}' does not directly follow a linear convolution or"
            " dense layer",
            "On flat features put it between Dense(activation=None) and the activation, so that it"
            " can be folded.",
        )
    name, norm.kind = norm.name, "DepthwiseConv2D"
    linear = {"use_bias": True, "activation": "linear"}
    norm.config = {"name": name, "kernel_size": (1, 1), **linear}
    norm.weights = OrderedDict(
        [("depthwise_kernel", factor.reshape(1, 1, -1, 1)), ("bias", beta + (-mean) * factor)]
    )


def _equalize_all(graph: Graph, between: Optional[str], rules: Rules) -> None:
    """Equalise convolutions with nothing, a relu, or an unbounded ReLU layer between them."""
    for tail in graph:
        if tail.kind not in _EQUALIZED:
            continue
        head = graph.source(tail)
        if between is not None:
            if not _passes(graph, head, between):
                continue
            head = graph.source(head)
        plain = head.kind in _EQUALIZED and head.activation in ("linear", "relu")
        if plain and graph.feeds_only(head.name):
            if _has_several_outputs(head):
                name = MULTIPLIED_RELU if between == "ReLU" else MULTIPLIED_PAIR
                refuse_failure(name, tail, head, rules)
            _equalize(head, tail)


def _passes(graph: Graph, node: Node, kind: str) -> bool:
    """Tell whether equalisation may pass an activation layer."""
    if node.kind != kind or not graph.feeds_only(node.name):
        return False
    if kind == "Activation":
        return node.activation in ("linear", "relu")
    return node.config.get("max_value") is None


def _equalize(head: Node, tail: Node) -> None:
    """Scale channels to like largest weights on both sides (Nagel et al., arXiv:1906.04721)."""
    first, second = head.weights[head.kernel], tail.weights[tail.kernel]
    channels = first.shape[3] if head.kind == "Conv2D" else first.shape[2]
    rows = [first.reshape(-1, channels)]
    if "bias" in head.weights:
        rows.append(head.weights["bias"].reshape(1, -1))
    ahead = np.max(np.abs(np.concatenate(rows)), axis=0)
    columns = second.transpose(0, 1, 3, 2) if tail.kind == "Conv2D" else second
    behind = np.max(np.abs(columns.reshape(-1, second.shape[2])), axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.clip(np.sqrt(behind / ahead), np.float32(0.1), np.float32(10))
    scale[(ahead + behind) < SMALLEST_MAXIMA] = 1
    by_input = scale.reshape(1, 1, -1, 1)
    head.weights[head.kernel] = first * (scale if head.kind == "Conv2D" else by_input)
    if "bias" in head.weights:
        head.weights["bias"] = head.weights["bias"] * scale
    tail.weights[tail.kernel] = second / by_input


def to_dpu_functions(graph: Graph) -> None:
    """Replace sigmoid and swish by the DPU's, and the slope 0.1 of a leaky ReLU by its own."""
    for node in list(graph):
        function = node.activation if node.kind == "Activation" else ""
        if function == "sigmoid":
            node.kind, node.config = "Sigmoid", {"name": node.name}
        elif node.kind == "HardSigmoid":
            node.kind, node.config = "Sigmoid", {"name": node.name, "hard": True}
        elif function == "swish" and graph.feeds_only(node.inputs[0]):
            _split_swish(graph, node)
        elif node.kind == "LeakyReLU" and abs(_slope(node.config) - 0.1) < 1e-7:
            node.config = dict(node.config, alpha=LEAKY_ALPHA)


def _slope(config: Dict[str, Any]) -> float:
    """Return the slope of a leaky ReLU."""
    return float(config.get("alpha", config.get("negative_slope", 0.3)))


def _split_swish(graph: Graph, node: Node) -> None:
    """Turn a swish into the DPU's sigmoid and a product."""
    source, name = node.inputs[0], graph.unique_name(node.name + "_mul")
    product = Node(name, "Multiply", {"name": name}, [], layer=node.layer, fused=node.fused)
    graph.add_after(node.name, product)
    product.inputs = [source, node.name]
    node.kind, node.config, node.tensor = "Sigmoid", {"name": node.name}, "sigmoid"
