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
from typing import List, NamedTuple, Optional

from vaiopt.errors import TargetError, did_you_mean, nearest
from vaiopt.hardware.architectures import SIZES, architectures
from vaiopt.hardware.boards import bare_architecture, board_target, boards
from vaiopt.hardware.devices import named_targets
from vaiopt.hardware.own_targets import own_target, own_targets
from vaiopt.hardware.target import Target, TargetSummary
from vaiopt.hardware.target_files import target_from_file
from vaiopt.releases import DEFAULT, find_release


def _own_names() -> List[str]:
    """Return the names of all targets that have one: devices, boards, the user's own."""
    own = (name for name in own_targets() if name not in boards())
    return [*named_targets(), *sorted(boards()), *own]


def list_targets(release: Optional[str] = None) -> List[TargetSummary]:
    """Return the named targets, the host's CPU first, the user's own last."""
    return [load_target(name, release).summary() for name in _own_names()]


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
        TargetError: no such target (the nearest names are in the hint), no such release, or an
            unusable arch.json.
    """
    text = str(name_or_path).strip()
    lower = text.lower()
    asked = find_release(release).name if release else None
    board = boards().get(lower.split("-")[0])
    release = asked or (board.release if board else DEFAULT)
    if lower in named_targets():
        return named_targets()[lower](release)
    if lower.endswith(".json") or "/" in text or "\\" in text:
        return target_from_file(Path(text), release, asked)
    for name, architecture in architectures().items():
        if name.lower() == lower:
            return bare_architecture(architecture, lower, release, "the architecture's name")
    found = _split_name(lower)
    if found is not None:
        return _on_board(found, release)._replace(name=lower)
    own = own_target(text)
    if own is not None:
        return target_from_file(own, release, asked)
    known = [*_own_names(), *sorted(architectures()), *map(str.lower, SIZES)]
    hint = did_you_mean(text, known if nearest(text, known) else _own_names())
    raise TargetError(f"there is no target '{text}'", f"{hint} 'vaiopt targets' lists them.")


class _Name(NamedTuple):
    """The parts of ``zcu104-b1600-300mhz-2cores``; the board is '' when only a size is given."""

    board: str
    size: Optional[str] = None
    clock: Optional[float] = None
    cores: Optional[int] = None


def _split_name(text: str) -> Optional[_Name]:
    """Return the parts of a target's name; None when something is not understood."""
    parts = text.split("-")
    name = _Name(parts.pop(0) if parts[0] in boards() else "")
    for part in parts:
        if part.upper() in SIZES and name.size is None:
            name = name._replace(size=part.upper())
        elif re.match(r"^\d{1,6}(\.\d+)?mhz$", part) and name.clock is None:
            name = name._replace(clock=float(part[:-3]))
        elif re.match(r"^\d{1,6}cores?$", part) and name.cores is None:
            name = name._replace(cores=int(part.rstrip("cores")))
        else:
            return None
    if not (name.board or name.size) or name.clock == 0 or name.cores == 0:
        return None
    return name


def _on_board(name: _Name, release: str) -> Target:
    """Return the target of a board, or of a size on a board that is not known."""
    size = None if name.size is None else architectures()["DPUCZDX8G_ISA1_" + name.size]
    if not name.board:
        assert size is not None and name.size is not None
        target = bare_architecture(size, name.size.lower(), release, "the size's name")
    else:
        board = boards()[name.board]
        own = architectures()[board.architecture]
        if size is not None and own.family != size.family:
            raise TargetError(
                f"{board.name} has a {own.family}, which has no size {name.size}",
                f"Sizes belong to zcu102, zcu104, kv260 and ultra96. Leave it out: {board.name}",
            )
        target = board_target(board, size or own, release)
    if not name.clock and not name.cores:
        return target
    clock, cores = name.clock or target.clock_mhz, name.cores or target.cores
    changed = target._replace(clock_mhz=clock, cores=cores)
    return changed.extrapolated("its own clock or number of cores")
