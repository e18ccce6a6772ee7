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
    """Fuse an activation with the layer before it, or leave it in float."""
    source = graph.source(node)
    others = () if node.kind == "LeakyReLU" else ("Add", "Multiply", *_POOLINGS)
    if (
        source.kind not in (*CONVOLUTIONS, *others)
        or source.place != "output"
        or not graph.feeds_only(source.name)
    ):
        return
    if source.kind not in _POOLINGS:
        source.place = "next"  # a pooling keeps its own rounding, whatever comes behind it
    function = node.activation if node.kind == "Activation" else "relu"
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
        if node.kind in ("ReLU", "LeakyReLU", "Activation"):
            reason = (
                "this activation does not stand directly behind a convolution, dense layer,"
                " addition or pooling that nothing else reads"
            )
        elif node.kind == "Dropout":
            reason = "the layer before this dropout has other readers, so it is not removed"
        else:
            reason = f"the DPU's quantizer does not know {node.kind}"
        found.append(FloatLayer(node.name, reason))
    return found
