"""How each release averages the windows of poolings: as the DPU does where they are square, and in
ways of its own where not.

Sources: vitis_pooling.py in the release sources of vai-q-tensorflow2.
"""

from __future__ import annotations

from typing import Callable, Dict, Optional, Tuple

from vaiopt.errors import QuantizeError
from vaiopt.int8.arithmetic import (
    LARGEST_SQUARE,
    average_multiplier,
    square_side,
    window_multiplier,
)
from vaiopt.quantize.tfmot.graph import Graph, Node
from vaiopt.quantize.tfmot.rules import Rules

Multiplier = Optional[Tuple[int, int]]
"""``(K, n)`` of a window that is averaged as ``sum * K / 2**n``; None for the plain mean."""


def set_averages(graph: Graph, rules: Rules) -> None:
    """Give every average pooling of a graph its multiplier, in place.

    Raises:
        QuantizeError: a window has an unknown size, or the release cannot average it.
    """
    for node in graph:
        if node.kind == "AveragePooling2D":
            height, width = (int(size) for size in node.config["pool_size"])
        elif node.kind == "GlobalAveragePooling2D":
            height, width = (int(size or 0) for size in graph.source(node).shape[1:3])
        else:
            continue
        if height < 1 or width < 1:
            raise QuantizeError(
                f"layer '{node.name}' averages an area of unknown size",
                "Give the model's input a fixed height and width.",
            )
        node.average = AVERAGES[rules.averages](graph, node, height, width)


def _own_area(graph: Graph, node: Node, height: int, width: int) -> Multiplier:
    """1.4: the closest to the window's own area, whatever its shape. A swish directly behind makes
    its quantizer leave the whole model in float, without a message.
    """
    readers = graph.consumers(node.name)
    if any(reader.kind == "Sigmoid" and reader.tensor == "sigmoid" for reader in readers):
        raise QuantizeError(
            f"release 1.4 cannot quantize a swish directly behind '{node.name}', an average"
            " pooling: its quantizer leaves the whole model in float",
            "Put the swish before the pooling, use ReLU, or release 2.0.",
        )
    return window_multiplier(height, width)


def _square(graph: Graph, node: Node, height: int, width: int) -> Multiplier:
    """2.5 and later: a rectangle that is a whole map counts as a square. A larger one of a pooling
    that is not called global is left as it is (the vendor forgets to store its factor).
    """
    if node.kind == "GlobalAveragePooling2D":
        return average_multiplier(height, width, True)
    is_global = node.shape[1:3] == (1, 1) and square_side(height, width) <= LARGEST_SQUARE
    return average_multiplier(height, width, is_global)


def _no_map(graph: Graph, node: Node, height: int, width: int) -> Multiplier:
    """2.0: as later, but global average pooling fails where the map is not square."""
    if node.kind == "GlobalAveragePooling2D" and height != width:
        raise QuantizeError(
            f"release 2.0 cannot quantize layer '{node.name}', a GlobalAveragePooling2D over a map"
            f" of {height}x{width}: its quantizer fails where the map is not square",
            f"Use AveragePooling2D(({height}, {width})) and Flatten, a square map, or release 2.5.",
        )
    return _square(graph, node, height, width)


AVERAGES: Dict[str, Callable[[Graph, Node, int, int], Multiplier]] = {
    "own area": _own_area,
    "no map": _no_map,
    "square": _square,
}
"""By :attr:`vaiopt.quantize.tfmot.rules.Rules.averages`."""
