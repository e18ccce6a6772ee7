"""What the settings change of a hyperparameter that a model function asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

from vaiopt.settings.ranges import Range
from vaiopt.study.parameters import are_numbers
from vaiopt.study.space import Dimension, Value


def overridden(dimension: Dimension, overrides: Mapping[str, Any]) -> Dimension:
    """Return a dimension as the settings change it.

    Args:
        dimension: as the model function asked for it.
        overrides: by the name that it is asked by: a value fixes it, a :class:`Range` replaces its
            range.
    """
    if dimension.asked_as not in overrides:
        return dimension
    change = overrides[dimension.asked_as]
    if not isinstance(change, Range):
        change = Range("choice", values=(change,), default=change)
        ordered = dimension.ordered
    else:
        ordered = change.kind == "choice" and are_numbers(change.values)
    whole = change.kind == "int" and not change.log and change.step is None
    changed = replace(
        dimension,
        kind=change.kind,
        default=_first(change) if change.default is None else change.default,
        low=change.low,
        high=change.high,
        step=1 if whole else change.step,
        log=change.log,
        values=change.values,
        ordered=ordered,
        reverse=False,
        prefer=change.prefer,
    )
    kept = _as_kind(dimension.default, change.kind)
    return replace(changed, default=kept) if _keeps(changed, change, kept) else changed


def _first(spec: Range) -> Value:
    value: Value = spec.values[0] if spec.kind == "choice" else spec.low
    return value


def _as_kind(value: Value, kind: str) -> Value:
    """Return a whole number as an int where the new range is of those."""
    whole = kind == "int" and isinstance(value, float) and value.is_integer()
    return int(value) if whole else value  # type: ignore[arg-type]


def _keeps(changed: Dimension, spec: Range, default: Value) -> bool:
    """Return whether the new range has the old default, and names none of its own."""
    return spec.default is None and changed.contains(default)
