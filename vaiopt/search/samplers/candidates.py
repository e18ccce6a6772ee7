"""The points among which the next one is chosen."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Sequence, Set

import numpy as np

from vaiopt.search.samplers.encoding import Key, draw, key, nudge
from vaiopt.search.samplers.point import Point, SpaceExhausted
from vaiopt.study.record import RUNNING, TrialRecord
from vaiopt.study.space import Space
from vaiopt.study.surrogate import encode_points

RANDOM_POINTS = 2000
"""Random points among which the acquisition is maximised."""
NEIGHBOURS = 400
"""Points near the best ones, in each of two rounds."""
INITIAL_CANDIDATES = 3
"""Random points of which an initial one is the farthest from those before. Of many, it would always
be a corner, where learning rates fail.
"""
LARGEST_LISTED_SPACE = 20000
"""Points of a space up to which those that were not tried are listed."""


def tried_keys(points: Iterable[Point]) -> Set[Key]:
    """Return the keys of canonical points."""
    return {key(point) for point in points}


def tried_points(space: Space, history: Iterable[TrialRecord]) -> Set[Key]:
    """Return the keys of the points that were tried."""
    return tried_keys(space.canonical(t.hyperparameters) for t in history)


class Tried:
    """The keys of the points of a search's trials: as :func:`tried_points`, but the trials that
    stood in the last history too are not looked at again.

    Args:
        space: all dimensions.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._trials: List[TrialRecord] = []
        self._keys: Set[Key] = set()

    def __call__(self, history: Sequence[TrialRecord]) -> Set[Key]:
        """Return the keys of the points of a history, which are not to be changed."""
        known = len(self._trials)
        if list(history[:known]) != self._trials:
            known, self._keys = 0, set()
        running = [trial.status == RUNNING for trial in history[known:]]
        ended = list(history[: known + running.index(True) if any(running) else None])
        self._keys |= tried_points(self._space, ended[known:])
        self._trials = ended
        if len(ended) == len(history):
            return self._keys
        return self._keys | tried_points(self._space, history[len(ended) :])


def generator(seed: int, history: Sequence[TrialRecord]) -> Any:
    """Return the random generator of one proposal: what others drew cannot matter."""
    return np.random.RandomState([seed, len(history)])


def new_points(space: Space, tried: Set[Key], random: Any) -> List[Point]:
    """Return random points that were not tried, or all of those if they are few.

    Raises:
        SpaceExhausted: there are none.
    """
    columns = {d.name: draw(d, random, RANDOM_POINTS) for d in space}
    drawn = (
        space.canonical({name: column[i] for name, column in columns.items()})
        for i in range(RANDOM_POINTS)
    )
    found = distinct(drawn, tried) or _remaining(space, tried)
    if not found:
        raise SpaceExhausted(
            f"all {len(tried)} points of the search space have been tried",
            "Widen the space, or ask for fewer trials.",
        )
    return found


def spread_out(space: Space, candidates: Sequence[Point], points: Sequence[Point]) -> Point:
    """Return the one of the first candidates that is farthest from all points so far: a start that
    fills the space, each point depending on those before.
    """
    x = encode_points(space, candidates[:INITIAL_CANDIDATES])
    known = encode_points(space, points)
    distances = ((x[:, None, :] - known[None, :, :]) ** 2).sum(axis=2).min(axis=1)
    return candidates[int(np.argmax(distances))]


def neighbours(space: Space, points: Sequence[Point], random: Any, tried: Set[Key]) -> List[Point]:
    """Return points that were not tried and differ from the given ones in one or two dimensions,
    numbers by a small step.
    """
    searched = space.searched()
    result = []
    for index in range(NEIGHBOURS):
        point = dict(points[index % len(points)])
        for _ in range(random.randint(1, 3)):
            dimension = searched[random.randint(len(searched))]
            point[dimension.name] = nudge(dimension, point[dimension.name], random)
        result.append(space.canonical(point))
    return distinct(result, tried)


def refined(
    space: Space,
    acquired: Callable[[List[Point]], np.ndarray],
    pool: List[Point],
    admitted: Callable[[List[Point]], List[Point]],
    tried: Set[Key],
    random: Any,
) -> List[Point]:
    """Return the best of a pool, and of what lies near its best, twice; the best first.

    Args:
        space: all dimensions.
        acquired: how little points promise (points,): lower is better.
        pool: points that were not tried.
        admitted: leaves those of some points that may be proposed.
        tried: keys of points that were tried.
        random: a ``RandomState``.
    """
    for _ in range(2):
        pool = [pool[i] for i in np.argsort(acquired(pool), kind="stable")[:50]]
        near = neighbours(space, pool[:5], random, tried)
        pool = distinct(pool + admitted(near), set())
    return [pool[i] for i in np.argsort(acquired(pool), kind="stable")]


def distinct(points: Iterable[Point], tried: Set[Key]) -> List[Point]:
    """Return each of the points once, without those that were tried."""
    found: Dict[Key, Point] = {}
    for point in points:
        name = key(point)
        if name not in tried:
            found.setdefault(name, point)
    return list(found.values())


def _remaining(space: Space, tried: Set[Key]) -> List[Point]:
    """Return all untried points of a small space; none of a continuous or large one."""
    points: List[Point] = [{}]
    for dimension in space:
        grid = dimension.grid()
        if grid is None or len(points) * len(grid) > LARGEST_LISTED_SPACE:
            return []
        points = [{**point, dimension.name: value} for point in points for value in grid]
    return distinct((space.canonical(point) for point in points), tried)
