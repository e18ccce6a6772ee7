"""Reading settings and checking them against their declarations."""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from vaiopt.errors import SettingsError, did_you_mean
from vaiopt.settings.ranges import is_spec, parse_spec


def _setting(
    default: Any,
    doc: str,
    choices: Sequence[str] = (),
    low: Optional[float] = None,
    spec: bool = False,
) -> Any:
    """Declare a setting: ``choices`` and ``low`` limit it, ``spec`` says that a search range may
    stand in its place.
    """
    metadata = {"doc": doc, "choices": tuple(choices), "low": low, "spec": spec}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _section(cls: Any, section: str, content: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    values = {}
    for key, value in content.items():
        if key not in fields:
            known = [f"{section}.{name}" for name in fields]
            raise SettingsError(
                f"unknown setting '{section}.{key}'", did_you_mean(f"{section}.{key}", known)
            )
        values[key] = _checked(fields[key], hints[key], f"{section}.{key}", value)
    return cls(**values)


def _checked(declared: Any, annotation: Any, key: str, value: Any) -> Any:
    """Return ``value`` if it fits the declaration of ``key``, converted (int to float) where that
    loses nothing.
    """
    metadata = declared.metadata
    if metadata["spec"]:
        if is_spec(value):
            parse_spec(key, value)
            return dict(value)
        return _checked_searchable(key, value, declared.default, metadata)
    value = _typed(key, value, annotation)
    if metadata["choices"] and value not in metadata["choices"]:
        raise SettingsError(f"{key} is '{value}'", did_you_mean(str(value), metadata["choices"]))
    for name, item in value.items() if isinstance(value, dict) else [("", value)]:
        _at_least(f"{key}.{name}" if name else key, item, metadata["low"])
    return value


def _checked_searchable(key: str, value: Any, default: Any, metadata: Mapping[str, Any]) -> Any:
    example = "a search range such as {choice = [..]} is allowed too"
    if key == "data.split" and isinstance(value, (list, tuple)):
        return ":".join(str(part) for part in value)
    if metadata["low"] is None:
        if not isinstance(value, str):
            raise SettingsError(
                f"{key} must be a text, not {_kind(value)}", f"For instance '{default}'; {example}"
            )
        return value
    if value == "auto":
        return value
    wants_integer = key in ("train.epochs", "train.batch_size")
    if isinstance(value, bool) or not isinstance(value, int if wants_integer else (int, float)):
        kind = "a whole number" if wants_integer else "a number"
        raise SettingsError(
            f'{key} must be {kind} or "auto", not {_kind(value)}',
            example[0].upper() + example[1:] + ".",
        )
    _at_least(key, value, metadata["low"])
    return value


def _at_least(key: str, value: Any, low: Optional[float]) -> None:
    if low is not None and value is not None and not value >= low:
        raise SettingsError(f"{key} is {value}", f"It must be at least {low:g}.")


def _typed(key: str, value: Any, annotation: Any) -> Any:
    origin = getattr(annotation, "__origin__", None)
    arguments: Tuple[Any, ...] = getattr(annotation, "__args__", ()) or ()
    if origin is Union:
        return None if value is None else _typed(key, value, arguments[0])
    if origin in (list, List):
        if not isinstance(value, (list, tuple)):
            raise _wrong_type(key, value, "a list")
        return [_typed(key, item, arguments[0]) for item in value]
    if origin in (dict, Dict):
        if not isinstance(value, Mapping):
            raise _wrong_type(key, value, "a table")
        return {name: _typed(f"{key}.{name}", item, arguments[1]) for name, item in value.items()}
    if annotation is Any:
        return value
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    if annotation is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, annotation) or (isinstance(value, bool) and annotation is not bool):
        raise _wrong_type(key, value, names[annotation])
    return value


def _wrong_type(key: str, value: Any, wanted: str) -> SettingsError:
    return SettingsError(
        f"{key} must be {wanted}, not {_kind(value)}", f"Write {wanted} in its place."
    )


def _kind(value: Any) -> str:
    names = {
        bool: "true/false",
        int: "the number",
        float: "the number",
        str: "the text",
        list: "a list",
        dict: "a table",
    }
    name = names.get(type(value), type(value).__name__)
    return name if isinstance(value, (list, dict, bool)) else f"{name} {value!r}"
