"""The tables on which fronts and limits are compared: spaces, accuracies, costs, and how much of a
table's front a search has found.

A :class:`Table` answers a point with its accuracy, in percent, and its cost, and
makes its space for vaiopt; ``front_search.py`` and ``front_limits.py`` search it.
"""

import csv
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATES = (6e-4, 2.5e-3, 1e-2)
"""Of the table of fashion, as far as they are trained."""
FOLDER = Path(__file__).resolve().parent / "data"
NARROW = 10.0
"""Points of accuracy below the best that the narrow measure counts."""
WIDE = 0.1
"""Share of all accuracies that the wide measure leaves out, the lowest."""


@dataclass(frozen=True)
class Axis:
    """One hyperparameter, and the axis of the table on which its values stand.

    ``when`` is a parent and the values of it at which this one is asked for; an inactive one is
    read at the first value. ``continuous`` values are interpolated on a logarithmic scale.
    """

    name: str
    values: tuple
    default: object
    ordered: bool = True
    when: tuple = ()
    continuous: bool = False


class Table:
    """The accuracy and the cost of every configuration.

    Args:
        name: of the table.
        axes: hyperparameters, parents first.
        accuracy: an array with an axis for each of ``axes``, in percent; NaN where there is no
            configuration.
        cost: an array that broadcasts to the same shape.
        cost_name: ``params`` or ``latency_ms``.
    """

    def __init__(self, name, axes, accuracy, cost, cost_name):
        self.name, self.axes, self.cost_name = name, axes, cost_name
        self._accuracy, self._cost = accuracy, np.broadcast_to(cost, accuracy.shape)
        known = ~np.isnan(accuracy)
        self.accuracies = np.asarray(accuracy[known], float)
        self.costs = np.asarray(self._cost[known], float)
        self._highest = np.log(self.costs.max())
        self.floors = {
            "narrow": self.accuracies.max() - NARROW,
            "wide": float(np.quantile(self.accuracies, WIDE)),
        }
        self._whole = {
            name: self._volume(self.accuracies, self.costs, floor)
            for name, floor in self.floors.items()
        }

    def active(self, point):
        """Return the axes that are asked for at a point, which need not be canonical."""
        names = set()
        for axis in self.axes:
            if not axis.when or (axis.when[0] in names and point[axis.when[0]] in axis.when[1]):
                names.add(axis.name)
                yield axis

    def __call__(self, point):
        """Return accuracy and cost of a point."""
        asked = {axis.name for axis in self.active(point)}
        low, high, share = [], [], 0.0
        for axis in self.axes:
            place = place_of(axis, point[axis.name]) if axis.name in asked else 0
            below = min(int(place), max(len(axis.values) - 2, 0)) if axis.continuous else place
            low.append(below)
            high.append(below + 1 if axis.continuous else below)
            share = place - below if axis.continuous else share
        first, last = self._accuracy[tuple(low)], self._accuracy[tuple(high)]
        return float(first + share * (last - first)), float(self._cost[tuple(low)])

    def build(self, hp):
        """Ask for the space as a model function would."""
        for axis in self.axes:
            if axis.when:
                with hp.conditional_scope(axis.when[0], list(axis.when[1])):
                    ask(hp, axis)
            else:
                ask(hp, axis)

    def space(self):
        """Return the space as a search traces it."""
        from vaiopt.study.hyperparameters import HyperParameters
        from vaiopt.study.trace import trace_space

        return trace_space(self.build, HyperParameters)

    def drawn(self, random):
        """Return a random point; what is inactive stands at its default."""
        point = {axis.name: axis.default for axis in self.axes}
        for axis in self.active(point):  # which looks at parents after they were drawn
            if axis.continuous:
                ends = np.log(axis.values[0]), np.log(axis.values[-1])
                point[axis.name] = float(np.exp(random.uniform(*ends)))
            else:
                point[axis.name] = axis.values[random.randint(len(axis.values))]
        return point

    def share(self, accuracies, costs, measure):
        """Return the share of the whole front's hypervolume that these points have, in percent.

        Costs count by their logarithms, up to the highest of the table; accuracies from the floor
        of the measure on, ``narrow`` or ``wide``.
        """
        found = self._volume(np.asarray(accuracies), np.asarray(costs), self.floors[measure])
        return 100 * found / self._whole[measure]

    def _volume(self, accuracies, costs, floor):
        order = np.lexsort((-accuracies, costs))
        best, volume = floor, 0.0
        for number in order:
            if accuracies[number] > best:
                gain = accuracies[number] - best
                volume += gain * (self._highest - np.log(costs[number]))
                best = accuracies[number]
        return volume

    def limit(self, share):
        """Return the cost that this share of all configurations keeps."""
        place = int(np.ceil(share * len(self.costs))) - 1
        return float(np.sort(self.costs)[place])

    def best_below(self, limit):
        """Return the best accuracy of a configuration that keeps a limit of the cost."""
        return float(self.accuracies[self.costs <= limit].max())


