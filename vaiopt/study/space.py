"""Hyperparameters and the search space: what a model function ``build_model(hp)`` asks for.

A model function written for KerasTuner runs here unchanged: it asks ``hp.Int``, ``hp.Float``,
``hp.Choice``, ``hp.Boolean`` and ``hp.Fixed`` by name and gets values. The first time it is
*traced*: called with the defaults, then with each value that might open another branch, so that the
whole space is known before the search starts. A hyperparameter is **active** where the function
asks for it; an inactive one stands at its default in the **canonical** form of a point, so that it
neither misleads a model nor makes duplicates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Union

from vaiopt.record import Record, Unfit, part
from vaiopt.runs.records import Value as Value  # those who speak of points take it from here

MOST_VALUES = 1_000_000
"""Values of a dimension with a step: all of them are listed, and each has a chance."""

Condition = Tuple[str, Tuple[Value, ...]]
"""A parent's name and the values of it at which a child is active."""


@dataclass(frozen=True)
class Dimension(Record):
    """One hyperparameter.

    Attributes:
        name: unique in the space.
        kind: ``int``, ``float`` or ``choice`` (``hp.Boolean`` is a choice; ``hp.Fixed`` one of a
            single value).
        default: where the search starts, and where an inactive one stands.
        low, high, step, log: the range of a number, both ends included; ``step`` None for a float
            means continuous.
        reverse: whether a logarithmic range is mirrored, even in the logarithm of the distance from
            a point above its upper end: KerasTuner's ``reverse_log``.
        values: the values of a choice, in order.
        prefer: a good value, around which points are drawn more often; None knows none.
        ordered: whether the order of a choice means something (numbers by default).
        conditions: alternatives, each a chain of conditions that must all hold; none means always
            active.
        asked: the name by which the model function asks for it, where that is not ``name``: one of
            several ranges of that name, each in a conditional scope of its own.
    """

    name: str = part()
    kind: str = part(choices=("int", "float", "choice"))
    default: Value = part()
    low: Union[int, float] = part(0)
    high: Union[int, float] = part(0)
    step: Union[int, float, None] = part(None)
    log: bool = part(False)
    values: Tuple[Value, ...] = part(())
    ordered: bool = part(False)
    prefer: Value = part(None)
    conditions: Tuple[Tuple[Condition, ...], ...] = part(())
    reverse: bool = part(False)
    asked: str = part("")

    @property
    def asked_as(self) -> str:
        """The name by which the model function asks for it."""
        return self.asked or self.name

    def check(self) -> None:
        """Raise unless it has values, and its default is one of them."""
        if self.kind == "choice":
            inside = self.contains(self.default)
        else:
            if self.low > self.high or (self.log and self.low <= 0):
                raise Unfit("low", f"is {self.low}, but high is {self.high}")
            if self.step is not None and not self.step > (1 if self.log else 0):
                raise Unfit("step", f"is {self.step}")
            count = self.count()
            if count is not None and count > MOST_VALUES:
                raise Unfit("step", f"is {self.step}, which gives more than {MOST_VALUES} values")
            is_number = isinstance(self.default, (int, float)) and self.default is not True
            inside = is_number and self.low <= self.default <= self.high  # type: ignore[operator]
        if not inside:
            raise Unfit("default", f"is {self.default!r}, which is none of its values")

    def same_range(self, other: "Dimension") -> bool:
        """Return whether both ask for the same values, whatever their names and conditions."""
        return replace(self, name="", asked="", conditions=()) == replace(
            other, name="", asked="", conditions=()
        )

    def also(self, other: "Dimension") -> "Dimension":
        """Return this dimension, active where ``other`` is, too."""
        if not self.conditions or not other.conditions:
            return replace(self, conditions=())
        new = tuple(chain for chain in other.conditions if chain not in self.conditions)
        return replace(self, conditions=self.conditions + new)

    def scoped_name(self) -> str:
        """Return a name that tells this dimension from others of its name: with its conditions."""
        chain = self.conditions[0] if self.conditions else ()
        told = (f"{parent}={'|'.join(map(str, allowed))}" for parent, allowed in chain)
        return f"{self.asked_as}[{','.join(told)}]"

    def count(self) -> Optional[int]:
        """Return how many values it has, or None for a continuous range; more than
        :data:`MOST_VALUES` are not counted on.
        """
        if self.kind == "choice":
            return len(self.values)
        if self.low == self.high:
            return 1
        if self.step is None:
            return None
        try:
            if self.log:  # KerasTuner's convention: with a logarithmic range the step is a factor
                steps = math.log(self.high / self.low) / math.log(self.step)
            else:
                steps = (self.high - self.low) / self.step
        except OverflowError:  # whole numbers without bound
            steps = math.inf
        return int(math.floor(min(steps, MOST_VALUES) + 1e-9)) + 1

    def grid(self) -> Optional[List[Value]]:
        """Return all values in order, or None for a continuous range."""
        count = self.count()
        if self.kind == "choice" or count is None:
            return list(self.values) if self.kind == "choice" else None
        step = self.step or 0
        if self.log:
            values = [self._cast(self.low * step**i) for i in range(count)]
            return [self.mirrored(v) for v in reversed(values)] if self.reverse else list(values)
        return [self._cast(self.low + i * step) for i in range(count)]

    def probes(self, most: int = 12) -> List[Value]:
        """Return values that may open branches: all if few, else both ends and the middle."""
        grid = self.grid()
        if grid is None:
            return [self.low, self.high]
        return grid if len(grid) <= most else [grid[0], grid[len(grid) // 2], grid[-1]]

    def mirrored(self, value: Union[int, float]) -> Union[int, float]:
        """Return the number as far from the upper end as ``value`` is from the lower one."""
        return self._cast(self.low + self.high - value)

    def _cast(self, value: float) -> Union[int, float]:
        # Twelve digits: 0.1 added up gives 0.6, not 0.6000000000000001.
        return int(round(value)) if self.kind == "int" else float(f"{value:.12g}")

    def contains(self, value: Value) -> bool:
        """Return whether ``value`` is one that this dimension can have."""
        if self.kind == "choice":
            return any(type(value) is type(v) and value == v for v in self.values)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        if not self.low <= value <= self.high:
            return False
        grid = self.grid()
        return grid is None or any(math.isclose(value, v) for v in grid)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Space(Record):
    """All dimensions, in the order in which they are asked for, parents before children."""

    dimensions: Tuple[Dimension, ...] = part(())

    def __iter__(self) -> Iterator[Dimension]:
        return iter(self.dimensions)

    def __len__(self) -> int:
        return len(self.dimensions)

    def grown(self, met: Iterable[Dimension]) -> "Space":
        """Return the space with the dimensions that a trial met and that it does not have."""
        names = {d.name for d in self.dimensions}
        return Space(self.dimensions + tuple(d for d in met if d.name not in names))

    def searched(self) -> List[Dimension]:
        """Return the dimensions that have more than one value."""
        return [
            d for d in self.dimensions if d.kind != "choice" and d.low < d.high or len(d.values) > 1
        ]

    def defaults(self) -> Dict[str, Value]:
        """Return the default point."""
        return {d.name: d.default for d in self.dimensions}

    def active(self, values: Mapping[str, Value]) -> List[str]:
        """Return the names that are active at a point, which need not be canonical."""
        names: List[str] = []

        def holds(chain: Sequence[Condition]) -> bool:
            return all(parent in names and values.get(parent) in of for parent, of in chain)

        for dimension in self.dimensions:
            if not dimension.conditions or any(map(holds, dimension.conditions)):
                names.append(dimension.name)
        return names

    def contains(self, values: Mapping[str, Value]) -> bool:
        """Return whether each value that is named is one that its dimension can have."""
        return all(d.contains(values[d.name]) for d in self.dimensions if d.name in values)

    def canonical(self, values: Mapping[str, Value]) -> Dict[str, Value]:
        """Return the point with every inactive dimension at its default."""
        active = set(self.active(values))
        return {
            d.name: values.get(d.name, d.default) if d.name in active else d.default
            for d in self.dimensions
        }

    def check(self) -> None:
        """Raise unless each name is there once, after those that its conditions name."""
        names: Set[str] = set()
        for place, dimension in enumerate(self.dimensions):
            parents = {parent for chain in dimension.conditions for parent, _ in chain}
            if dimension.name in names or parents - names:
                raise Unfit(f"dimensions[{place}]", f"'{dimension.name}' is out of its place")
            names.add(dimension.name)
