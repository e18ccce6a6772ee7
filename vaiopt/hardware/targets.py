"""Targets: a DPU architecture on a board, its clock and cores, and the constants that its latency
is predicted with.

A target is named ``BOARD`` (``zcu102``), ``BOARD-SIZE-CLOCK-CORES`` with any of the last three
(``zcu104-b1600-300mhz-1core``), an architecture (``DPUCZDX8G_ISA1_B4096``), the path of an
``arch.json``, or what ``vaiopt calibrate`` called its fit. All numbers are in ``hardware/data/``
with their sources.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, List, Mapping, Optional, Tuple

from vaiopt.errors import TargetError, did_you_mean, nearest
from vaiopt.hardware.architectures import (
    SIZES,
    architectures,
    read_data,
)
from vaiopt.hardware.boards import _bare_architecture, _board_target, _boards
from vaiopt.hardware.target import Target, TargetSummary, _extrapolated
from vaiopt.hardware.target_files import _target_from_file

DEFAULT_RELEASE = "3.0"
"""The newest release for the DPUCZDX8G (the MPSoC boards)."""


RELEASES = ("1.0", "1.1", "1.2", "1.3", "1.4", "2.0", "2.5", "3.0", "3.5")
"""The releases of Vitis AI."""


def list_targets(release: Optional[str] = None) -> List[TargetSummary]:
    """Return the named targets, the host's CPU first, the user's own last."""
    from vaiopt.hardware.own_targets import own_targets

    result = []
    for name in (
        ["cpu"] + sorted(_boards()) + [name for name in own_targets() if name not in _boards()]
    ):
        target = load_target(name, release)
        architecture = (
            target.architecture.name if target.architecture else "host CPU, int8 TensorFlow Lite"
        )
        result.append(
            TargetSummary(
                target.name,
                target.title,
                architecture,
                target.cores,
                target.clock_mhz,
                target.validated,
                target.validation,
            )
        )
    return result


def load_target(name_or_path: str, release: Optional[str] = None) -> Target:
    """Return a target.

    Args:
        name_or_path: ``cpu``, a board (``zcu102``), a board with size, clock or cores
            (``zcu104-b1600-300mhz-1core``), a DPU architecture or size (``DPUCZDX8G_ISA1_B4096``,
            ``b1600``), the path of an ``arch.json`` or of a fit, or the name of one of the user's
            fits.
        release: Vitis-AI release whose latency constants are wanted; by default the newest that the
            board has, 3.0 for most.

    Raises:
        TargetError: no such target (the nearest names are in the hint), or an unusable arch.json.
    """
    text = str(name_or_path).strip()
    asked, release = release, _release(text, release)
    if text.lower() == "cpu":
        return _cpu_target(release)
    if text.lower().endswith(".json") or "/" in text or "\\" in text:
        return _target_from_file(Path(text), release, asked)
    return _named_target(text, release, asked)


def _release(text: str, release: Optional[str]) -> str:
    """Return the release that is meant: the given one, else the board's own, else the newest of the
    MPSoC boards.

    Raises:
        TargetError: there is no such release.
    """
    if release:
        given = str(release).lstrip("v")
        if given not in RELEASES:
            raise TargetError(
                f"there is no release '{release}' of Vitis AI",
                "Use one of {}.".format(", ".join(RELEASES)),
            )
        return given
    board = _boards().get(text.lower().split("-")[0], {})
    return str(board.get("release", DEFAULT_RELEASE))


def _cpu_target(release: str) -> Target:
    data = read_data("cpu.json")
    return Target(
        name="cpu",
        title=str(data["title"]),
        kind="cpu",
        board="host",
        architecture=None,
        cores=1,
        clock_mhz=0.0,
        release=release,
        fit=None,
        validated=False,
        validation=str(data["validation"]),
        sources={"latency": str(data["source"])},
    )


def _named_target(text: str, release: str, asked: Optional[str]) -> Target:
    """Find a board, an architecture or a size, with its options, or one of the user's own
    targets.
    """
    from vaiopt.hardware.own_targets import own_target, own_targets

    by_name = {name.lower(): name for name in architectures()}
    if text.lower() in by_name:
        return _bare_architecture(
            architectures()[by_name[text.lower()]], text.lower(), release, "the architecture's name"
        )
    board, options = _split_name(text)
    if board is None:
        own = own_target(text)
        if own is not None:
            return _target_from_file(own, release, asked)
        named = own_targets() + ["cpu"] + sorted(_boards())
        known = named + sorted(architectures()) + [size.lower() for size in SIZES]
        hint = (
            did_you_mean(text, known if nearest(text, known) else named)
            + " 'vaiopt targets' lists them."
        )
        raise TargetError(f"there is no target '{text}'", hint)
    size, clock, cores = options
    if board == "":
        architecture = architectures()["DPUCZDX8G_ISA1_" + str(size)]
        target = _bare_architecture(architecture, str(size).lower(), release, "the size's name")
        entry: Mapping[str, Any] = {}
    else:
        entry = _boards()[board]
        architecture = architectures()[entry["architecture"]]
        if size is not None:
            if architecture.family != "DPUCZDX8G":
                raise TargetError(
                    f"{board} has a {architecture.family}, which has no size {size}",
                    f"Sizes belong to zcu102, zcu104, kv260 and ultra96. Leave it out: {board}",
                )
            architecture = architectures()["DPUCZDX8G_ISA1_" + size]
        target = _board_target(board, entry, architecture, release)
    changed = bool(clock or cores)
    if changed:
        target = target._replace(cores=cores or target.cores, clock_mhz=clock or target.clock_mhz)
        target = _extrapolated(target, "its own clock or number of cores")
    return target._replace(name=text.lower())


def _split_name(
    text: str,
) -> Tuple[Optional[str], Tuple[Optional[str], Optional[float], Optional[int]]]:
    """Split ``zcu104-b1600-300mhz-2cores``; the board is '' when only a size is given and None when
    something is not understood.
    """
    parts = text.lower().split("-")
    board: Optional[str] = ""
    if parts[0] in _boards():
        board = parts.pop(0)
    size: Optional[str] = None
    clock: Optional[float] = None
    cores: Optional[int] = None
    for part in parts:
        if part.upper() in SIZES and size is None:
            size = part.upper()
        elif re.match(r"^\d{1,6}(\.\d+)?mhz$", part) and clock is None:
            clock = float(part[:-3])
        elif re.match(r"^\d{1,6}cores?$", part) and cores is None:
            cores = int(part.rstrip("cores"))
        else:
            return None, (None, None, None)
    if board == "" and size is None or clock == 0 or cores == 0:
        return None, (None, None, None)
    return board, (size, clock, cores)
