"""Search ranges: ``{int = [1, 5]}``, ``{float = [1e-4, 1], log = true}``, ``{choice = [1, 2]}``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

from vaiopt.errors import SettingsError, did_you_mean

KINDS = ("int", "float", "choice")
KEYS = (*KINDS, "step", "log", "default", "prefer")
EXAMPLE = (
    "For instance {int = [8, 64], step = 8}, {float = [1e-4, 1e-2], log = true} or {choice = [32,"
    " 64, 128]}."
)

MOST_VALUES = 10**6
"""Values of a range in steps: they are listed."""


@dataclass(frozen=True)
class Range:
    """How a hyperparameter is searched.

    Attributes:
        kind: ``int``, ``float`` or ``choice``.
        low, high: the range of a number, both included.
        step: the distance between neighbours of a number (1 for ``int`` if unset).
        log: whether the range is even in the logarithm.
        values: the values of a choice.
        default: the point to start from; ``None`` leaves it to the range.
        prefer: a good value, around which points are drawn more often; ``None`` knows none. It is
            the default, too, unless another is given.
    """

    kind: str
    low: float = 0
    high: float = 0
    step: Optional[float] = None
    log: bool = False
    values: Tuple[Any, ...] = ()
    default: Any = None
    prefer: Any = None

    def holds(self, value: Any) -> bool:
        """Return whether a value is one of the choices, or lies between the ends."""
        return value in self.values if self.kind == "choice" else self.low <= value <= self.high


def is_range(value: Any) -> bool:
    """Return whether a setting's value is a search range (a table) rather than a plain value."""
    return isinstance(value, Mapping)


def ratio_text(value: Any) -> Any:
    """Return a list, a split ratio, as text ``7:2:1``: storages keep plain values only."""
    return ":".join(str(part) for part in value) if isinstance(value, (list, tuple)) else value


def list_of_tuple(value: Any) -> Any:
    """Return a tuple as a list, as TOML has it; anything else as it is."""
    return list(value) if isinstance(value, tuple) else value


def parse_range(key: str, table: Mapping[str, Any]) -> Range:
    """Check a table of the settings and return it as a :class:`Range`.

    Raises:
        SettingsError: of its kind, an unknown key, an empty range, or a default outside its range.
    """
    for name in table:
        if name not in KEYS:
            raise SettingsError(f"{key} has an unknown key '{name}'", did_you_mean(name, KEYS))
    kinds = [kind for kind in KINDS if kind in table]
    if len(kinds) != 1:
        raise SettingsError(f"{key} must have one of int, float, choice", EXAMPLE)
    kind = kinds[0]
    content = table[kind]
    if not isinstance(content, (list, tuple)) or not content:
        raise SettingsError(f"{key}: '{kind}' must be a list that is not empty", EXAMPLE)
    for name in ("step", "log"):
        if kind == "choice" and name in table:
            raise SettingsError(
                f"{key}: '{name}' has no meaning beside 'choice'",
                "Leave it out, or list the values.",
            )
    parse = _choice if kind == "choice" else _numbers
    found = parse(key, kind, content, table)
    for name, value in (("prefer", found.prefer), ("default", found.default)):
        if value is not None and not found.holds(value):
            what = "preferred value" if name == "prefer" else "default"
            raise SettingsError(
                f"{key}: the {what} {value!r} lies outside its range",
                f"Choose a {what} inside it.",
            )
    return found


def _choice(key: str, kind: str, content: Any, table: Mapping[str, Any]) -> Range:
    values = tuple(ratio_text(value) for value in content)
    for value in values:
        if not isinstance(value, (bool, int, float, str)):
            raise SettingsError(
                f"{key}: a choice cannot be {value!r}", "Choices are numbers, texts, true or false."
            )
    if len(set(values)) != len(values):  # 1, 1.0 and true are one value to a study
        raise SettingsError(f"{key}: a choice stands twice", "List each value once.")
    return Range(kind, values=values, **_start(table))


def _start(table: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the default and the preferred value of a table."""
    prefer = ratio_text(table.get("prefer"))
    return {"default": table.get("default", prefer), "prefer": prefer}


def _numbers(key: str, kind: str, content: Any, table: Mapping[str, Any]) -> Range:
    types = (int,) if kind == "int" else (int, float)
    given = [*content, *(table[name] for name in ("step", "default", "prefer") if name in table)]
    if len(content) != 2 or any(isinstance(v, bool) or not isinstance(v, types) for v in given):
        raise SettingsError(f"{key}: '{kind}' takes [low, high] and numbers of that type", EXAMPLE)
    low, high = content
    log, step = table.get("log", False), table.get("step")
    if not all(math.isfinite(number) for number in given):
        raise SettingsError(f"{key}: a range must be of finite numbers", EXAMPLE)
    if not low <= high:
        raise SettingsError(
            f"{key}: the range [{low}, {high}] is empty", "Write the smaller number first."
        )
    if not isinstance(log, bool):
        raise SettingsError(f"{key}: 'log' must be true or false", EXAMPLE)
    if log and low <= 0:
        raise SettingsError(
            f"{key}: a logarithmic range cannot start at {low}", "Start above 0, or leave log out."
        )
    if step is not None:
        _check_step(key, low, high, step, log)
    elif kind == "int" and not log:
        _check_count(key, high - low)
    return Range(kind, low=low, high=high, step=step, log=log, **_start(table))


def _check_step(key: str, low: float, high: float, step: float, log: bool) -> None:
    """Check that a range has steps, and not too many; in a logarithmic one they are factors."""
    least, width = (1, high / low) if log else (0, high - low)
    if not step > least:
        raise SettingsError(f"{key}: the step must be above {least}", EXAMPLE)
    if low < high and step > width:
        raise SettingsError(
            f"{key}: the step {step} is wider than the range [{low}, {high}]",
            "Take a smaller step, or give the one value.",
        )
    _check_count(key, math.log(width) / math.log(step) if log else width / step)


def _check_count(key: str, count: float) -> None:
    if count > MOST_VALUES:
        raise SettingsError(
            f"{key}: the range has more than {MOST_VALUES:,} values",
            "Take a wider step, or a float, or a logarithmic range without a step.",
        )
