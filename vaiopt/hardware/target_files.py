"""Targets that a person gives as a file: the ``arch.json`` of a board, or what ``vaiopt calibrate`` wrote."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from vaiopt.errors import TargetError, did_you_mean
from vaiopt.hardware.architectures import (
    architectures,
    decode_fingerprint,
)
from vaiopt.hardware.boards import _bare_architecture, _board_target, _boards
from vaiopt.hardware.fits import Constants, Fit
from vaiopt.hardware.target import Target, _extrapolated

KEY = "latency"
"""The table of an ``arch.json`` that holds constants fitted to measurements."""


PARTS = {"single": Constants._fields, "dpu": Constants._fields[:3], "busy": Constants._fields[:3]}
"""The constants of each part of a fit; the time on the host belongs to ``single`` only."""


HINT = "Make it again with: vaiopt calibrate RUN..."


def fit_to_json(fit: Fit) -> Dict[str, Any]:
    """Return the table :data:`KEY` for a fit."""
    table: Dict[str, Any] = {"release": fit.release}
    for part, names in PARTS.items():
        constants = getattr(fit, part)
        table[part] = {name: float(f"{getattr(constants, name):.5g}") for name in names}
    table.update({"error": dict(fit.error), "source": fit.source})
    return table


def with_own_fit(
    target: Target, content: Mapping[str, Any], path: Path, release: Optional[str]
) -> Target:
    """Return a target with the constants in a file's table :data:`KEY`; as it is if there is none.

    Args:
        target: as the rest of the file describes it.
        content: of the file.
        path: of the file, for messages.
        release: the Vitis-AI release that was asked for, if any; constants of another one are used,
            but called extrapolated.

    Raises:
        TargetError: the table is damaged; the key is named.
    """
    if KEY not in content:
        return target
    table = content[KEY]
    if not isinstance(table, Mapping) or target.architecture is None:
        raise TargetError(f"'{path}': {KEY} is not a table", HINT)
    own_release, source = (_text(table, key, path) for key in ("release", "source"))
    error = table.get("error", {})
    if not isinstance(error, Mapping):
        raise TargetError(f"'{path}': {KEY}.error is not a table", HINT)
    single, dpu, busy = (_constants(table, part, path) for part in PARTS)
    fit = Fit(target.board, own_release, target.architecture.name, single, dpu, busy, error, source)
    validation = _sentence(fit)
    exact = release is None or str(release).lstrip("v") == own_release
    if not exact:
        validation = "extrapolated: no measurements with release {}; {}".format(
            str(release).lstrip("v"), validation
        )
    return target._replace(
        fit=fit,
        release=own_release if release is None else target.release,
        validated=exact,
        validation=validation,
        sources=dict(target.sources, latency=source),
    )


def _text(table: Mapping[str, Any], key: str, path: Path) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise TargetError(f"'{path}': {KEY}.{key} is missing", HINT)
    return value


def _constants(table: Mapping[str, Any], part: str, path: Path) -> Constants:
    """Return one part's constants: positive numbers, but for the overhead and the time on the host,
    which may be zero.
    """
    values = {"constant_ms": 0.0}
    given = table.get(part)
    for name in PARTS[part]:
        value = given.get(name) if isinstance(given, Mapping) else None
        usable = (
            isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        )
        if not usable or value < 0 or (value == 0 and name in ("efficiency", "bandwidth")):  # type: ignore[operator]
            raise TargetError(f"'{path}': {KEY}.{part}.{name} is {value!r}", HINT)
        values[name] = float(value)  # type: ignore[arg-type]
    return Constants(**values)


def _sentence(fit: Fit) -> str:
    single = fit.error.get("single", {})
    text = f"{fit.source}, release {fit.release}"
    if isinstance(single, Mapping) and "mean_percent" in single:
        text += ": mean error {} %, largest {} % (each model left out in turn)".format(
            single["mean_percent"], single.get("max_percent", "?")
        )
    return text


LARGEST = 1e6
"""More megahertz or cores than any target has."""


def _target_from_file(path: Path, release: str, asked: Optional[str]) -> Target:
    """Read an arch.json: ``{"fingerprint": "0x..."}`` or ``{"target": "DPUCZDX8G_ISA1_B4096"}``,
    optionally board, clock, cores and a fit.
    """

    hint = (
        "Take it from the board (xdputil query) or the container"
        " (/opt/vitis_ai/compiler/arch/DPU/BOARD/arch.json)."
    )
    if not path.is_file():
        raise TargetError(
            f"there is no file '{path}'",
            "Give a target's name ('vaiopt targets' lists them) or an arch.json.",
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise TargetError(f"'{path}' is not valid JSON: {error}", hint) from error
    if not isinstance(content, dict):
        raise TargetError(f"'{path}' is not an arch.json: it must be an object", hint)
    if "fingerprint" in content:
        architecture = decode_fingerprint(content["fingerprint"], str(path))
    elif str(content.get("target", "")) in architectures():
        architecture = architectures()[str(content["target"])]
    elif "target" in content:
        raise TargetError(
            "'{}' names the unknown architecture '{}'".format(path, content["target"]),
            did_you_mean(str(content["target"]), architectures()),
        )
    else:
        raise TargetError(
            f"'{path}' has no fingerprint",
            'It must be like {"fingerprint": "0x101000056010407"}. ' + hint,
        )
    name = re.sub(
        r"[^a-z0-9_.-]+", "-", (path.stem if path.stem != "arch" else architecture.name).lower()
    )
    board = str(content.get("board", "")).lower()
    if board and board not in _boards():
        raise TargetError(
            f"'{path}' names the unknown board '{board}'", did_you_mean(board, _boards())
        )
    if board:
        target = _board_target(board, _boards()[board], architecture, release)
    else:
        target = _bare_architecture(architecture, name, release, "an arch.json")
    return with_own_fit(
        _with_options(target._replace(name=name), content, path), content, path, asked
    )


def _with_options(target: Target, content: Mapping[str, Any], path: Path) -> Target:
    """Apply ``clock_mhz`` and ``cores`` of an arch.json, which are ours and optional."""
    for key in ("clock_mhz", "cores"):
        value = content.get(key, 1)
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not 0 < value < LARGEST
            or (key == "cores" and value != int(value))
        ):
            raise TargetError(f"'{path}': {key} is {value!r}", "Give a positive number.")
    if "clock_mhz" not in content and "cores" not in content:
        return target
    changed = target._replace(
        clock_mhz=float(content.get("clock_mhz", target.clock_mhz)),
        cores=int(content.get("cores", target.cores)),
    )
    return _extrapolated(changed, "its own clock or number of cores")
