"""Hyperparameters and the search space: what a model function ``build_model(hp)`` asks for.

A model function written for KerasTuner runs here unchanged: it asks ``hp.Int``, ``hp.Float``,
``hp.Choice``, ``hp.Boolean`` and ``hp.Fixed`` by name and gets values. The first time it is
*traced*: called with the defaults, then with each value that might open another branch, so that the
whole space is known before the search starts. A hyperparameter is **active** where the function
asks for it; an inactive one stands at its default in the **canonical** form of a point, so that it
neither misleads a model nor makes duplicates.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import asdict, dataclass, field, replace
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from vaiopt.errors import ModelError, SettingsError, did_you_mean
from vaiopt.spec import Spec

Value = Union[bool, int, float, str, None]
Condition = Tuple[str, Tuple[Value, ...]]
"""A parent's name and the values of it at which a child is active."""


@dataclass(frozen=True)
class Dimension:
    """One hyperparameter.

    Attributes:
        name: unique in the space.
        kind: ``int``, ``float`` or ``choice`` (``hp.Boolean`` is a choice; ``hp.Fixed`` one of a
            single value).
        default: where the search starts, and where an inactive one stands.
        low, high, step, log: the range of a number, both ends included; ``step`` None for a float
            means continuous.
        values: the values of a choice, in order.
        ordered: whether the order of a choice means something (numbers by default).
        conditions: alternatives, each a chain of conditions that must all hold; none means always
            active.
    """

    name: str
    kind: str
    default: Value
    low: float = 0
    high: float = 0
    step: Optional[float] = None
    log: bool = False
    values: Tuple[Value, ...] = ()
    ordered: bool = False
    conditions: Tuple[Tuple[Condition, ...], ...] = ()

    def same_range(self, other: "Dimension") -> bool:
        """Return whether both ask for the same values, whatever their conditions."""
        return replace(self, conditions=()) == replace(other, conditions=())

    def grid(self) -> Optional[List[Value]]:
        """Return all values in order, or None for a continuous range."""
        if self.kind == "choice":
            return list(self.values)
        if self.low == self.high:
            return [self._cast(self.low)]
        if self.step is None:
            return None
        if self.log:  # KerasTuner's convention: with a logarithmic range the step is a factor
            count = int(math.floor(math.log(self.high / self.low) / math.log(self.step) + 1e-9)) + 1
            return [self._cast(self.low * self.step**i) for i in range(count)]
        count = int(math.floor((self.high - self.low) / self.step + 1e-9)) + 1
        return [self._cast(self.low + i * self.step) for i in range(count)]

    def probes(self, most: int = 12) -> List[Value]:
        """Return the values to try when looking for hidden branches: all of them if few, else both
        ends and the middle.
        """
        grid = self.grid()
        if grid is None:
            return [self.low, self.high]
        return grid if len(grid) <= most else [grid[0], grid[len(grid) // 2], grid[-1]]

    def _cast(self, value: float) -> Value:
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
        return grid is None or any(
            math.isclose(float(value), float(v)) for v in grid if isinstance(v, (int, float))
        )


@dataclass(frozen=True)
class Space:
    """All dimensions of a search, in the order in which the model function asks for them, parents
    before children.
    """

    dimensions: Tuple[Dimension, ...] = field(default_factory=tuple)

    def __iter__(self) -> Iterator[Dimension]:
        return iter(self.dimensions)

    def __len__(self) -> int:
        return len(self.dimensions)

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
        for dimension in self.dimensions:
            if not dimension.conditions or any(
                self._holds(chain, values, names) for chain in dimension.conditions
            ):
                names.append(dimension.name)
        return names

    def _holds(
        self, chain: Sequence[Condition], values: Mapping[str, Value], active: Sequence[str]
    ) -> bool:
        return all(parent in active and values.get(parent) in allowed for parent, allowed in chain)

    def canonical(self, values: Mapping[str, Value]) -> Dict[str, Value]:
        """Return the point with every inactive dimension at its default."""
        active = set(self.active(values))
        return {
            d.name: values.get(d.name, d.default) if d.name in active else d.default
            for d in self.dimensions
        }

    def to_json(self) -> Dict[str, Any]:
        """Return a JSON object that :meth:`from_json` reads."""
        return {"dimensions": [asdict(d) for d in self.dimensions]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Space":
        """Read what :meth:`to_json` gave."""
        dimensions = []
        for item in content["dimensions"]:
            item = dict(item)
            item["values"] = tuple(item["values"])
            item["conditions"] = tuple(
                tuple((parent, tuple(allowed)) for parent, allowed in chain)
                for chain in item["conditions"]
            )
            dimensions.append(Dimension(**item))
        return cls(tuple(dimensions))


class HyperParameters:
    """What a model function is given: KerasTuner's conventions, and what the data look like.

    Args:
        values: the point to build; a name that is missing takes its default.
        overrides: changes from the settings, by name: a plain value fixes it, a :class:`Spec`
            replaces its range.
        input_shape: shape of one sample, without the batch, such as ``(28, 28, 1)`` or ``(30,)``.
        classes: number of classes.
        samples: number of training samples.
    """

    def __init__(
        self,
        values: Optional[Mapping[str, Value]] = None,
        overrides: Optional[Mapping[str, Any]] = None,
        input_shape: Tuple[int, ...] = (),
        classes: int = 0,
        samples: int = 0,
    ) -> None:
        self.input_shape = tuple(input_shape)
        self.classes = classes
        self.samples = samples
        self.values: Dict[str, Value] = {}
        self.dimensions: Dict[str, Dimension] = {}
        self._given = dict(values or {})
        self._overrides = dict(overrides or {})
        self._conditions: List[Condition] = []
        self._scopes: List[str] = []

    # What KerasTuner's functions call. The argument names and their order are KerasTuner's.

    def Int(  # noqa: N802
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: Optional[int] = None,
        sampling: Optional[str] = None,
        default: Optional[int] = None,
        parent_name: Optional[str] = None,
        parent_values: Any = None,
    ) -> Any:
        """Ask for a whole number from ``min_value`` to ``max_value``, both included; None where the
        scope is inactive.
        """
        log = sampling in ("log", "reverse_log")
        width = (step if step is not None else (None if log else 1)) if min_value < max_value else 1
        dimension = Dimension(
            name, "int", min_value if default is None else default, min_value, max_value, width, log
        )
        return self._ask(dimension, parent_name, parent_values)

    def Float(  # noqa: N802
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: Optional[float] = None,
        sampling: Optional[str] = None,
        default: Optional[float] = None,
        parent_name: Optional[str] = None,
        parent_values: Any = None,
    ) -> Any:
        """Ask for a number from ``min_value`` to ``max_value``, both included; None where the scope
        is inactive.
        """
        log = sampling in ("log", "reverse_log")
        start = float(min_value if default is None else default)
        dimension = Dimension(name, "float", start, float(min_value), float(max_value), step, log)
        return self._ask(dimension, parent_name, parent_values)

    def Choice(  # noqa: N802
        self,
        name: str,
        values: Sequence[Value],
        ordered: Optional[bool] = None,
        default: Value = None,
        parent_name: Optional[str] = None,
        parent_values: Any = None,
    ) -> Any:
        """Ask for one of ``values`` (numbers, texts or booleans of one type); None where the scope
        is inactive.
        """
        values = tuple(values)
        if not values:
            raise ModelError(
                f"hyperparameter '{name}' has no values to choose from",
                "Give hp.Choice at least one value.",
            )
        numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
        start = values[0] if default is None and None not in values else default
        dimension = Dimension(
            name, "choice", start, values=values, ordered=numbers if ordered is None else ordered
        )
        return self._ask(dimension, parent_name, parent_values)

    def Boolean(  # noqa: N802
        self,
        name: str,
        default: bool = False,
        parent_name: Optional[str] = None,
        parent_values: Any = None,
    ) -> Any:
        """Ask for true or false; None where the scope is inactive."""
        return self._ask(
            Dimension(name, "choice", default, values=(False, True)), parent_name, parent_values
        )

    def Fixed(  # noqa: N802
        self, name: str, value: Value, parent_name: Optional[str] = None, parent_values: Any = None
    ) -> Any:
        """Record a value that is not searched, and return it."""
        return self._ask(
            Dimension(name, "choice", value, values=(value,)), parent_name, parent_values
        )

    def get(self, name: str) -> Any:
        """Return the value of a hyperparameter that was asked for before. Raises KeyError, as
        KerasTuner does.
        """
        full = self._full_name(name)
        if full in self.values:
            return self.values[full]
        if name in self.values:
            return self.values[name]
        raise KeyError(f"{name} does not exist.")

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    @contextlib.contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """Ask within this block only where ``parent_name`` has one of ``parent_values``; elsewhere
        every answer is None.
        """
        full = self._full_name(parent_name)
        parent = full if full in self.dimensions else parent_name
        if parent not in self.dimensions:
            raise ModelError(
                f"conditional_scope names '{parent_name}', which was not asked for before",
                "Ask for the parent first.",
            )
        allowed = (
            tuple(parent_values)
            if isinstance(parent_values, (list, tuple, set))
            else (parent_values,)
        )
        self._conditions.append((parent, allowed))
        try:
            yield
        finally:
            self._conditions.pop()

    @contextlib.contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Put ``name/`` before every name that is asked for within this block."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    def _full_name(self, name: str) -> str:
        return "/".join([*self._scopes, name])

    def _ask(self, dimension: Dimension, parent_name: Optional[str], parent_values: Any) -> Any:
        if parent_name is not None:
            with self.conditional_scope(parent_name, parent_values):
                return self._ask(dimension, None, None)
        chain = tuple(self._conditions)
        name = self._full_name(dimension.name)
        dimension = _overridden(
            replace(dimension, name=name, conditions=(chain,) if chain else ()), self._overrides
        )
        _check_range(dimension)
        self._register(dimension)
        active = all(
            parent in self.values and self.values[parent] in allowed for parent, allowed in chain
        )
        if not active:
            return None
        if name not in self.values:
            value = self._given.get(name, dimension.default)
            self.values[name] = value if dimension.contains(value) else dimension.default
        return self.values[name]

    def _register(self, dimension: Dimension) -> None:
        known = self.dimensions.get(dimension.name)
        if known is None:
            self.dimensions[dimension.name] = dimension
            return
        if not known.same_range(dimension):
            raise ModelError(
                f"the model function asks for '{dimension.name}' with two different ranges or"
                " defaults",
                "Give each of them a name of its own.",
            )
        if (
            known.conditions
            and dimension.conditions
            and dimension.conditions[0] not in known.conditions
        ):
            self.dimensions[dimension.name] = replace(
                known, conditions=known.conditions + dimension.conditions
            )
        elif known.conditions and not dimension.conditions:
            self.dimensions[dimension.name] = replace(known, conditions=())


def _overridden(dimension: Dimension, overrides: Mapping[str, Any]) -> Dimension:
    if dimension.name not in overrides:
        return dimension
    change = overrides[dimension.name]
    if not isinstance(change, Spec):
        return replace(
            dimension,
            kind="choice",
            default=change,
            values=(change,),
            low=0,
            high=0,
            step=None,
            log=False,
        )
    if change.kind == "choice":
        default = (
            change.default
            if change.default is not None
            else (dimension.default if dimension.default in change.values else change.values[0])
        )
        numbers = all(
            isinstance(v, (int, float)) and not isinstance(v, bool) for v in change.values
        )
        return Dimension(
            dimension.name,
            "choice",
            default,
            values=change.values,
            ordered=numbers,
            conditions=dimension.conditions,
        )
    step = (
        change.step
        if change.step is not None
        else (1 if change.kind == "int" and not change.log else None)
    )
    default = change.default if change.default is not None else _inside(dimension.default, change)
    return Dimension(
        dimension.name,
        change.kind,
        default,
        change.low,
        change.high,
        step,
        change.log,
        conditions=dimension.conditions,
    )


def _inside(value: Value, spec: Spec) -> Value:
    """Return the old default where the new range has it, else the new range's lower end."""
    kept = (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and spec.low <= value <= spec.high
        and spec.step is None
    )
    return value if kept else spec.low


def _check_range(dimension: Dimension) -> None:
    name = dimension.name
    if dimension.kind != "choice":
        if not dimension.low <= dimension.high:
            raise ModelError(
                f"hyperparameter '{name}' has an empty range [{dimension.low:g},"
                f" {dimension.high:g}]",
                "Swap its ends.",
            )
        if dimension.log and dimension.low <= 0:
            raise ModelError(
                f"hyperparameter '{name}' has a logarithmic range from {dimension.low:g}",
                "Start it above 0.",
            )
        if dimension.step is not None and (
            dimension.step <= 0
            or (dimension.log and dimension.step <= 1 and dimension.low < dimension.high)
        ):
            raise ModelError(
                f"hyperparameter '{name}' has a step of {dimension.step:g}",
                "Give it a step above 0 (above 1 for log).",
            )
    if not dimension.contains(dimension.default):
        raise ModelError(
            f"the default {dimension.default!r} of hyperparameter '{name}' is not in its range",
            "Change the default.",
        )


class BuildFailed(ModelError):
    """The model function raised, or returned something else than a model, at one point of the
    space.
    """


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
    seen: List[Tuple[Dict[str, Value], List[str]]] = []
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


def _best_base(seen: Sequence[Tuple[Dict[str, Value], List[str]]], name: str) -> Dict[str, Value]:
    """Return the first point at which ``name`` was asked for."""
    return next((dict(values) for values, asked in seen if name in asked), {})


def _with_inferred_conditions(
    found: Mapping[str, Dimension], seen: Sequence[Tuple[Dict[str, Value], List[str]]]
) -> List[Dimension]:
    result = []
    for name, dimension in found.items():
        asked_always = all(name in asked for _, asked in seen)
        if dimension.conditions or asked_always:
            result.append(dimension)
            continue
        condition = next(
            (
                c
                for c in (
                    _deciding(name, parent, seen)
                    for parent in found.values()
                    if parent.name != name
                )
                if c
            ),
            None,
        )
        result.append(replace(dimension, conditions=((condition,),)) if condition else dimension)
    return result


def _deciding(
    name: str, parent: Dimension, seen: Sequence[Tuple[Dict[str, Value], List[str]]]
) -> Optional[Condition]:
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
    """Return what the calls say of a value, or, between two tried numbers that agree, what both say
    (if they differ: asked).
    """
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
        ready = [
            d
            for d in remaining
            if all(parent in names for chain in d.conditions for parent, _ in chain)
        ]
        if not ready:
            raise ModelError(
                f"the conditions of '{remaining[0].name}' form a circle",
                "Let each depend on names asked for before it.",
            )
        done.append(ready[0])
        remaining.remove(ready[0])
    return done


def check_overrides(space: Space, names: Iterable[str]) -> None:
    """Raise :class:`SettingsError` if the settings change a hyperparameter that the model function
    never asks for.
    """
    known = [d.name for d in space]
    for name in names:
        if name not in known:
            raise SettingsError(
                f"the model family never asks for a hyperparameter '{name}'",
                did_you_mean(name, known),
            )
