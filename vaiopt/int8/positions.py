"""The file of fix positions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping

from vaiopt.errors import RunError
from vaiopt.files import PathLike, require, write_text

GOLDEN_ARRAYS = ("inputs", "outputs", "input_position", "output_position")
"""Arrays of ``golden.npz`` that the kit compares; the raw inputs beside them stay on the host."""


def write_positions(path: PathLike, positions: Iterable[Mapping[str, Any]]) -> None:
    """Write fix positions: a bare list of ``{layer, tensor, bits, position}``, the form in which
    other tools exchange them.

    It is the one JSON file without a ``version``; that of ``metrics.json`` beside it counts for
    both.
    """
    rows = [
        {key: entry[key] for key in ("layer", "tensor", "bits", "position")} for entry in positions
    ]
    write_text(path, json.dumps(rows, indent=1) + "\n")


def read_positions(path: PathLike, command: str) -> List[Dict[str, Any]]:
    """Read what :func:`write_positions` wrote.

    Raises:
        RunError: it is missing or something else; the hint names the ``command`` that makes it.
    """
    path = require(Path(path), command)
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [
            {
                "layer": str(r["layer"]),
                "tensor": str(r["tensor"]),
                "bits": int(r["bits"]),
                "position": int(r["position"]),
            }
            for r in rows
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise RunError(
            f"'{path}' is no list of fix positions ({error})", f"Make it again with: {command}"
        ) from error
