"""Targets whose latency constants were fitted to a kit's own measurements: files that ``vaiopt
calibrate`` writes.

Such a file is an ``arch.json`` (fingerprint, board, clock, cores) with one more table, ``latency``.
It is given to ``--target`` by its path, or by its name alone when it lies in the user's folder of
targets.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from vaiopt.errors import TargetError
from vaiopt.hardware.targets import Constants, Fit, Target

KEY = "latency"
"""The table of an ``arch.json`` that holds constants fitted to measurements."""

FOLDER_VARIABLE = "VAIOPT_TARGETS"
"""Environment variable: the folder of the user's own targets."""

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
"""Names of the user's targets; they are names of files and of folders in a run."""

PARTS = {"single": Constants._fields, "dpu": Constants._fields[:3], "busy": Constants._fields[:3]}
"""The constants of each part of a fit; the time on the host belongs to ``single`` only."""

HINT = "Make it again with: vaiopt calibrate RUN..."


def targets_folder() -> Path:
    """Return the folder of the user's own targets: ``$VAIOPT_TARGETS``, else ``vaiopt/targets`` of
    the user's configuration folder.
    """
    given = os.environ.get(FOLDER_VARIABLE, "").strip()
    if given:
        return Path(given).expanduser()
    home = os.environ.get("XDG_CONFIG_HOME", "").strip()
    return (Path(home) if home else Path("~/.config").expanduser()) / "vaiopt" / "targets"


def own_targets() -> List[str]:
    """Return the names of the user's own targets."""
    try:
        return sorted(
            path.stem for path in targets_folder().glob("*.json") if NAME.fullmatch(path.stem)
        )
    except OSError:
        return []


def own_target(name: str) -> Optional[Path]:
    """Return the file of one of the user's own targets, or None."""
    name = name.lower()
    return targets_folder() / (name + ".json") if name in own_targets() else None


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
