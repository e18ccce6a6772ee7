"""The search space, found by calling the model function."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from vaiopt.errors import ModelError, SettingsError, did_you_mean
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.space import Condition, Dimension, Space, Value


class BuildFailed(ModelError):
    """The model function raised, or returned no model, at one point of the space."""


Call = Tuple[Dict[str, Value], List[str]]
"""The values of one call of the model function, and the names that it asked for."""

Make = Callable[[Mapping[str, Value]], HyperParameters]
"""Makes fresh hyperparameters at the given values."""

MOST_HALVINGS = 6
"""Calls to find the last value that builds, between one that does and one that fails."""


def trace_space(
    build: Callable[[HyperParameters], Any],
    make: Make,
    most: int = 200,
) -> Space:
    """Find the whole search space of a model function.

    The function is called with the defaults, then with every value (or the ends) of each dimension
    in turn, as long as that brings new names, at most ``most`` times; families such as ``units_0``,
    ``units_1``, ... are probed together. Where an end fails, the last value that builds is looked
    for. Branches written with :meth:`HyperParameters.conditional_scope` give their conditions; for
    those written as plain Python (``for i in range(hp.Int("layers", 1, 5))``) the condition is the
    one parent whose value decides, in all calls made, whether the name was asked for. Points at
    which the function fails tell nothing; the default point must not.

    Args:
        build: the model function; its result is not used.
        make: gives fresh hyperparameters at the given values.

    Raises:
        BuildFailed: the function fails at its default point.
        ModelError: the function asks for one name with two ranges.
    """
    tracing = _Tracing(build, make, most)
    tracing.call({})
    pending = list(tracing.found)
    while pending:
        before = set(tracing.found)
        family = tracing.family(pending)
        pending = [name for name in pending if name not in family]
        tracing.probe(family)
        pending.extend(name for name in tracing.found if name not in before)
    return Space(tuple(_ordered(_with_inferred_conditions(tracing.found, tracing.seen))))


class _Tracing:
    """The calls of one tracing, and what they found."""

    def __init__(self, build: Callable[[HyperParameters], Any], make: Make, most: int) -> None:
        self.found: Dict[str, Dimension] = {}
        self.seen: List[Call] = []
        self._build = build
        self._make = make
        self._left = most
        self._halved: Set[str] = set()
        self._tried: Set[str] = set()

    def call(self, values: Mapping[str, Value]) -> Optional[Call]:
        """Call the function at a point; None where it fails, or was called before."""
        if self._left <= 0 or _key(values) in self._tried:
            return None
        self._left -= 1
        self._tried.add(_key(values))
        hp = self._make(values)
        hp.know(self.found.values())
        try:
            self._build(hp)
        except BuildFailed:
            if not self.seen:
                raise
            return None
        for name, dimension in hp.dimensions.items():
            known = self.found.get(name)
            if known is not None and not known.same_range(dimension):
                raise ModelError(
                    f"the model function asks for '{name}' with ranges that depend on other values",
                    "Use a fixed range.",
                )
            self.found[name] = dimension if known is None else known.also(dimension)
        self.seen.append((hp.point(), list(hp.dimensions)))
        self._tried.add(_key(hp.point()))
        return self.seen[-1]

    def family(self, pending: Sequence[str]) -> List[str]:
        """Return the first name and those of the others that differ from it in digits alone, have
        the same range and conditions, and were all asked for in one call.
        """
        first = self.found[pending[0]]
        alike = [
            name
            for name in pending
            if re.sub("[0-9]+", "#", name) == re.sub("[0-9]+", "#", first.name)
            and self.found[name].same_range(first)
            and self.found[name].conditions == first.conditions
        ]
        if self._first_call(alike) is None:
            asked = self.seen[self._first_call([first.name]) or 0][1]
            alike = [name for name in alike if name in asked]
        return alike

    def probe(self, family: Sequence[str]) -> None:
        """Call the function with each value of a dimension, or of a family of them, that may open
        a branch.
        """
        for value in self.found[family[0]].probes():
            if len(family) == 1 or not self._probe_together(family, value):
                for name in family:
                    self._probe_one(name, value)

    def _probe_together(self, family: Sequence[str], value: Value) -> bool:
        """Give all members a value at once. If that opens or closes a branch, give it to halves of
        them, such that no two members are in the same ones: which of them decides can be told then.

        Returns:
            Whether no call failed.
        """
        base = self._point_for(family)
        together = self.call({**base, **dict.fromkeys(family, value)})
        if together is None:
            return value == base.get(family[0])
        if set(together[1]) == set(self.seen[self._first_call(family) or 0][1]):
            return True
        for bit in range(len(family).bit_length()):
            half = [name for i, name in enumerate(family, start=1) if i >> bit & 1]
            if self.call({**base, **dict.fromkeys(half, value)}) is None:
                return False
        return True

    def _probe_one(self, name: str, value: Value) -> None:
        base = self._point_for([name])
        point = {**base, name: value}
        if _key(point) in self._tried or self.call(point) is not None:
            return
        grid = self.found[name].grid() or []
        numbers = self.found[name].kind != "choice" and base.get(name) in grid
        if not numbers or name in self._halved:
            return
        self._halved.add(name)
        builds, fails = grid.index(base[name]), grid.index(value)
        for _ in range(MOST_HALVINGS):
            middle = (builds + fails) // 2
            if middle in (builds, fails):
                break
            built = self.call({**base, name: grid[middle]})
            builds, fails = (middle, fails) if built is not None else (builds, middle)

    def _first_call(self, names: Sequence[str]) -> Optional[int]:
        """Return the first call in which all the names were asked for, or None."""
        calls = (i for i, (_, asked) in enumerate(self.seen) if set(names) <= set(asked))
        return next(calls, None)

    def _point_for(self, names: Sequence[str]) -> Dict[str, Value]:
        """Return the first point at which all the names were asked for, changed such that the
        conditions of their scopes hold.
        """
        values = self.seen[self._first_call(names) or 0][0]
        return {**values, **{parent: allowed[0] for parent, allowed in self._ancestors(names[0])}}

    def _ancestors(self, name: str) -> List[Condition]:
        """Return conditions that make ``name`` active, its parents' own ones included."""
        chain: List[Condition] = []
        for alternative in self.found[name].conditions[:1]:
            for parent, allowed in alternative:
                chain += self._ancestors(parent)
                chain.append((parent, allowed))
        return chain


