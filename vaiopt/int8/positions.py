"""Fix positions, and the file of them: a bare list of ``{layer, tensor, bits, position}``, the form
in which other tools exchange them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, List, Tuple, Union

from vaiopt.errors import RunError
from vaiopt.files import PathLike, require, write_text
from vaiopt.json_text import parse_json
from vaiopt.reading import read_text
from vaiopt.record import Record, convert, part, plain


@dataclass(frozen=True)
class FixPosition(Record):
    """The fix position of one tensor: its integer ``q`` stands for ``q * 2**-position``.

    Attributes:
        layer: of the float model.
        tensor: input, kernel, depthwise_kernel, bias, alpha, output, pre_activation, ...
        bits: width of the integers.
        position: the power-of-two exponent; those of float32 numbers lie well inside the range.
    """

    layer: str = part()
    tensor: str = part()
    bits: int = part(low=1, high=64)
    position: int = part(low=-256, high=256)

    @property
    def name(self) -> str:
        """``<layer>/<tensor>``."""
        return f"{self.layer}/{self.tensor}"


def to_json(positions: Iterable[FixPosition]) -> str:
    """Return the JSON text of fix positions."""
    return json.dumps(plain(list(positions)), indent=1)


def from_json(text: Union[str, bytes]) -> List[FixPosition]:
    """Read what :func:`to_json` wrote; other keys of an entry are left alone.

    Raises:
        ValueError: the text is something else; the entry is named.
    """
    return list(convert(Tuple[FixPosition, ...], parse_json(text), "entries"))


def write_positions(path: PathLike, positions: Iterable[FixPosition]) -> None:
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
        return from_json(read_text(path))
    except (OSError, ValueError) as error:
        raise RunError(
            f"'{path}' is no list of fix positions ({error})", f"Make it again with: {command}"
        ) from error
