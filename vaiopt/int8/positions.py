"""Fix positions, and the file of them."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, List, Mapping, Tuple, Union

from vaiopt.errors import RunError
from vaiopt.files import PathLike, require, write_text

BITS_RANGE = (1, 64)
"""Widths that a quantized tensor can have."""

POSITION_RANGE = (-256, 256)
"""Positions of any float32 number, its smallest and largest included, lie well inside."""


@dataclass(frozen=True)
class FixPosition:
    """The fix position of one tensor: its integer ``q`` stands for ``q * 2**-position``.

    It can also be read like the dictionary that it is in the file: ``entry["layer"]``, ``**entry``.

    Attributes:
        layer: of the float model.
        tensor: input, kernel, depthwise_kernel, bias, alpha, output, pre_activation, ...
        bits: width of the integers.
        position: the power-of-two exponent.

    Raises:
        ValueError: a field has another type or is out of range.
    """

    layer: str
    tensor: str
    bits: int
    position: int

    def __post_init__(self) -> None:
        for name in ("layer", "tensor"):
            if not isinstance(self[name], str):
                raise ValueError(f"{name} is {self[name]!r}, not a text")
        for name, (low, high) in (("bits", BITS_RANGE), ("position", POSITION_RANGE)):
            if type(self[name]) is not int or not low <= self[name] <= high:
                raise ValueError(f"{name} is {self[name]!r}, not an integer of {low} to {high}")

    @property
    def name(self) -> str:
        """``<layer>/<tensor>``."""
        return f"{self.layer}/{self.tensor}"

    def __getitem__(self, field: str) -> Any:
        return getattr(self, field)

    def keys(self) -> Tuple[str, ...]:
        """Names of the fields."""
        return FIELDS


FIELDS = tuple(field.name for field in dataclasses.fields(FixPosition))


def to_json(positions: Iterable[Union[FixPosition, Mapping[str, Any]]]) -> str:
    """Return the JSON text of fix positions: a bare list of ``{layer, tensor, bits, position}``,
    the form in which other tools exchange them.
    """
    return json.dumps([{name: entry[name] for name in FIELDS} for entry in positions], indent=1)


def from_json(text: Union[str, bytes]) -> List[FixPosition]:
    """Read what :func:`to_json` wrote; other keys of an entry are left alone.

    Raises:
        ValueError: the text is something else; the entry is named.
    """
    rows = json.loads(text)
    if not isinstance(rows, list):
        raise ValueError("it is no list")
    return records(rows)


def records(rows: Iterable[Any]) -> List[FixPosition]:
    """Return the records of entries that are records or dictionaries.

    Raises:
        ValueError: an entry is neither; it is named by its number, from 0.
    """
    found = []
    for number, row in enumerate(rows):
        try:
            found.append(FixPosition(**{name: row[name] for name in FIELDS}))
        except KeyError as error:
            raise ValueError(f"entry {number} has no {error.args[0]}") from error
        except (TypeError, ValueError) as error:
            raise ValueError(f"entry {number}: {error}") from error
    return found


def write_positions(
    path: PathLike, positions: Iterable[Union[FixPosition, Mapping[str, Any]]]
) -> None:
    """Write the file of fix positions.

    It is the one JSON file without a ``version``; that of ``metrics.json`` beside it counts for
    both.
    """
    write_text(path, to_json(positions) + "\n")


def read_positions(path: PathLike, command: str) -> List[FixPosition]:
    """Read what :func:`write_positions` wrote.

    Raises:
        RunError: it is missing or something else; the hint names the ``command`` that makes it.
    """
    path = require(Path(path), command)
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError) as error:
        raise RunError(
            f"'{path}' is no list of fix positions ({error})", f"Make it again with: {command}"
        ) from error
