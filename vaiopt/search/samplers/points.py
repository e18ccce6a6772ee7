"""Points that the settings name: they are tried first, whichever sampler comes after."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from vaiopt.errors import SettingsError, did_you_mean
from vaiopt.search.samplers.base import Problem, Sampler
from vaiopt.search.samplers.candidates import Tried
from vaiopt.search.samplers.encoding import Key, key
from vaiopt.search.samplers.point import Point
from vaiopt.study.record import TrialRecord
from vaiopt.study.space import Dimension, Space


class PointsFirst(Sampler):
    """Tries the default point and the points of ``search.points`` before another sampler has its
    turn.

    Args:
        problem: what it is made for.
        then: the other sampler.

    Raises:
        SettingsError: a point does not fit the space, or the other sampler has a plan of its own.
    """

    def __init__(self, problem: Problem, then: Sampler) -> None:
        super().__init__(problem)
        if then.has_plan:
            raise SettingsError(
                f"search.points are given, and the sampler is a {problem.settings.sampler}",
                f"Leave one of them out; a {problem.settings.sampler} tries its own points.",
            )
        self._points = given_points(problem.space, problem.settings.points)
        self._then = then
        self._tried = Tried(problem.space)

    def propose(self, study: Any, trial: Any, history: Sequence[TrialRecord]) -> Point:
        """See :class:`Sampler`."""
        tried = self._tried(history)
        left = [point for point in self._points if key(point) not in tried]
        return left[0] if history and left else self._then.propose(study, trial, history)


def given_points(space: Space, tables: Sequence[Mapping[str, Any]]) -> List[Point]:
    """Return the points of ``search.points``, whole and canonical, each once.

    Args:
        space: all dimensions.
        tables: as they stand in the settings.

    Raises:
        SettingsError: a point names an unknown hyperparameter or a value outside its range.
    """
    found: Dict[Key, Point] = {}
    for number, table in enumerate(tables, start=1):
        point = space.canonical({**space.defaults(), **_checked(number, table, space)})
        found.setdefault(key(point), point)
    return list(found.values())


def _checked(number: int, table: Mapping[str, Any], space: Space) -> Point:
    where = f"point {number} of search.points"
    values: Point = {}
    for name, value in table.items():
        namesakes = [d for d in space if name in (d.name, d.asked_as)]
        if not namesakes:
            known = [d.asked_as for d in space]
            raise SettingsError(
                f"{where} names an unknown hyperparameter '{name}'", did_you_mean(name, known)
            )
        active = space.active({**space.defaults(), **table})
        dimension = next((d for d in namesakes if d.name in active), namesakes[0])
        if dimension.kind == "float" and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not dimension.contains(value):
            raise SettingsError(f"{where}: {name} cannot be {value!r}", _allowed(dimension))
        values[dimension.name] = value
    return values


def _allowed(dimension: Dimension) -> str:
    if dimension.kind == "choice":
        return f"It is one of {', '.join(map(repr, dimension.values))}."
    steps = f" in steps of {dimension.step}" if dimension.step else ""
    return f"It is a number from {dimension.low} to {dimension.high}{steps}."