def _key(point: Mapping[str, Value]) -> str:
    return repr(sorted(point.items(), key=lambda item: item[0]))


def _with_inferred_conditions(
    found: Mapping[str, Dimension], seen: Sequence[Call]
) -> List[Dimension]:
    result = []
    for name, dimension in found.items():
        if not dimension.conditions and not all(name in asked for _, asked in seen):
            others = (parent for parent in found.values() if parent.name != name)
            deciding = filter(None, (_deciding(name, parent, seen) for parent in others))
            for condition in itertools.islice(deciding, 1):
                dimension = replace(dimension, conditions=((condition,),))
        result.append(dimension)
    return result


def _deciding(name: str, parent: Dimension, seen: Sequence[Call]) -> Optional[Condition]:
    """Return the condition on ``parent`` that agrees with every call on whether ``name`` was asked
    for, or None.
    """
    asked_at: Dict[Value, bool] = {}
    for values, asked in seen:
        if parent.name not in values:
            if name in asked:
                return None
            continue
        value = values[parent.name]
        if asked_at.setdefault(value, name in asked) != (name in asked):
            return None
    if len(set(asked_at.values())) != 2:
        return None
    grid = parent.grid()
    if grid is None or len(grid) > 256:
        return None
    allowed = tuple(v for v in grid if _asked(v, asked_at, parent))
    return (parent.name, allowed)


def _asked(value: Value, asked_at: Mapping[Value, bool], parent: Dimension) -> bool:
    """Return whether a value asks, by the calls; between two tried numbers, if either does."""
    if value in asked_at:
        return asked_at[value]
    if parent.kind == "choice" or not isinstance(value, (int, float)):
        return True
    numbers = sorted(v for v in asked_at if isinstance(v, (int, float)))
    below = [v for v in numbers if v < value]
    above = [v for v in numbers if v > value]
    return any(asked_at[v] for v in below[-1:] + above[:1])


def _ordered(dimensions: Iterable[Dimension]) -> List[Dimension]:
    """Return the dimensions with every parent before its children, otherwise in the given order."""
    remaining = list(dimensions)
    done: List[Dimension] = []
    while remaining:
        names = {d.name for d in done}
        for dimension in remaining:
            if all(parent in names for chain in dimension.conditions for parent, _ in chain):
                break
        else:
            raise ModelError(
                f"the conditions of '{remaining[0].name}' form a circle",
                "Let each depend on names asked for before it.",
            )
        done.append(dimension)
        remaining.remove(dimension)
    return done


def check_overrides(space: Space, names: Iterable[str]) -> None:
    """Raise :class:`SettingsError` for a hyperparameter that is never asked for."""
    known = [d.asked_as for d in space]
    for name in names:
        if name not in known:
            raise SettingsError(
                f"the model family never asks for a hyperparameter '{name}'",
                did_you_mean(name, known),
            )