def place_of(axis, value):
    """Return where a value stands on its axis; between two for a continuous one."""
    if not axis.continuous:
        return axis.values.index(value)
    low, high = np.log(axis.values[0]), np.log(axis.values[-1])
    place = (np.log(value) - low) / (high - low) * (len(axis.values) - 1)
    return float(np.clip(place, 0, len(axis.values) - 1))


def ask(hp, axis):
    """Ask for one hyperparameter."""
    if axis.continuous:
        ends = axis.values[0], axis.values[-1]
        return hp.Float(axis.name, *ends, sampling="log", default=axis.default)
    return hp.Choice(axis.name, list(axis.values), ordered=axis.ordered, default=axis.default)


def mlp(name, epoch=-1):
    """Return one of the two tables of ``search_table.py``, after an epoch, against parameters."""
    nodes, features = (16, 32, 64, 128), {"digits": 64, "mnist": 196}[name]
    accuracy = 100 * np.load(FOLDER / f"search_{name}.npz")["accuracy"][..., epoch]
    params = np.full(accuracy.shape[:4], np.nan)
    for layers, *sizes in itertools.product(range(3), *(range(4) for _ in range(3))):
        widths = [features, *(nodes[size] for size in sizes[: layers + 1]), 10]
        count = sum((one + 1) * other for one, other in zip(widths, widths[1:]))
        params[(layers, *sizes)] = count
    rates = tuple(float(rate) for rate in 10 ** np.linspace(-4.5, -0.5, 9))
    axes = [
        Axis("layers", (1, 2, 3), 2),
        *(
            Axis(f"nodes{index}", nodes, 32, when=("layers", tuple(range(index, 4))))
            for index in (1, 2, 3)
        ),
        Axis("learning_rate", rates, 1e-3, continuous=True),
        Axis("activation", ("relu", "logistic"), "relu", ordered=False),
        Axis("batch_size", (16, 64), 16),
    ]
    return Table(f"{name}-params", axes, accuracy, params[..., None, None, None], "params")


def nasbench(data, cost_name):
    """Return NAS-Bench-201 on one of its data sets."""
    found = np.load(FOLDER / "front_nasbench.npz")
    operations = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
    axes = [Axis(f"edge{edge}", operations, "nor_conv_3x3", ordered=False) for edge in range(6)]
    scale = 1e6 if cost_name == "params" else 1
    return Table(f"{data}-{cost_name}", axes, found[data], scale * found[cost_name], cost_name)


def vehicle():
    """Return the MLPs of HPOBench on *vehicle*, against parameters."""
    found = np.load(FOLDER / "front_hpo.npz")
    sizes = (4, 6, 10, 16, 25, 40, 64, 101, 161, 256)
    widths = (16, 25, 40, 64, 101, 161, 256, 406, 645, 1024)
    alphas, rates = (tuple(float(v) for v in np.logspace(e, 0, 10)) for e in (-8, -5))
    axes = [
        Axis("alpha", alphas, alphas[5]),
        Axis("batch_size", sizes, 40),
        Axis("depth", (1, 2, 3), 2),
        Axis("learning_rate", rates, rates[4]),
        Axis("width", widths, 64),
    ]
    return Table("vehicle-params", axes, found["vehicle"], found["vehicle_params"], "params")


