"""How positions are adjusted so that every shift fits the DPU, in the vendor's order.

A *cut* is the shift from the accumulator to the output, ``p_in + p_kernel - p_out``; a bias is
shifted by ``p_in + p_kernel - p_bias``. Each limit is one pass over the layers in the order of
``model.layers``.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Tuple

from vaiopt.quantize.tfmot.graph import CONVOLUTIONS, Graph, Node
from vaiopt.quantize.tfmot.rules import Rules

Key = Tuple[str, str]
"""A position's place: the node's name, and ``out``, ``kernel``, ``bias`` or another weight."""

LARGEST_SHIFT = 16
"""The most bits that a sum or a bias is shifted by."""

_Found = Tuple[Optional[int], Node]


class Refiner:
    """Positions of a placed graph, and the passes that adjust them."""

    def __init__(self, graph: Graph, rules: Rules, positions: Dict[Key, int]) -> None:
        self.graph, self.rules, self.positions = graph, rules, positions
        self.calibrated = dict(positions)
        self.nodes = [node for node in graph if node.place != "float"]

    def run(self) -> Dict[Key, int]:
        """Apply all passes of the release and return the positions."""
        for name in self.rules.limits:
            PASSES[name](self)
        return self.positions

    def _own(self, node: Node) -> Optional[int]:
        return self.positions.get((node.name, "out"))

    def _set(self, node: Node, position: int) -> None:
        if (node.name, "out") in self.positions:
            self.positions[(node.name, "out")] = position

    def _input(self, node: Node, index: int = 0) -> _Found:
        """Return the position of an input, through nodes that only move integers, and its node."""
        source = self.graph.source(node, index)
        position = self._own(source)
        moves = source.place != "float" and source.kind in self.rules.transparent_kinds
        return self._input(source) if position is None and moves else (position, source)

    def _output(self, node: Node) -> _Found:
        """Return the position of the output and the node that has it: the activation's where that
        is computed on the exact sums.
        """
        if node.place == "next":
            reader = self.graph.consumers(node.name)[0]
            return self._own(reader), reader
        return self._own(node), node

    def _sigmoid_results(self) -> None:
        for node in self.nodes:
            result = self._own(node) if node.kind == "Sigmoid" else None
            if result is not None:
                self._set(node, max(result, 7))

    def _sigmoids(self, bounded: bool = False) -> None:
        """Up to 2.5 the new position of an input is lost where a layer that only moves integers
        stands between, here and in :meth:`_operands`: that layer is given it.
        """
        for node in self.nodes:
            if node.kind != "Sigmoid":
                continue
            (given, source), result = self._input(node), self._own(node)
            if given is None or result is None:
                continue
            low, high = max(given, 0), max(result, 7)
            if bounded:
                low = min(low, 15)
                high = high if 14 + low - high > 0 else 14 + low
            if low != given and (bounded or source is self.graph.source(node)):
                self._set(source, low)
            if high != result:
                self._set(node, high)

    def _bounded_sigmoids(self) -> None:
        self._sigmoids(bounded=True)

    def _inputs(self, node: Node) -> List[_Found]:
        return [self._input(node, index) for index in range(len(node.inputs))]

    def _elementwise(self) -> List[Tuple[Node, List[_Found]]]:
        """Return the sums and products whose inputs all have positions, with those."""
        nodes = [node for node in self.nodes if node.kind in ("Add", "Multiply")]
        found = [(node, self._inputs(node)) for node in nodes]
        return [row for row in found if all(position is not None for position, _ in row[1])]

    def _operands(self, in_turn: bool = False) -> None:
        before = dict(self.positions)
        for node, _ in self._elementwise():
            inputs = self._inputs(node)
            values = [self._known(position) for position, _ in inputs]
            if not in_turn:
                values = [before[(source.name, "out")] for _, source in inputs]
            smallest, largest = values.index(min(values)), values.index(max(values))
            source = inputs[largest][1]
            if values[largest] - values[smallest] > 15 and (
                in_turn or source is self.graph.source(node, largest)
            ):
                self._set(source, values[smallest] + 15)

    def _operands_in_turn(self) -> None:
        self._operands(in_turn=True)

    @staticmethod
    def _known(position: Optional[int]) -> int:
        assert position is not None
        return position

    def _results(self) -> None:
        for node, _ in self._elementwise():
            smallest = min(self._known(position) for position, _ in self._inputs(node))
            result, owner = self._output(node)
            if result is None:
                continue
            # Not the nearest allowed position: the vendor sets these constants (release sources of
            # 3.0 and 3.5).
            if smallest - result > 15:
                self._set(owner, 15)
            elif smallest - result < -15:
                self._set(owner, -15)

    def _swishes(self) -> None:
        for node, inputs in self._elementwise():
            sources = [source for _, source in inputs]
            if node.kind != "Multiply" or len(inputs) != 2 or not self._is_swish(*sources):
                continue
            result = self._output(node)[0]
            total = sum(self._known(position) for position, _ in self._inputs(node))
            if result is not None and node.place == "output":
                self._set(node, total - min(max(total - result, 0), 15))

    def _is_swish(self, first: Node, second: Node) -> bool:
        if (first.kind == "Sigmoid") == (second.kind == "Sigmoid"):
            return False
        sigmoid, other = (first, second) if first.kind == "Sigmoid" else (second, first)
        return self.graph.source(sigmoid) is other

    def _convolutions(self, need_bias: bool) -> List[Tuple[Node, int, int, int]]:
        """Return convolutions with the positions of input, kernel and output: all that have them,
        or those before the first that has not.
        """
        found = []
        for node in self.nodes:
            if node.kind not in CONVOLUTIONS:
                continue
            given, result = self._input(node)[0], self._output(node)[0]
            kernel = self.positions.get((node.name, "kernel"))
            missing_bias = need_bias and (node.name, "bias") not in self.positions
            if given is None or kernel is None or result is None or missing_bias:
                if self.rules.skips_unknown:
                    continue
                break
            found.append((node, given, kernel, result))
        return found

    def _first_shifts(self) -> None:
        """Release 1.4: both limits see the positions as calibrated, the new shift is taken only if
        it is not 0, and a cut that is too large becomes 0.
        """
        before = Refiner(self.graph, self.rules, dict(self.calibrated))
        for node, given, kernel, result in before._convolutions(False):
            if given + kernel - result > LARGEST_SHIFT:
                self.positions[(node.name, "kernel")] = result - given
        for node, given, kernel, result in before._convolutions(True):
            before._limit_bias(node, given + kernel, min(0, given + kernel - result - 16))
            bias = before.positions[(node.name, "bias")]
            if bias != given + kernel:
                self.positions[(node.name, "bias")] = bias

    def _cuts(self) -> None:
        for node, given, kernel, result in self._convolutions(False):
            cut = given + kernel - result
            if not 0 <= cut <= LARGEST_SHIFT:
                allowed = min(max(cut, 0), LARGEST_SHIFT)
                self.positions[(node.name, "kernel")] = allowed + result - given

    def _biases(self) -> None:
        for node, given, kernel, result in self._convolutions(True):
            cut = given + kernel - result
            self._limit_bias(node, given + kernel, min(0, -(24 - (8 + cut))))

    def _leaky_biases(self) -> None:
        behind = {node.inputs[0] for node in self.nodes if node.kind == "LeakyReLU"}
        for node, given, kernel, _ in self._convolutions(True):
            if node.name in behind:
                self._limit_bias(node, given + kernel, 0)

    def _limit_bias(self, node: Node, accumulator: int, lowest: int) -> None:
        shift = accumulator - self.positions[(node.name, "bias")]
        if not lowest <= shift <= LARGEST_SHIFT:
            allowed = min(max(shift, lowest), LARGEST_SHIFT)
            self.positions[(node.name, "bias")] = accumulator - allowed

    def _concatenations(self) -> None:
        for node in self.nodes:
            if node.kind != "Concatenate":
                continue
            result, owner = self._output(node)
            known = [(place, source) for place, source in self._inputs(node) if place is not None]
            if result is None:
                continue
            smallest = min([place for place, _ in known] + [result])
            for _, source in [*known, (result, owner)]:
                self._set(source, smallest)

    def _poolings(self) -> None:
        for node in self.nodes:
            if node.kind not in ("MaxPooling2D", "AveragePooling2D"):
                continue
            (result, owner), (given, source) = self._output(node), self._input(node)
            if given is not None and result is not None:
                self._set(owner, min(result, given))
                self._set(source, min(result, given))


PASSES: Dict[str, Callable[[Refiner], None]] = {
    "sigmoid results": Refiner._sigmoid_results,
    "sigmoids": Refiner._sigmoids,
    "bounded sigmoids": Refiner._bounded_sigmoids,
    "operands": Refiner._operands,
    "operands in turn": Refiner._operands_in_turn,
    "results": Refiner._results,
    "swishes": Refiner._swishes,
    "first shifts": Refiner._first_shifts,
    "cuts": Refiner._cuts,
    "biases": Refiner._biases,
    "leaky biases": Refiner._leaky_biases,
    "concatenations": Refiner._concatenations,
    "poolings": Refiner._poolings,
}
"""Every pass by its name in :attr:`vaiopt.quantize.tfmot.rules.Rules.limits`."""


def refine(graph: Graph, rules: Rules, positions: Dict[Key, int]) -> Dict[Key, int]:
    """Return the positions after all adjustments of the release.

    Args:
        graph: a placed graph.
        rules: of the release.
        positions: as calibrated, by node and tensor; not changed.
    """
    return Refiner(graph, rules, dict(positions)).run()
