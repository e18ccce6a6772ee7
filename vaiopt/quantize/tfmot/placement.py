"""Where tensors are rounded to int8.

Every node gets a ``place``:

* ``float``: it is not quantized; it runs in float on the CPU;
* ``output``: its output is rounded;
* ``next``: it is quantized but its output is not rounded, because the activation behind it is
  computed on the exact sums;
* ``before``: its input is rounded, itself it computes in float (softmax, tanh and others);
* ``none``: it only moves integers (reshape, flatten, zero padding).
"""

from __future__ import annotations

from typing import List

from vaiopt.errors import QuantizeError
from vaiopt.int8.arithmetic import LEAKY_ALPHA
from vaiopt.quantize.backend import FloatLayer
from vaiopt.quantize.tfmot.graph import CONVOLUTIONS, Graph, Node
from vaiopt.quantize.tfmot.rules import Rules

ROUNDED_BEFORE = (
    "softmax elu selu softplus softsign swish gelu tanh sigmoid exponential hard_sigmoid".split()
)
"""Functions that the CPU computes on int8 numbers."""

ROUNDED_AFTER = ("linear", "relu", "relu6")
"""Functions that the DPU computes on exact sums."""

_MOVERS = ("Reshape", "Flatten", "ZeroPadding2D", "Permute")
_POOLINGS = ("MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D")


def place(graph: Graph, rules: Rules) -> None:
    """Decide the ``place`` of every node and insert ``Quantize`` nodes where real numbers enter, in
    place.

    Raises:
        QuantizeError: an activation function that the quantizer does not know stands behind a
            quantized layer.
    """
    for node in graph:
        if node.kind in rules.quantized_kinds:
            node.place = "none" if node.kind in _MOVERS else "output"
    for node in graph:
        if node.kind in ("ReLU", "Activation", "LeakyReLU"):
            _place_activation(graph, node, rules)
    _quantize_entries(graph)


def _place_activation(graph: Graph, node: Node, rules: Rules) -> None:
    """Fuse an activation with the layer before it, round it by itself, or leave it in float."""
    source = graph.source(node)
    function = node.activation if node.kind == "Activation" else "relu"
    is_next = source.place == "output" and graph.feeds_only(source.name)
    leaky = node.kind == "LeakyReLU"
    is_fused = is_next and source.kind in (rules.leaky_behind if leaky else rules.relu_behind)
    if rules.lone_activations:
        if _is_int8(node, function):
            node.place = "output"
            source.place = "next" if is_fused else source.place
        return
    # A pooling keeps its own rounding, whatever comes behind it.
    if not (is_fused or (is_next and not leaky and source.kind in _POOLINGS)):
        return
    source.place = "next" if is_fused else source.place
    if function in ROUNDED_AFTER:
        node.place = "output"
    elif function in ROUNDED_BEFORE:
        node.place, node.tensor = "before", "pre_activation"
    else:
        raise QuantizeError(
            f"layer '{node.layer}' has the activation '{function}', which release {rules.release}"
            " cannot quantize",
            "Use relu, ReLU(max_value=6), LeakyReLU(0.1), sigmoid, or one of:"
            f" {', '.join(ROUNDED_BEFORE)}.",
        )


def _is_int8(node: Node, function: str) -> bool:
    """Tell whether a release that quantizes activations wherever they stand quantizes this one."""
    if node.kind == "LeakyReLU":
        return bool(node.config.get("alpha") == LEAKY_ALPHA)
    return node.kind == "ReLU" or function in ("linear", "relu")


def _quantize_entries(graph: Graph) -> None:
    """Round every input, and the output of a float layer that one quantized layer reads."""

    def enter(node: Node, tensor: str) -> None:
        name = graph.unique_name("quant_" + node.name)
        entry = Node(name, "Quantize", {"name": name}, [], layer=node.layer)
        entry.tensor, entry.place = tensor, "output"
        graph.add_after(node.name, entry)

    for node in list(graph):
        if node.kind == "InputLayer":
            enter(node, "input")
    for node in list(graph):
        if node.place == "float" or node.kind == "Quantize" or len(node.inputs) != 1:
            continue
        source = graph.source(node)
        if source.place == "float" and graph.feeds_only(source.name):
            enter(source, "output")


def float_layers(graph: Graph) -> List[FloatLayer]:
    """Return the layers that are left in float, with the reason."""
    found = []
    for node in graph:
        if node.place != "float" or node.kind in ("InputLayer", "Quantize"):
            continue
        if _is_last_softmax(graph, node):
            continue  # the host computes it, whether its input is rounded for it or by the layer
        if node.kind == "Activation" and node.activation not in ROUNDED_AFTER:
            reason = f"the CPU computes {node.activation}, in float"
        elif node.kind in ("ReLU", "LeakyReLU", "Activation"):
            reason = (
                "this activation does not stand directly behind a convolution, dense layer,"
                " addition or pooling that nothing else reads"
            )
        elif node.kind == "Dropout":
            reason = "the layer before this dropout has other readers, so it is not removed"
        else:
            reason = f"the DPU's quantizer does not know {node.kind}"
        found.append(FloatLayer(node.layer or node.name, reason))
    return found


def _is_last_softmax(graph: Graph, node: Node) -> bool:
    is_softmax = node.kind == "Activation" and node.activation == "softmax"
    if not is_softmax or node.name not in graph.outputs:
        return False
    source = graph.source(node)
    return source.kind in CONVOLUTIONS and source.place == "output"
