"""Fast finetuning: the weights of one layer after the other are trained, without labels, so that
what the int8 layer gives comes near what the float layer gives.

As the vendor's, which goes back to AdaQuant (Hubara et al., arXiv:2006.10518): a convolution or
dense layer with the activation behind it is trained by Adam on the squared error of its output,
rounding in place; positions stay; what an epoch does not better is taken back. The vendor's tool
feeds each layer the float numbers and moves kernels by 1e-5 a step, whatever their scale. Here a
layer is fed what the int8 layers before it give, so that it makes up for their errors too, and a
step is measured by the distance of two neighbouring int8 numbers.
"""

from __future__ import annotations

import time
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from vaiopt.keras import load_keras, load_tensorflow
from vaiopt.quantize.backend import FINETUNE_EPOCHS, QuantizeRequest, single_or_list
from vaiopt.quantize.tfmot.build import load_weights, make_model
from vaiopt.quantize.tfmot.emulation import Emulation
from vaiopt.quantize.tfmot.graph import CONVOLUTIONS, Graph, Node
from vaiopt.quantize.tfmot.refine import Key

STEP = 0.4
"""Of Adam at first: a share of the distance between neighbouring int8 numbers; it falls to 0."""

BATCH = 10
"""Samples of one step."""

MOST_VALUES, FEWEST = 50_000_000, 16
"""Values of a layer's inputs and outputs that are held at a time (200 MB): of a large layer fewer
samples are looked at, which have as many values; but at least so many.
"""

VALUES_AT_ONCE = 8_000_000
"""Values of the largest layer that are computed at once."""

QUIET_S = 2.0
"""Seconds between two lines of progress."""

_MEAN, _SQUARE, _TINY = 0.9, 0.999, 1e-20
"""Of Adam (Kingma and Ba, arXiv:1412.6980); gradients of small layers are tiny, hence the last."""


class Module(NamedTuple):
    """A layer with weights; the last that is computed on its exact sums, an activation or itself;
    and the node whose position the result has.
    """

    node: Node
    end: Node
    owner: Node


def modules(graph: Graph) -> List[Module]:
    """Return what is trained of a placed graph, in the order of the layers."""
    found = []
    for node in graph:
        if node.kind in CONVOLUTIONS and node.place != "float":
            reader = graph.consumers(node.name)[0] if node.place == "next" else node
            found.append(Module(node, node if reader.place == "before" else reader, reader))
    return found


def finetune(emulation: Emulation, positions: Dict[Key, int], request: QuantizeRequest) -> None:
    """Train the weights of an emulation and of its graph at given positions, in place.

    Args:
        emulation: of a prepared and placed graph.
        positions: of all its tensors; they stay.
        request: its calibration samples, seed and progress are used. The same seed gives the same
            weights on the same machine.
    """
    graph, random = emulation.graph, np.random.default_rng(request.seed)
    emulation.set_positions(positions)
    exact, tensors = _float_model(graph)
    found, told = modules(graph), time.monotonic()
    for number, module in enumerate(found, 1):
        rounding = load_keras().Model(
            emulation.model.inputs, emulation.layer_of(module.node.name).input
        )
        wanted = load_keras().Model(exact.inputs, tensors[module.end.name])
        bounds = looked_at(graph, module, len(request.x[0]))
        x, y = (_values(probe, request.x, *bounds) for probe in (rounding, wanted))
        before, after = _Training(emulation, module, positions).run(x, y, random)
        if time.monotonic() - told > QUIET_S:
            told = time.monotonic()
            request.progress(
                f"fast finetuning, layer {number} of {len(found)}, {module.node.layer}: squared"
                f" error {before:.3g} -> {after:.3g}"
            )
    emulation.read_weights()


def _float_model(graph: Graph) -> Tuple[Any, Dict[str, Any]]:
    """Return the prepared graph as a model that rounds nothing, and what each node gives in it."""
    tensors: Dict[str, Any] = {}
    layers: Dict[str, Any] = {}

    def call(node: Node, layer: Any, inputs: List[Any]) -> Any:
        layers[node.name] = layer
        tensors[node.name] = layer(single_or_list(inputs))
        return tensors[node.name]

    model = make_model(graph, call, exact=True)
    load_weights(graph, layers)
    return model, tensors


def _size(node: Node) -> int:
    """Return how many values a node gives for one sample."""
    return int(np.prod([size or 1 for size in node.shape[1:]], dtype=np.int64))


