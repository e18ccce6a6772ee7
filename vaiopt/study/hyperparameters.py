"""What a model function asks for its values."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import (
    Any,
    Dict,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
)

from vaiopt.errors import ModelError
from vaiopt.settings.ranges import Range
from vaiopt.study.space import Condition, Dimension, Value


class HyperParameters:
    """What a model function is given: KerasTuner's conventions, and what the data look like.

    Args:
        values: the point to build; a name that is missing takes its default.
        overrides: changes from the settings, by name: a plain value fixes it, a :class:`Range`
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
    if not isinstance(change, Range):
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


def _inside(value: Value, spec: Range) -> Value:
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