def protein():
    """Return the MLPs of HPOLib on *protein_structure*, against parameters."""
    found = np.load(FOLDER / "front_hpo.npz")
    activations, units = ("relu", "tanh"), (16, 32, 64, 128, 256, 512)
    axes = [
        Axis("activation_1", activations, "relu", ordered=False),
        Axis("activation_2", activations, "relu", ordered=False),
        Axis("batch_size", (8, 16, 32, 64), 32),
        Axis("dropout_1", (0.0, 0.3, 0.6), 0.0),
        Axis("dropout_2", (0.0, 0.3, 0.6), 0.0),
        Axis("learning_rate", (5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1), 1e-3),
        Axis("schedule", ("cosine", "const"), "cosine", ordered=False),
        Axis("units_1", units, 64),
        Axis("units_2", units, 64),
    ]
    return Table("protein-params", axes, found["protein"], found["protein_params"], "params")


def fashion():
    """Return the CNNs of ``front_fashion.py``, against latency on the zcu102.

    Its axis of kinds becomes kind and kernel, that of dense layers their number and their units. A
    learning rate that was not trained with every network is left out.
    """
    found = np.load(FOLDER / "front_fashion.npz")
    accuracy, latency = 100 * found["accuracy"], found["latency_ms"]
    whole_rates = ~np.isnan(accuracy).any(axis=tuple(range(accuracy.ndim - 1)))
    if not whole_rates.any():
        raise SystemExit("the table is not trained yet: python benchmarks/front_fashion.py train")
    accuracy, rates = accuracy[..., whole_rates], np.array(RATES)[whole_rates]
    # kinds: plain with kernel 3; separable with 3 and 5. Dense: 0; 1 with two sizes; 2 with both.
    pairs = {(0, 0): 0, (1, 0): 1, (1, 1): 2}
    dense = {(0, 0): 0, (1, 0): 1, (1, 1): 2, (2, 0): 3, (2, 1): 4}
    shape = (3, 3, 3, 2, 2, 2, 3, 2)
    whole = np.full((*shape, accuracy.shape[-1]), np.nan)
    costs = np.full(shape, np.nan)
    for (kind, kernel), at in pairs.items():
        for (layers, units), to in dense.items():
            whole[:, :, :, kind, kernel, :, layers, units] = accuracy[:, :, :, at, :, to]
            costs[:, :, :, kind, kernel, :, layers, units] = latency[:, :, :, at, :, to]
    axes = [
        Axis("blocks", (1, 2, 3), 2),
        Axis("convs", (1, 2, 3), 1),
        Axis("filters", (6, 12, 24), 12),
        Axis("kind", ("plain", "separable"), "plain", ordered=False),
        Axis("kernel", (3, 5), 3, when=("kind", ("separable",))),
        Axis("reduce", ("max", "stride"), "max", ordered=False),
        Axis("dense_layers", (0, 1, 2), 1),
        Axis("units", (64, 1024), 64, when=("dense_layers", (1, 2))),
        Axis("learning_rate", tuple(map(float, rates)), 2.5e-3),
    ]
    return Table("fashion-latency", axes, whole, costs[..., None], "latency_ms")


TABLES = {
    "cifar10-params": lambda: nasbench("cifar10", "params"),
    "cifar100-params": lambda: nasbench("cifar100", "params"),
    "imagenet-params": lambda: nasbench("imagenet", "params"),
    "cifar10-latency": lambda: nasbench("cifar10", "latency_ms"),
    "cifar100-latency": lambda: nasbench("cifar100", "latency_ms"),
    "mnist-params": lambda: mlp("mnist"),
    "digits-params": lambda: mlp("digits"),
    "vehicle-params": vehicle,
    "protein-params": protein,
    "fashion-latency": fashion,
}
"""What makes each table."""


def read_rows(path):
    """Return the rows of a file, none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.reader(file))


def write_row(path, row, keys):
    """Put a row into a file, in the place of one that is equal in its first ``keys`` values."""
    row = [str(value) for value in row]
    others = [other for other in read_rows(path) if other[:keys] != row[:keys]]
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([*others, row])


def seeds_of(text):
    """Return the seeds that ``3``, ``0-9`` or ``3,5-7`` mean."""
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def tables_of(text):
    """Return the names of tables that are meant: ``all``, or names with commas between."""
    names = list(TABLES) if text == "all" else text.split(",")
    for name in names:
        if name not in TABLES:
            raise SystemExit(f"there is no table '{name}': {', '.join(TABLES)}, all")
    return names


def mean_and_error(values):
    """Return the mean and its standard error, NaN of fewer than two."""
    values = np.asarray(values, float)
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return (values.mean() if len(values) else np.nan), error
