"""Targets that a person gives as a file: the ``arch.json`` of a board, or what ``vaiopt calibrate``
wrote.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from vaiopt.errors import TargetError, did_you_mean
from vaiopt.files import json_object
from vaiopt.hardware.architectures import Architecture, architectures, decode_fingerprint
from vaiopt.hardware.boards import bare_architecture, board_target, boards
from vaiopt.hardware.fits import Fit
from vaiopt.hardware.target import Target
from vaiopt.reading import LARGEST_WRITTEN

KEY = "latency"
"""The table of an ``arch.json`` that holds constants fitted to measurements."""

LARGEST = 1e6
"""More megahertz or cores than any target has."""

SMALLEST_CLOCK = 1e-3
"""Less megahertz than any target has."""

HINT = (
    "Take it from the board (xdputil query) or the container"
    " (/opt/vitis_ai/compiler/arch/DPU/BOARD/arch.json)."
)


def target_from_file(path: Path, release: str, asked: Optional[str]) -> Target:
    """Read an arch.json: ``{"fingerprint": "0x..."}`` or ``{"target": "DPUCZDX8G_ISA1_B4096"}``,
    optionally board, clock, cores and a fit.

    Args:
        path: of the file.
        release: whose constants are wanted where the file has none.
        asked: the release that was asked for, if any: the file's own constants of another one are
            used, but called extrapolated.

    Raises:
        TargetError: the file is missing or damaged, or names something unknown.
    """
    content = _read(path)
    architecture = _architecture(content, path)
    stem = path.stem if path.stem != "arch" else architecture.name
    name = re.sub(r"[^a-z0-9_.-]+", "-", stem.lower())
    board = str(content.get("board", "")).lower()
    if not board:
        target = bare_architecture(architecture, name, release, "an arch.json")
    elif board in boards():
        target = board_target(boards()[board], architecture, release)
    else:
        message = f"'{path}' names the unknown board '{board}'"
        raise TargetError(message, did_you_mean(board, boards()))
    target = _with_options(target._replace(name=name), content, path)
    if KEY not in content:
        return target
    where = f"'{path}': {KEY}"
    return _with_fit(
        target, Fit.from_json(content[KEY], target.board, architecture.name, where), asked
    )


def _read(path: Path) -> Dict[str, Any]:
    if not path.exists():
        raise TargetError(
            f"there is no file '{path}'",
            "Give a target's name ('vaiopt targets' lists them) or an arch.json.",
        )
    return json_object(path, HINT, TargetError, LARGEST_WRITTEN)


def _architecture(content: Mapping[str, Any], path: Path) -> Architecture:
    if "fingerprint" in content:
        return decode_fingerprint(content["fingerprint"], str(path))
    if "target" not in content:
        raise TargetError(
            f"'{path}' has no fingerprint",
            'It must be like {"fingerprint": "0x101000056010407"}. ' + HINT,
        )
    named = str(content["target"])
    if named not in architectures():
        raise TargetError(
            f"'{path}' names the unknown architecture '{named}'",
            did_you_mean(named, architectures()),
        )
    return architectures()[named]


def _with_options(target: Target, content: Mapping[str, Any], path: Path) -> Target:
    """Apply ``clock_mhz`` and ``cores`` of an arch.json, which are ours and optional."""
    for key in ("clock_mhz", "cores"):
        value = content.get(key, 1)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        smallest = SMALLEST_CLOCK if key == "clock_mhz" else 1
        if (
            not number
            or not smallest <= value < LARGEST
            or (key == "cores" and value != int(value))
        ):
            raise TargetError(f"'{path}': {key} is {value!r}", "Give a positive number.")
    if "clock_mhz" not in content and "cores" not in content:
        return target
    changed = target._replace(
        clock_mhz=float(content.get("clock_mhz", target.clock_mhz)),
        cores=int(content.get("cores", target.cores)),
    )
    return changed.extrapolated("its own clock or number of cores")


def _with_fit(target: Target, fit: Fit, asked: Optional[str]) -> Target:
    """Return a target with its own constants."""
    single = fit.error.get("single", {})
    text = f"{fit.source}, release {fit.release}"
    if isinstance(single, Mapping) and "mean_percent" in single:
        text += (
            f": mean error {single['mean_percent']} %, largest {single.get('max_percent', '?')} %"
            " (each model left out in turn)"
        )
    exact = asked in (None, fit.release)
    return target._replace(
        fit=fit,
        release=asked or fit.release,
        validated=exact,
        validation=text if exact else f"extrapolated: no measurements with release {asked}; {text}",
        sources={**target.sources, "latency": fit.source},
    )
