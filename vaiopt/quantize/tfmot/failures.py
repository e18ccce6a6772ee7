"""What a release's quantizer stops at, with an error of Python's: refused here by name.

It takes a depthwise convolution to have as many outputs as inputs, where it folds a batch
normalisation into one and where it equalises one with the convolution behind it. Its limits on
positions look up that of every input. An input has none where it comes from a layer
in float that is not read by one quantized layer alone, since only that one gets a rounding before
it (:func:`vaiopt.quantize.tfmot.placement.place`).

Source: ``_get_folded_conv_weights``, ``_cross_layer_equalize``, ``adjust_vitis_sigmoid`` and
``adjust_shift_read`` in the release sources of vai-q-tensorflow2, and such networks quantized with
all of them.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterator, Tuple

from vaiopt.errors import QuantizeError
from vaiopt.network.verdicts import NO_OPERAND, NO_SIGMOID_INPUT, verdict_of
from vaiopt.quantize.tfmot.graph import Graph, Node
from vaiopt.quantize.tfmot.rules import Rules

_Fault = Tuple[Node, Node]
"""A layer, and the one in float that it reads."""


def refuse_failures(graph: Graph, rules: Rules) -> None:
    """Refuse a placed graph that the quantizer of the release fails on.

    Raises:
        QuantizeError: the layer is named, and the layer in float that it reads.
    """
    for name, find in FAILURES.items():
        for node, source in find(graph, rules):
            refuse_failure(name, node, source, rules)


def refuse_failure(name: str, node: Node, source: Node, rules: Rules) -> None:
    """Refuse a layer and the one before it, if the quantizer of the release fails on the two.

    Args:
        name: of the row in ``verdicts.csv``.
        node: what fails.
        source: the layer before it that it fails because of.
        rules: of the release.

    Raises:
        QuantizeError: it does.
    """
    row = verdict_of("layer", name, rules.release)
    if row.verdict == "refused":
        raise QuantizeError(
            f"release {rules.release} cannot quantize layer '{node.layer}': its quantizer fails on"
            f" a {name}, here '{source.layer or source.name}'",
            f"{row.cure[0].upper()}{row.cure[1:]}.",
        )


def _sigmoids(graph: Graph, rules: Rules) -> Iterator[_Fault]:
    for node in graph:
        if node.kind == "Sigmoid" and node.place != "float":
            yield from _without(graph, rules, node)


def _operands(graph: Graph, rules: Rules) -> Iterator[_Fault]:
    for node in graph:
        if node.kind in ("Add", "Multiply"):
            yield from _without(graph, rules, node)


def _without(graph: Graph, rules: Rules, node: Node) -> Iterator[_Fault]:
    """Yield the inputs of a node that have no position."""
    for index in range(len(node.inputs)):
        source = graph.source(node, index)
        while source.place == "none" and source.kind in rules.transparent_kinds:
            source = graph.source(source)
        if source.place in ("float", "none"):
            yield node, source


FAILURES: Dict[str, Callable[[Graph, Rules], Iterator[_Fault]]] = {
    NO_SIGMOID_INPUT: _sigmoids,
    NO_OPERAND: _operands,
}
"""By the name of their rows in ``verdicts.csv``."""