def looked_at(graph: Graph, module: Module, samples: int) -> Tuple[int, int]:
    """Return how many of so many samples a module is trained on, and how many of them the network
    before it computes at once: memory grows with neither the samples nor the layers.
    """
    held = _size(graph.source(module.node)) + _size(module.end)
    largest = max(_size(node) for node in graph)
    count = min(samples, max(FEWEST, MOST_VALUES // held))
    return count, min(count, max(1, VALUES_AT_ONCE // largest))


def _values(probe: Any, x: Sequence[np.ndarray], count: int, part: int) -> np.ndarray:
    """Return what a model gives for the first so many samples, a part at a time."""
    parts = []
    for start in range(0, count, part):
        inputs = [array[start : min(start + part, count)] for array in x]
        parts.append(np.asarray(probe(single_or_list(inputs), training=False)))
    return np.concatenate(parts)


class _Training:
    """Training of one module by Adam; each weight moves by shares of its grid."""

    def __init__(self, emulation: Emulation, module: Module, positions: Dict[Key, int]) -> None:
        self.tf, named = load_tensorflow(), emulation.variables_of(module.node.name)
        names = dict.fromkeys((module.node.name, module.end.name))
        self.layers = [emulation.layer_of(name) for name in names]
        self.variables = list(named.values())
        grids = {key: 2.0 ** -positions[(module.node.name, key)] for key in named}
        if "bias" in grids:  # it must be able to move the output, if its own grid is finer
            grids["bias"] = max(grids["bias"], 2.0 ** -positions[(module.owner.name, "out")])
        self.grids = list(grids.values())

    def run(self, x: np.ndarray, y: np.ndarray, random: np.random.Generator) -> Tuple[float, float]:
        """Train on what the layer reads and shall give, and return the mean squared errors before
        and after; an epoch that makes it no smaller is taken back, and all later ones move half as
        far.
        """
        batch = max(1, min(BATCH, VALUES_AT_ONCE // (x[0].size + y[0].size)))
        step, error = self._functions(x, y)
        starts, share = range(0, len(x), batch), STEP

        def mean_error() -> float:
            parts = [float(error(x[i : i + batch], y[i : i + batch])) for i in starts]
            return sum(parts) / max(1, y.size)

        first = best = mean_error()
        kept = [each.numpy() for each in self.variables]
        for epoch in range(FINETUNE_EPOCHS):
            order, moved = random.permutation(len(x)), share * (1 - epoch / FINETUNE_EPOCHS)
            for i in starts:
                rows = np.sort(order[i : i + batch])
                step(x[rows], y[rows], np.float32(moved))
            now = mean_error()
            if now < best:
                best, kept = now, [each.numpy() for each in self.variables]
            else:
                share /= 2
                for variable, value in zip(self.variables, kept):
                    variable.assign(value)
        return first, best

    def _functions(self, x: np.ndarray, y: np.ndarray) -> Tuple[Any, Any]:
        """Return compiled functions: one step of Adam on a batch, and a batch's sum of squares."""
        tf = self.tf
        moments = [[tf.Variable(tf.zeros_like(v)) for _ in "ms"] for v in self.variables]
        count = tf.Variable(0.0)
        shapes = [tf.TensorSpec((None,) + array.shape[1:], tf.float32) for array in (x, y)]

        def squares(inputs: Any, wanted: Any, training: bool) -> Any:
            for layer in self.layers:
                inputs = layer(inputs, training=training)
            return tf.reduce_sum(tf.square(inputs - wanted))

        def step(inputs: Any, wanted: Any, share: Any) -> None:
            count.assign_add(1.0)
            with tf.GradientTape() as tape:
                loss = squares(inputs, wanted, True)
            gradients = tape.gradient(loss, self.variables)
            for variable, gradient, grid, (mean, square) in zip(
                self.variables, gradients, self.grids, moments
            ):
                mean.assign(_MEAN * mean + (1 - _MEAN) * gradient)
                square.assign(_SQUARE * square + (1 - _SQUARE) * tf.square(gradient))
                slope = mean / (1 - tf.pow(_MEAN, count))
                usual = tf.sqrt(square / (1 - tf.pow(_SQUARE, count)))
                variable.assign_sub(share * grid * slope / (usual + _TINY))

        error = tf.function(lambda x, y: squares(x, y, False), input_signature=shapes)
        scalar = tf.TensorSpec((), tf.float32)
        return tf.function(step, input_signature=[*shapes, scalar]), error
