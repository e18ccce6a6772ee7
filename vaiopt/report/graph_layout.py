"""Where the layers of a model stand when it is drawn from top to bottom: one row below the other,
branches side by side, and what skips rows led past what it skips.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Sequence, Tuple

SWEEPS = 12
"""Times that rows are set in order, and then set apart, from the top and from the bottom."""

STIFF = 1000.0
"""How much more the place of a layer weighs than that of a waypoint where they are too close: the
main path is to be straight, what skips it may bend.
"""

Point = Tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """Where everything stands, in pixels.

    Attributes:
        places: the middle of the upper side of each layer, by its name.
        lines: of each connection the two layers, and the points that it goes through.
        width, height: of the whole.
    """

    places: Dict[str, Point]
    lines: Sequence[Tuple[str, str, Sequence[Point]]]
    width: float
    height: float


class _Rows:
    """Layers in rows; a connection that skips rows has a waypoint in each of them."""

    def __init__(self, inputs: Mapping[str, Sequence[str]]) -> None:
        self.above: Dict[str, List[str]] = {}
        self.below: Dict[str, List[str]] = {}
        self.ways: List[Tuple[str, str, List[str]]] = []
        ranks = _ranks(inputs)
        self.rows: List[List[str]] = [[] for _ in range(1 + max(ranks.values(), default=0))]
        for name in inputs:
            self._add(name, ranks[name])
        self.layers = frozenset(inputs)
        for name, sources in inputs.items():
            for source in dict.fromkeys(sources):
                way = []
                for rank in range(ranks[source] + 1, ranks[name]):
                    way.append(f"{source}\0{name}\0{rank}")  # no layer is called that
                    self._add(way[-1], rank)
                for upper, lower in zip([source, *way], [*way, name]):
                    self.below[upper].append(lower)
                    self.above[lower].append(upper)
                self.ways.append((source, name, way))

    def _add(self, name: str, rank: int) -> None:
        self.rows[rank].append(name)
        self.above[name], self.below[name] = [], []

    def sort(self) -> None:
        """Set each row in the order in which fewest lines cross, by the middle of what each is
        connected with.
        """
        for sweep in range(SWEEPS):
            near = self.above if sweep % 2 == 0 else self.below
            place = {name: i for row in self.rows for i, name in enumerate(row)}
            for row in self.rows if sweep % 2 == 0 else self.rows[::-1]:
                middle = {
                    name: sum(place[n] for n in near[name]) / len(near[name])
                    if near[name]
                    else place[name]
                    for name in row
                }
                row.sort(key=lambda name: (middle[name], place[name]))
                place.update({name: i for i, name in enumerate(row)})

    def set_apart(self, wide: float, narrow: float, gap: float) -> Dict[str, float]:
        """Return the middle of everything from the left: near what it is connected with, and no
        two of a row closer than they are wide.
        """
        width = {n: wide if n in self.layers else narrow for row in self.rows for n in row}
        across: Dict[str, float] = {}
        for row in self.rows:
            steps = _steps(row, width, gap)
            start = -sum(steps) / 2
            across.update({name: start + sum(steps[:i]) for i, name in enumerate(row)})
        for sweep in range(SWEEPS):
            near = self.above if sweep % 2 == 0 else self.below
            for row in self.rows if sweep % 2 == 0 else self.rows[::-1]:
                wanted = [self._wanted(name, near[name], across) for name in row]
                stiff = [STIFF if name in self.layers else 1.0 for name in row]
                found = _separated(wanted, stiff, _steps(row, width, gap))
                across.update(dict(zip(row, found)))
        return across

    def _wanted(self, name: str, near: Sequence[str], across: Mapping[str, float]) -> float:
        if not near:
            return across[name]
        layers = [n for n in near if n in self.layers]
        # Where as many layers as waypoints meet, the layers are the main path.
        followed = layers if name in self.layers and 2 * len(layers) >= len(near) else near
        return sum(across[n] for n in followed) / len(followed)


def layout(
    inputs: Mapping[str, Sequence[str]], width: float, height: float, gap: float, drop: float
) -> Layout:
    """Return where layers stand.

    Args:
        inputs: the names of the layers that each takes its values from, which stand before it.
        width, height: of a layer. gap: between two of a row. drop: between two rows.
    """
    rows = _Rows(inputs)
    rows.sort()
    across = rows.set_apart(width, gap / 2, gap)
    left = min((x - width / 2 for n, x in across.items()), default=0.0)
    right = max((x + width / 2 for n, x in across.items()), default=0.0)
    places = {
        name: (across[name] - left, rank * (height + drop))
        for rank, row in enumerate(rows.rows)
        for name in row
    }
    lines = []
    for source, name, way in rows.ways:
        (x, y), points = places[source], []
        points.append((x, y + height))
        for waypoint in way:
            x, y = places[waypoint]
            points += [(x, y), (x, y + height)]
        lines.append((source, name, [*points, places[name]]))
    tall = len(rows.rows) * (height + drop) - drop
    return Layout({name: places[name] for name in inputs}, lines, right - left, tall)


def _ranks(inputs: Mapping[str, Sequence[str]]) -> Dict[str, int]:
    """Return the row of each layer: below all that it takes from; an input just above its use."""
    ranks: Dict[str, int] = {}
    for name, sources in inputs.items():
        ranks[name] = 1 + max((ranks[source] for source in sources), default=-1)
    users: Dict[str, List[int]] = {}
    for name, sources in inputs.items():
        for source in sources:
            users.setdefault(source, []).append(ranks[name])
    return {n: min(users[n]) - 1 if not inputs[n] and n in users else r for n, r in ranks.items()}


def _steps(row: Sequence[str], width: Mapping[str, float], gap: float) -> List[float]:
    """Return how far apart the neighbours of a row are at least."""
    return [(width[a] + width[b]) / 2 + gap for a, b in zip(row, row[1:])]


def _separated(
    wanted: Sequence[float], stiff: Sequence[float], steps: Sequence[float]
) -> List[float]:
    """Return the places nearest to those that are wanted, in least squares weighted by ``stiff``,
    of which each is at least a step from the next (by pooling neighbours that are too close).
    """
    offsets = [sum(steps[:i]) for i in range(len(wanted))]
    pools: List[Tuple[float, float, int]] = []  # mean, weight, count
    for place, weight, offset in zip(wanted, stiff, offsets):
        mean, count = place - offset, 1
        while pools and pools[-1][0] > mean:
            before, heavy, several = pools.pop()
            mean = (before * heavy + mean * weight) / (heavy + weight)
            weight, count = weight + heavy, count + several
        pools.append((mean, weight, count))
    starts = [mean for mean, _, count in pools for _ in range(count)]
    return [start + offset for start, offset in zip(starts, offsets)]
