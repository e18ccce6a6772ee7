"""Records: frozen dataclasses that are JSON objects, checked against their own declarations.

What passes between the stages is files; each is one record. Reading checks types, ranges,
finiteness and the record's own rules, and an :class:`Unfit` says which field is wrong. Fields that
a record does not declare are dropped, unless it declares one with ``rest=True`` to keep them.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import typing
from dataclasses import field
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from vaiopt.errors import RunError, VaioptError
from vaiopt.files import PathLike, read_json, write_json

R = TypeVar("R", bound="Record")

NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
LARGEST = 2**63 - 1
"""Of whole numbers, up or down: what arrays and databases hold."""

_LONGEST = 60


class Unfit(ValueError):
    """A value that does not fit its declaration.

    Attributes:
        where: the dotted name of the field, such as ``misclassified[3].true``.
        problem: what is wrong with it.
    """

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where} {problem}" if where else problem)
        self.where = where
        self.problem = problem

    def inside(self, outer: str) -> Unfit:
        """Return it as seen from an object that holds this one under the name ``outer``."""
        dot = "" if not self.where or self.where.startswith("[") else "."
        return Unfit(f"{outer}{dot}{self.where}", self.problem)


def part(
    default: Any = dataclasses.MISSING,
    *,
    low: Optional[float] = None,
    high: Optional[float] = None,
    choices: Sequence[Any] = (),
    key: str = "",
    rest: bool = False,
) -> Any:
    """Declare a field of a record.

    Args:
        default: what stands where the file has none; without it the field is needed.
        low, high: bounds of a number, or of the numbers in a list or table.
        choices: the values that it may have.
        key: its name in the file, if that is another.
        rest: whether the field, a dictionary, holds all that the record does not declare.
    """
    metadata = {"low": low, "high": high, "choices": tuple(choices), "key": key, "rest": rest}
    if rest:
        return field(default_factory=dict, metadata=metadata)
    if isinstance(default, (dict, list)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


class Record:
    """Base of records. A subclass is a frozen dataclass with fields declared by :func:`part`."""

    def check(self) -> None:
        """Raise :class:`Unfit` where fields do not fit each other; subclasses say how."""

    def to_json(self) -> Dict[str, Any]:
        """Return a JSON object that :meth:`from_json` reads."""
        content: Dict[str, Any] = {}
        for declared in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, declared.name)
            if declared.metadata.get("rest"):
                content.update(value)
            else:
                content[declared.metadata.get("key") or declared.name] = plain(value)
        return content

    @classmethod
    def from_json(cls: Type[R], content: Any) -> R:
        """Return the record in a JSON object.

        Raises:
            Unfit: a field is missing, of the wrong type, out of range, or does not fit another.
        """
        if not isinstance(content, Mapping):
            raise Unfit("", f"is {_shown(content)}, not an object")
        hints: Dict[str, Any] = _hints(cls)  # type: ignore[arg-type]
        values: Dict[str, Any] = {}
        left = dict(content)
        rest = ""
        for declared in dataclasses.fields(cls):  # type: ignore[arg-type]
            if declared.metadata.get("rest"):
                rest = declared.name
                continue
            name = declared.metadata.get("key") or declared.name
            if name in left:
                value = convert(hints[declared.name], left.pop(name), name)
                values[declared.name] = _within(value, declared.metadata, name)
            elif _is_needed(declared):
                raise Unfit(name, "is missing")
        if rest:
            left.pop("version", None)
            values[rest] = {str(key): convert(Any, left[key], str(key)) for key in left}
        found = cls(**values)
        found.check()
        return found


@functools.lru_cache(maxsize=None)
def _hints(kind: Any) -> Dict[str, Any]:
    return typing.get_type_hints(kind)


def _is_needed(declared: Any) -> bool:
    missing = dataclasses.MISSING
    return declared.default is missing and declared.default_factory is missing


def plain(value: Any) -> Any:
    """Return a value as JSON has it: records as objects, tuples as lists, paths as texts."""
    if isinstance(value, Record) or hasattr(value, "to_json"):
        return value.to_json()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def convert(annotation: Any, value: Any, name: str) -> Any:
    """Return a JSON value as an annotation asks for it.

    Args:
        annotation: ``Any``, a scalar type, a class with ``from_json``, or an ``Optional``,
            ``Union``, ``Tuple``, ``List``, ``Sequence``, ``Dict`` or ``Mapping`` of such.
        value: from JSON.
        name: of the field, for the error.

    Raises:
        Unfit: it is something else; a number that is not finite fits nothing.
    """
    if annotation is Any:
        return _finite(value, name)
    origin = getattr(annotation, "__origin__", None)
    arguments: Tuple[Any, ...] = getattr(annotation, "__args__", ()) or ()
    for origins, reader in _CONTAINERS:
        if origin in origins:
            return reader(arguments, value, name)
    if annotation in NAMES:
        return _scalar(annotation, value, name)
    if not hasattr(annotation, "from_json"):
        raise TypeError(f"{name}: records cannot hold {annotation}")
    try:
        return annotation.from_json(value)
    except Unfit as error:
        raise error.inside(name) from error
    except VaioptError as error:
        raise Unfit(name, f"is damaged: {error.message}") from error


def _finite(value: Any, name: str) -> Any:
    """Return a JSON value of any kind, if its numbers are such as JSON and arrays have."""
    for number in _numbers(value):
        _scalar(float if isinstance(number, float) else int, number, name)
    return value


def _scalar(kind: Any, value: Any, name: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 2**1000 else math.inf
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Unfit(name, f"is {_shown(value)}, not {NAMES[kind]}")
    if kind is int and not -LARGEST <= value <= LARGEST:
        raise Unfit(name, f"is {_shown(value)}, which is too large")
    if kind is float and not math.isfinite(value):
        raise Unfit(name, f"is {value}, which is not a finite number")
    return value


def _union(arguments: Tuple[Any, ...], value: Any, name: str) -> Any:
    if value is None and type(None) in arguments:
        return None
    kinds = [argument for argument in arguments if argument is not type(None)]
    exact = [kind for kind in kinds if type(value) is kind] or kinds
    for kind in exact[:-1]:
        try:
            return convert(kind, value, name)
        except Unfit:
            continue
    return convert(exact[-1], value, name)


def _tuple(arguments: Tuple[Any, ...], value: Any, name: str) -> Tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise Unfit(name, f"is {_shown(value)}, not a list")
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(convert(arguments[0], v, f"{name}[{i}]") for i, v in enumerate(value))
    if len(value) != len(arguments):
        raise Unfit(name, f"has {len(value)} entries, not {len(arguments)}")
    return tuple(
        convert(kind, v, f"{name}[{i}]") for i, (kind, v) in enumerate(zip(arguments, value))
    )


def _list(arguments: Tuple[Any, ...], value: Any, name: str) -> List[Any]:
    return list(_tuple((arguments[0], Ellipsis), value, name))


def _dictionary(arguments: Tuple[Any, ...], value: Any, name: str) -> Dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Unfit(name, f"is {_shown(value)}, not an object")
    return {str(key): convert(arguments[1], v, f"{name}.{key}") for key, v in value.items()}


_Reader = Callable[[Tuple[Any, ...], Any, str], Any]
_CONTAINERS: Tuple[Tuple[Tuple[Any, ...], _Reader], ...] = (
    ((Union,), _union),
    ((tuple, Tuple), _tuple),
    ((list, List, Sequence.__origin__), _list),  # type: ignore[attr-defined]
    ((dict, Dict, Mapping.__origin__), _dictionary),  # type: ignore[attr-defined]
)


def _within(value: Any, metadata: Mapping[str, Any], name: str) -> Any:
    """Return a value if it lies within the bounds and choices of its declaration."""
    bounds = {"at least": metadata.get("low"), "at most": metadata.get("high")}
    wanted = " and ".join(
        f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None
    )
    low, high = bounds.values()
    for item in _numbers(value) if wanted else ():
        if (low is not None and item < low) or (high is not None and item > high):
            raise Unfit(name, f"is {item}, not {wanted}")
    choices = metadata.get("choices")
    if choices and value not in choices:
        raise Unfit(name, f"is {_shown(value)}, not one of {', '.join(map(str, choices))}")
    return value


def _numbers(value: Any) -> List[float]:
    """Return the numbers in a field: its own, or those of a list or table."""
    if isinstance(value, Mapping):
        return [n for item in value.values() for n in _numbers(item)]
    if isinstance(value, (list, tuple)):
        return [n for item in value for n in _numbers(item)]
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def write_record(path: PathLike, record: Record) -> None:
    """Write a record as a JSON file, whole."""
    write_json(path, record.to_json())


def read_record(path: PathLike, kind: Type[R], command: str) -> R:
    """Read a record that :func:`write_record` wrote.

    Args:
        path: the file.
        kind: the record's class.
        command: the command that makes the file, for the hint.

    Raises:
        RunError: it is missing, not JSON, of another version, or does not fit its declaration: the
            field is named.
    """
    content = read_json(path, command)
    try:
        return kind.from_json(content)
    except Unfit as error:
        raise RunError(f"'{path}': {error}", f"Make it again with: {command}") from error


def read_optional(path: Path, kind: Type[R], command: str) -> Optional[R]:
    """Read a record as :func:`read_record`; None where there is no such file."""
    if not path.is_file():
        return None
    try:
        return read_record(path, kind, command)
    except RunError:
        if path.is_file():
            raise
        return None  # another command has put a newer folder in the place of its own since
