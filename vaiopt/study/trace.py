"""The search space, found by calling the model function."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from vaiopt.errors import ModelError, SettingsError, did_you_mean
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.space import Condition, Dimension, Space, Value


class BuildFailed(ModelError):
    """The model function raised, or returned no model, at one point of the space."""


Call = Tuple[Dict[str, Value], List[str]]
"""The values of one call of the model function, and the names that it asked for."""


def trace_space(
    build: Callable[[HyperParameters], Any],
    make: Callable[[Mapping[str, Value]], HyperParameters],
    most: int = 200,
) -> Space:
    """Find the whole search space of a model function.

    The function is called with the defaults, then with every value (or the ends) of each dimension
    in turn, as long as that brings new names, at most ``most`` times. Branches written with
    :meth:`HyperParameters.conditional_scope` give their conditions; for those written as plain
    Python (``for i in range(hp.Int("layers", 1, 5))``) the condition is the one parent whose value
    decides, in all calls made, whether the name was asked for. Points at which the function fails
    tell nothing; the default point must not.

    Args:
        build: the model function; its result is not used.
        make: gives fresh hyperparameters at the given values.

    Raises:
        BuildFailed: the function fails at its default point.
        ModelError: the function asks for one name with two ranges.
    """
    seen: List[Call] = []
    found: Dict[str, Dimension] = {}

    def call(values: Mapping[str, Value]) -> None:
        hp = make(values)
        try:
            build(hp)
        except BuildFailed:
            if not seen:
                raise
            return
        for name, dimension in hp.dimensions.items():
            if name in found and not found[name].same_range(dimension):
                raise ModelError(
                    f"the model function asks for '{name}' with ranges that depend on other values",
                    "Use a fixed range.",
                )
            found.setdefault(name, dimension)
        seen.append((dict(hp.values), list(hp.dimensions)))

    call({})
    tried = set()
    pending = list(found)
    while pending:
        name = pending.pop(0)
        for value in found[name].probes():
            base = {parent: allowed[0] for parent, allowed in _ancestors(found, name)}
            point = {**_best_base(seen, name), **base, name: value}
            key = repr(sorted(point.items(), key=lambda item: item[0]))
            if key in tried or len(seen) >= most:
                continue
            tried.add(key)
            before = set(found)
            call(point)
            pending.extend(n for n in found if n not in before)
    return Space(tuple(_ordered(_with_inferred_conditions(found, seen))))


def _ancestors(found: Mapping[str, Dimension], name: str) -> List[Condition]:
    """Return conditions that make ``name`` active, its parents' own ones included."""
    chain: List[Condition] = []
    for alternative in found[name].conditions[:1]:
        for parent, allowed in alternative:
            chain += _ancestors(found, parent)
            chain.append((parent, allowed))
    return chain


def _best_base(seen: Sequence[Call], name: str) -> Dict[str, Value]:
    """Return the first point at which ``name`` was asked for."""
    return next((dict(values) for values, asked in seen if name in asked), {})


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
    known = [d.name for d in space]
    for name in names:
        if name not in known:
            raise SettingsError(
                f"the model family never asks for a hyperparameter '{name}'",
                did_you_mean(name, known),
            )
