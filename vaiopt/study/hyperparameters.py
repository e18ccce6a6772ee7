"""What a model function asks for its values."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from vaiopt.errors import ModelError
from vaiopt.settings.ranges import Range
from vaiopt.study.space import MOST_VALUES, Condition, Dimension, Value


class HyperParameters:
    """What a model function is given: KerasTuner's conventions, and what the data look like.

    Args:
        values: the point to build; a name that is missing takes its default.
        overrides: changes from the settings, by name: a plain value fixes it, a :class:`Range`
            replaces its range.
        input_shape: shape of one sample, without the batch, such as ``(28, 28, 1)`` or ``(30,)``.
        classes: number of classes.
        samples: number of training samples.
        task: what is learned, a name of :data:`vaiopt.tasks.TASKS`.
    """

    def __init__(
        self,
        values: Optional[Mapping[str, Value]] = None,
        overrides: Optional[Mapping[str, Any]] = None,
        input_shape: Tuple[int, ...] = (),
        classes: int = 0,
        samples: int = 0,
        task: str = "classification",
    ) -> None:
        self.input_shape = tuple(input_shape)
        self.classes = classes
        self.samples = samples
        self.task = task
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
        """Ask for a whole number, both ends included; None where the scope is inactive."""
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
        """Ask for a number, both ends included; None where the scope is inactive."""
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
        """Ask for one of ``values``, of one type; None where the scope is inactive."""
        values = tuple(values)
        if not values:
            raise ModelError(
                f"hyperparameter '{name}' has no values to choose from",
                "Give hp.Choice at least one value.",
            )
        start = values[0] if default is None and None not in values else default
        ordered = _are_numbers(values) if ordered is None else ordered
        dimension = Dimension(name, "choice", start, values=values, ordered=ordered)
        return self._ask(dimension, parent_name, parent_values)

    def Boolean(  # noqa: N802
        self,
        name: str,
        default: bool = False,
        parent_name: Optional[str] = None,
        parent_values: Any = None,
    ) -> Any:
        """Ask for true or false; None where the scope is inactive."""
        dimension = Dimension(name, "choice", default, values=(False, True))
        return self._ask(dimension, parent_name, parent_values)

    def Fixed(  # noqa: N802
        self, name: str, value: Value, parent_name: Optional[str] = None, parent_values: Any = None
    ) -> Any:
        """Record a value that is not searched, and return it."""
        dimension = Dimension(name, "choice", value, values=(value,))
        return self._ask(dimension, parent_name, parent_values)

    def get(self, name: str) -> Any:
        """Return a value that was asked for before. Raises KeyError, as KerasTuner does."""
        for known in (self._full_name(name), name):
            if known in self.values:
                return self.values[known]
        raise KeyError(f"{name} does not exist.")

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    @contextlib.contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """Answer None within this block unless ``parent_name`` is one of ``parent_values``."""
        full = self._full_name(parent_name)
        parent = full if full in self.dimensions else parent_name
        if parent not in self.dimensions:
            raise ModelError(
                f"conditional_scope names '{parent_name}', which was not asked for before",
                "Ask for the parent first.",
            )
        several = isinstance(parent_values, (list, tuple, set))
        allowed = tuple(parent_values) if several else (parent_values,)
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
        dimension = replace(dimension, name=name, conditions=(chain,) if chain else ())
        dimension = _overridden(dimension, self._overrides)
        _check_range(dimension)
        self._register(dimension)
        values = self.values
        if not all(parent in values and values[parent] in allowed for parent, allowed in chain):
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
        new = dimension.conditions
        if known.conditions and new and new[0] not in known.conditions:
            self.dimensions[dimension.name] = replace(known, conditions=known.conditions + new)
        elif known.conditions and not new:
            self.dimensions[dimension.name] = replace(known, conditions=())


def _overridden(dimension: Dimension, overrides: Mapping[str, Any]) -> Dimension:
    """Return a dimension as the settings change it: a value fixes it, a range replaces it."""
    if dimension.name not in overrides:
        return dimension
    change = overrides[dimension.name]
    if not isinstance(change, Range):
        change = Range("choice", values=(change,), default=change)
        ordered = dimension.ordered
    else:
        ordered = change.kind == "choice" and _are_numbers(change.values)
    default = _inside(dimension.default, change) if change.default is None else change.default
    whole = change.kind == "int" and not change.log and change.step is None
    return replace(
        dimension,
        kind=change.kind,
        default=default,
        low=change.low,
        high=change.high,
        step=1 if whole else change.step,
        log=change.log,
        values=change.values,
        ordered=ordered,
        prefer=change.prefer,
    )


def _are_numbers(values: Sequence[Value]) -> bool:
    return all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)


def _inside(value: Value, spec: Range) -> Value:
    """Return the old default where the new range has it, else the first value of the range."""
    if spec.kind == "choice":
        return value if value in spec.values else spec.values[0]
    if not isinstance(value, (int, float)) or isinstance(value, bool) or spec.step is not None:
        return spec.low
    return value if spec.low <= value <= spec.high else spec.low


def _check_range(dimension: Dimension) -> None:
    """Raise :class:`ModelError` for a range that has no values, or a default outside of it."""
    name, low, high, step = (getattr(dimension, key) for key in ("name", "low", "high", "step"))
    where = f"hyperparameter '{name}' has"
    if dimension.kind != "choice":
        if not low <= high:
            raise ModelError(f"{where} an empty range [{low:g}, {high:g}]", "Swap its ends.")
        if dimension.log and low <= 0:
            raise ModelError(f"{where} a logarithmic range from {low:g}", "Start it above 0.")
        if step is not None and (step <= 0 or (dimension.log and step <= 1 and low < high)):
            text = f"{where} a step of {step:g}"
            raise ModelError(text, "Give it a step above 0 (above 1 for log).")
        count = dimension.count()
        if count is not None and count > MOST_VALUES:
            text = f"{where} more than {MOST_VALUES:,} values from {low:g} to {high:g}"
            raise ModelError(text, 'Give it a larger step, or sampling="log".')
    if not dimension.contains(dimension.default):
        raise ModelError(
            f"the default {dimension.default!r} of hyperparameter '{name}' is not in its range",
            "Change the default.",
        )
