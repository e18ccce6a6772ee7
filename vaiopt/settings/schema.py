"""How a setting is declared, and how a value is held against its declaration."""

from __future__ import annotations

import dataclasses
import functools
import typing
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from vaiopt.errors import SettingsError, did_you_mean
from vaiopt.settings.choices import Choice, names
from vaiopt.settings.examples import example
from vaiopt.settings.ranges import is_range, parse_range
from vaiopt.settings.values import check_limits, check_plain

TYPE_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
}


type_hints = functools.lru_cache(maxsize=None)(typing.get_type_hints)


@dataclass(frozen=True)
class Declaration:
    """What a setting means, and what it takes besides its type.

    Attributes:
        doc: what it means, without its choices.
        default: its default.
        choices: the names that it takes.
        other_texts: whether it takes other texts as well.
        low, above, high: limits of the number, or of each number that it holds: it is at least
            ``low``, more than ``above`` and at most ``high``.
        keys: the names that a table, or a list, takes.
        may_be_empty: whether a text may be empty.
        check: further checks of a value, given its name in messages; raises SettingsError.
        searchable: the type of a value in the place of which a search range may stand; None if
            none may.
        convert: applied to a value before it is checked.
        may_change: whether a search may go on when it was changed: no trial depends on it.
        shown: how it is shown in messages; a password is left out.
    """

    doc: str
    default: Any = None
    choices: Tuple[Choice, ...] = ()
    other_texts: bool = False
    low: Optional[float] = None
    above: Optional[float] = None
    high: Optional[float] = None
    keys: Tuple[Choice, ...] = ()
    may_be_empty: bool = False
    check: Optional[Callable[[str, Any], None]] = None
    searchable: Optional[type] = None
    convert: Optional[Callable[[Any], Any]] = None
    may_change: bool = False
    shown: Optional[Callable[[Any], Any]] = None


def setting(default: Any, doc: str, *, choices: Sequence[Any] = (), **limits: Any) -> Any:
    """Declare a setting as a field of a data class.

    Args:
        default: its default; a list or dictionary is copied.
        doc: what it means.
        choices: the names that it takes, as texts or with what they mean.
        limits: other attributes of a :class:`Declaration`.
    """
    rows = tuple(c if isinstance(c, Choice) else Choice(str(c), "") for c in choices)
    metadata = {"setting": Declaration(doc, default, rows, **limits)}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def declarations(cls: Any) -> Dict[str, Declaration]:
    """Return the declarations of the settings of a data class, by name, in their order."""
    fields = dataclasses.fields(cls)
    return {f.name: f.metadata["setting"] for f in fields if "setting" in f.metadata}


def plain_values(value: Any) -> Any:
    """Return nested values as TOML has them: lists for tuples, and nothing for None."""
    if isinstance(value, Mapping):
        return {key: plain_values(item) for key, item in value.items() if item is not None}
    return [plain_values(item) for item in value] if isinstance(value, (list, tuple)) else value


def checked_section(cls: Any, section: str, content: Mapping[str, Any]) -> Any:
    """Return a section's plain values as an object of its data class. Raises SettingsError."""
    known = declarations(cls)
    for key in content:
        if key not in known:
            raise SettingsError(
                f"unknown setting '{section}.{key}'",
                did_you_mean(f"{section}.{key}", [f"{section}.{name}" for name in known]),
            )
    return cls(**{key: checked(cls, key, f"{section}.{key}", v) for key, v in content.items()})


def checked(cls: Any, name: str, key: str, value: Any, by_name: bool = True) -> Any:
    """Return ``value`` if it fits a declaration, converted (int to float) where that loses nothing.

    Args:
        cls: the data class that declares the setting.
        name: of the setting there.
        key: its name in messages.
        value: what was given.
        by_name: whether the names that can be chosen are those of the declaration; else whoever
            has the rows checks them.

    Raises:
        SettingsError: it is of the wrong type, out of range, or no choice.
    """
    declared = declarations(cls)[name]
    check_plain(key, value)
    if declared.convert is not None:
        value = declared.convert(value)
    if declared.searchable is not None and is_range(value):
        _check_range(key, value, declared, declared.searchable)
        return dict(value)
    if declared.searchable is not None:
        _check_searchable(key, value, declared, declared.searchable)
    else:
        value = _typed(key, value, type_hints(cls)[name], example(key, declared.default))
    if value is not None:
        _check_value(key, value, declared)
    if by_name and declared.choices and not declared.other_texts:
        known = names(declared.choices)
        if value not in known:
            raise SettingsError(f"{key} is '{value}'", did_you_mean(str(value), known))
    return value


