"""The networks of NAS-Bench-201 (Dong and Yang, 2020), and what they cost on the zcu102.

    python benchmarks/front_nasbench.py     # twelve of them built by Keras, beside what is read

A network is a stem, three stages of five equal cells with 16, 32 and 64 filters, a residual block
of stride 2 between two stages, and a head. A cell has four nodes and one of five operations on each
of its six edges. Keras builds one in about a second; here its configuration is written in the form
of Keras, which is what the costs are read from, and one network stands for all cells that differ in
edges only which nothing flows through.
"""

import numpy as np

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""From node to node, in the order of the benchmark."""
FILTERS, CELLS = (16, 32, 64), 5


def used(cell):
    """Return the edges through which something flows, as ``(from, to, operation)``, in order."""
    edges = [(*edge, name) for edge, name in zip(EDGES, cell) if name != "none"]
    for _ in EDGES:
        ends = {0} | {to for _, to, _ in edges}
        starts = {3} | {start for start, _, _ in edges}
        edges = [edge for edge in edges if edge[0] in ends and edge[1] in starts]
    return tuple(edges)


class Configuration:
    """Writes the layers of a functional model as Keras 2 does."""

    def __init__(self):
        self.layers = []

    def add(self, kind, inputs, **config):
        """Add a layer and return its name."""
        name = f"layer{len(self.layers)}"
        nodes = [[[source, 0, 0, {}] for source in inputs]] if inputs else []
        config = {"name": name, "trainable": True, "dtype": "float32", **config}
        self.layers.append(
            {"class_name": kind, "name": name, "config": config, "inbound_nodes": nodes}
        )
        return name

    def model(self, first, last):
        """Return the whole configuration."""
        body = {"name": "nasbench", "layers": self.layers}
        ends = {"input_layers": [[first, 0, 0]], "output_layers": [[last, 0, 0]]}
        return {"class_name": "Functional", "config": {**body, **ends}}


class Layers:
    """Makes the layers of Keras itself, by the same calls as :class:`Configuration`."""

    def __init__(self):
        from vaiopt.keras import load_keras

        self._keras = load_keras()

    def add(self, kind, inputs, **config):
        """Add a layer and return its output."""
        if kind == "InputLayer":
            return self._keras.Input(config["batch_input_shape"][1:])
        layer = getattr(self._keras.layers, kind)(**config)
        return layer(inputs if kind == "Add" else inputs[0])

    def model(self, first, last):
        """Return the model."""
        return self._keras.Model(first, last)


def convolution(made, x, filters, kernel, strides=1):
    """Add ReLU, convolution and batch normalisation."""
    x = made.add("Activation", [x], activation="relu")
    x = plain_convolution(made, x, filters, kernel, strides)
    return made.add("BatchNormalization", [x], axis=[3] if isinstance(made, Configuration) else 3)


def plain_convolution(made, x, filters, kernel, strides=1):
    """Add a convolution alone."""
    return made.add(
        "Conv2D",
        [x],
        filters=filters,
        kernel_size=[kernel, kernel],
        strides=[strides, strides],
        padding="same",
        use_bias=False,
    )


def pooling(made, x, size, strides):
    """Add an average pooling."""
    return made.add(
        "AveragePooling2D",
        [x],
        pool_size=[size, size],
        strides=[strides, strides],
        padding="same",
    )


def add_cell(made, x, edges, filters):
    """Add a cell."""
    rows = {
        "skip_connect": lambda source: source,
        "nor_conv_1x1": lambda source: convolution(made, source, filters, 1),
        "nor_conv_3x3": lambda source: convolution(made, source, filters, 3),
        "avg_pool_3x3": lambda source: pooling(made, source, 3, 1),
    }
    nodes = {0: x}
    for node in (1, 2, 3):
        inputs = [rows[name](nodes[start]) for start, to, name in edges if to == node]
        if inputs:
            nodes[node] = inputs[0] if len(inputs) == 1 else made.add("Add", inputs)
    return nodes[3]


def network(made, edges, size=32, classes=10):
    """Return the network of a cell for images of ``size`` x ``size`` x 3.

    A cell that nothing flows through gives zeros; what is left of its network is priced.
    """
    inputs = made.add("InputLayer", [], batch_input_shape=[None, size, size, 3])
    x = plain_convolution(made, inputs, FILTERS[0], 3)
    normal = {"axis": [3] if isinstance(made, Configuration) else 3}
    x = made.add("BatchNormalization", [x], **normal)
    for stage, filters in enumerate(FILTERS):
        if stage:
            main = convolution(made, convolution(made, x, filters, 3, 2), filters, 3)
            short = plain_convolution(made, pooling(made, x, 2, 2), filters, 1)
            x = made.add("Add", [short, main])
        for _ in range(CELLS if edges else 0):
            x = add_cell(made, x, edges, filters)
    x = made.add("BatchNormalization", [x], **normal)
    x = made.add("Activation", [x], activation="relu")
    x = made.add("GlobalAveragePooling2D", [x])
    return made.model(inputs, made.add("Dense", [x], units=classes, activation="softmax"))


class Prices:
    """The costs of cells, each network asked once."""

    def __init__(self):
        from vaiopt.hardware import load_target

        self._target = load_target("zcu102")
        self._known = {}

    def __call__(self, cell):
        from vaiopt.hardware import costs

        edges = used(cell)
        if edges not in self._known:
            self._known[edges] = costs(network(Configuration(), edges), self._target)
        return self._known[edges]


def main():
    """Compare configurations with what Keras builds."""
    from vaiopt.hardware import costs, load_target

    random, prices, target = np.random.RandomState(0), Prices(), load_target("zcu102")
    cells = [[OPERATIONS[i] for i in random.randint(5, size=6)] for _ in range(12)]
    for cell in cells:
        built, read = costs(network(Layers(), used(cell)), target), prices(cell)
        same = all(abs(built[name] - read[name]) < 1e-9 for name in built)
        print(f"{'equal' if same else 'UNEQUAL'} {read['latency_ms']:.4f} ms {' '.join(cell)}")


if __name__ == "__main__":
    main()
