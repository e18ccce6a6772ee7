"""Random and neighbouring values of a dimension, and what equal points share."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Tuple

import numpy as np

from vaiopt.study.space import Dimension, Value
from vaiopt.study.surrogate import from_unit, to_unit

PREFERRED = 0.75
"""The share of random points that are drawn around a preferred value; the rest finds what it
misses."""
SPREAD = 0.1
"""Their standard deviation, as a share of the range (or of its logarithm)."""

Key = Tuple[Tuple[str, Value], ...]


def key(point: Mapping[str, Value]) -> Key:
    """Return what two equal points share, however their floats were computed."""
    return tuple(
        (name, float(f"{value:.9g}") if isinstance(value, float) else value)
        for name, value in point.items()
    )


def draw(dimension: Dimension, random: Any, count: int) -> List[Value]:
    """Return random values, even over the range (or over its logarithm); with a preferred value
    most of them around it.
    """
    if dimension.prefer is not None:
        return _draw_around(dimension, dimension.prefer, random, count)
    return _draw_evenly(dimension, random, count)


def _draw_around(dimension: Dimension, prefer: Value, random: Any, count: int) -> List[Value]:
    """Return values of which :data:`PREFERRED` are near a value, or for a choice are it."""
    even = _draw_evenly(dimension, random, count)
    near = random.uniform(size=count) < PREFERRED
    if dimension.kind == "choice":
        return [prefer if close else value for close, value in zip(near, even)]
    around = _nearest(dimension, to_unit(dimension, prefer) + SPREAD * random.normal(size=count))
    return [there if close else value for close, there, value in zip(near, around, even)]


def _nearest(dimension: Dimension, places: np.ndarray) -> List[Value]:
    """Return the value nearest to each place (count,) in the range of a number."""
    grid = dimension.grid()
    if grid is None:
        return [from_unit(dimension, place) for place in places]
    known = np.array([to_unit(dimension, value) for value in grid])
    return [grid[i] for i in np.searchsorted((known[1:] + known[:-1]) / 2, places)]


def _draw_evenly(dimension: Dimension, random: Any, count: int) -> List[Value]:
    grid = dimension.grid()
    if grid is not None and (dimension.kind == "choice" or len(grid) <= 1000):
        return [grid[i] for i in random.randint(len(grid), size=count)]
    return [from_unit(dimension, u) for u in random.uniform(size=count)]


def nudge(dimension: Dimension, value: Value, random: Any) -> Value:
    """Return another value near this one; any other value of an unordered choice."""
    grid: Optional[List[Value]] = dimension.grid()
    if dimension.kind == "choice" and not dimension.ordered:
        others = [v for v in dimension.values if not (type(v) is type(value) and v == value)]
        return others[random.randint(len(others))] if others else value
    if grid is not None and len(grid) <= 1000:
        numbers = np.array(grid, dtype=float)
        near = int(np.argmin(np.abs(numbers - float(value))))  # type: ignore[arg-type]
        step = max(1, int(abs(random.normal()) * 0.1 * len(grid)))
        return grid[min(len(grid) - 1, max(0, near + (step if random.randint(2) else -step)))]
    return from_unit(dimension, to_unit(dimension, value) + 0.1 * random.normal())
