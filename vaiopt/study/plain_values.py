"""Values that a model function gives, as plain Python ones: NumPy's numbers are numbers."""

from __future__ import annotations

import math
from typing import Any, Union

from vaiopt.errors import ModelError
from vaiopt.record import LARGEST
from vaiopt.study.space import Value


class BadHyperParameter(ModelError, ValueError):
    """A hyperparameter that cannot be; a ValueError too, which KerasTuner raises there."""


class BadKind(ModelError, TypeError):
    """A value of a kind that no hyperparameter can have; a TypeError too, as in KerasTuner."""


def plain(name: str, value: Any) -> Value:
    """Return a value of a hyperparameter as a plain number, text, truth value, or None.

    Args:
        name: of the hyperparameter.
        value: also NumPy's scalars and members of an enumeration of numbers or texts.

    Raises:
        ModelError: it is something else: a list, a class, a function.
    """
    value = _scalar(value)
    if value is None or isinstance(value, bool):
        return value  # type: ignore[no-any-return]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and -LARGEST <= value <= LARGEST:  # more no record holds
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    raise BadKind(
        f"hyperparameter '{name}' cannot have the value {_shown(value)}",
        "Its values are numbers, texts, true or false. Give each of yours a name, and look it up:"
        f' {{"a": ..., "b": ...}}[hp.Choice("{name}", ["a", "b"])]',
    )


def whole(name: str, what: str, value: Any) -> int:
    """Return a whole number of any type, such as ``32.0``, as an int.

    Args:
        name: of the hyperparameter.
        what: the argument.
        value: as it was given.

    Raises:
        ModelError: it is none.
    """
    found = number(name, what, value)
    if found != math.floor(found):
        raise BadHyperParameter(
            f"hyperparameter '{name}' has {what}={value!r}, which must be an int",
            "Give a whole number, or ask for it by hp.Float.",
        )
    return int(_scalar(value))


def number(name: str, what: str, value: Any) -> float:
    """Return a finite number of any type as a float. Raises as :func:`whole`."""
    found: Union[Any, float] = _scalar(value)
    try:
        usable = isinstance(found, (int, float)) and math.isfinite(found)
        found = float(found) if usable else math.nan
    except OverflowError:  # an int beyond all floats
        found = math.nan
    if math.isnan(found):
        raise BadKind(
            f"hyperparameter '{name}' has {what}={_shown(value)}, which is no number",
            "Give a finite number.",
        )
    return found


def _scalar(value: Any) -> Any:
    """Return NumPy's scalar, or array of no dimensions, as Python's."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    return value


def _shown(value: Any) -> str:
    kind = "a class" if isinstance(value, type) else f"of type {type(value).__name__}"
    return f"{str(value)[:60]} ({kind})"