def _check_value(key: str, value: Any, declared: Declaration) -> None:
    """Check a value of the right type against all else that is declared. Raises SettingsError."""
    keys = names(declared.keys)
    if value == "" and declared.may_be_empty:
        return
    if isinstance(value, str) and not value.strip():
        raise SettingsError(f"{key} is empty", f"{_example(declared)}, or leave it out.")
    if isinstance(value, dict) and keys:
        for name in value:
            if name not in keys:
                raise SettingsError(f"{key} has an unknown key '{name}'", did_you_mean(name, keys))
    for where, item in _numbers(key, value):
        check_limits(where, item, declared.low, declared.above, declared.high)
    if declared.check is not None and not value == declared.default == "auto":
        declared.check(key, value)


def _example(declared: Declaration) -> str:
    return f"Give a text such as '{declared.default}'" if declared.default else "Give a text"


def _numbers(key: str, value: Any) -> List[Tuple[str, float]]:
    """Return the numbers that a value is, or holds, with their names."""
    if isinstance(value, dict):
        return [pair for name, item in value.items() for pair in _numbers(f"{key}.{name}", item)]
    if isinstance(value, list):
        return [pair for item in value for pair in _numbers(key, item)]
    return [(key, value)] if type(value) in (int, float) else []


SEARCHED = {int: ("int",), float: ("int", "float"), str: (), list: ("int",)}
"""The kinds of ranges, besides ``choice``, from which values of a type are taken."""


def _check_range(key: str, table: Any, declared: Declaration, wanted: type) -> None:
    """Check a search range that stands in the place of a value: all that it can give must fit.

    Raises:
        SettingsError: something of it does not.
    """
    found = parse_range(key, table)
    if found.kind not in ("choice", *SEARCHED[wanted]):
        raise SettingsError(
            f"{key} must be {TYPE_NAMES[wanted]}, and is searched as '{found.kind}'",
            "Write it as {choice = [..]}, a list of values"
            + "".join(f", or as {{{kind} = [low, high]}}" for kind in SEARCHED[wanted])
            + ".",
        )
    values = found.values if found.kind == "choice" else (found.low, found.high)
    for value in values:
        if value == "auto":
            raise SettingsError(f"{key}: a choice cannot be 'auto'", "Name the value that it has.")
        _check_searchable(key, value, declared, int if wanted is list else wanted)
        _check_value(key, value, declared)


def _check_searchable(key: str, value: Any, declared: Declaration, wanted: type) -> None:
    range_too = "a search range such as {choice = [..]} is allowed too"
    if wanted is str:
        if not isinstance(value, str):
            raise SettingsError(
                f"{key} must be a text, not {kind_words(value)}",
                f"For instance '{declared.default}'; {range_too}",
            )
    elif wanted is list:
        if not isinstance(value, list) or any(type(item) is not int for item in value):
            raise SettingsError(
                f"{key} must be a list of whole numbers, not {kind_words(value)}",
                f"{example(key, declared.default)}; {range_too}",
            )
    elif not (value == "auto" == declared.default) and (
        isinstance(value, bool) or not isinstance(value, int if wanted is int else (int, float))
    ):
        either = ' or "auto"' if declared.default == "auto" else ""
        raise SettingsError(
            f"{key} must be {TYPE_NAMES[wanted]}{either}, not {kind_words(value)}",
            f"{example(key, declared.default)}; {range_too}",
        )


def _typed(key: str, value: Any, annotation: Any, such: str) -> Any:
    """Return a value of the type of a setting, or of what it holds; ``such`` is an example."""
    origin = getattr(annotation, "__origin__", None)
    arguments: Tuple[Any, ...] = getattr(annotation, "__args__", ()) or ()
    if origin is Union:
        return None if value is None else _typed(key, value, arguments[0], such)
    if origin in (list, List):
        if not isinstance(value, (list, tuple)):
            raise _wrong_type(key, value, "a list", such)
        return [_typed(key, item, arguments[0], such) for item in value]
    if origin in (dict, Dict):
        if not isinstance(value, Mapping):
            raise _wrong_type(key, value, "a table", such)
        return {
            name: _typed(f"{key}.{name}", item, arguments[1], such) for name, item in value.items()
        }
    if annotation is Any:
        return value
    if annotation is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, annotation) or (isinstance(value, bool) and annotation is not bool):
        raise _wrong_type(key, value, TYPE_NAMES[annotation], such)
    return value


def _wrong_type(key: str, value: Any, wanted: str, such: str) -> SettingsError:
    return SettingsError(
        f"{key} must be {wanted}, not {kind_words(value)}", f"Write {wanted} in its place. {such}"
    )


def kind_words(value: Any) -> str:
    """Return what a value is, in words: ``the text 'many'``, ``a list``."""
    words = {bool: "true/false", list: "a list", dict: "a table"}
    if type(value) in words:
        return words[type(value)]
    names_of_types = {int: "the number", float: "the number", str: "the text"}
    return f"{names_of_types.get(type(value), type(value).__name__)} {value!r}"
