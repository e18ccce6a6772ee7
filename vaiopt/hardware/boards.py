"""Known boards, and targets on them or on a board that is not known."""

from __future__ import annotations

import functools
from typing import Dict, NamedTuple

from vaiopt.hardware.architectures import Architecture, read_data
from vaiopt.hardware.device import DPU
from vaiopt.hardware.fits import choose_fit, fitted_sentence
from vaiopt.hardware.target import Target


class Board(NamedTuple):
    """A board, with the DPU, cores and clock in MHz of the vendor's published tables, and the
    newest release of those.
    """

    name: str
    title: str
    architecture: str
    cores: int
    clock_mhz: float
    source: str
    release: str


@functools.lru_cache(maxsize=None)
def boards() -> Dict[str, Board]:
    """Return the known boards by name."""
    return {name: Board(name, **row) for name, row in read_data("boards.json")["boards"].items()}


def board_target(board: Board, architecture: Architecture, release: str) -> Target:
    """Return the target of an architecture on a known board."""
    fit, exact = choose_fit(board.name, architecture, release)
    sources = {"board": board.source, "architecture": architecture.source, "latency": fit.source}
    target = Target(
        board.name,
        board.title,
        DPU,
        board.name,
        architecture,
        board.cores,
        float(board.clock_mhz),
        release,
        fit,
        exact,
        fitted_sentence(fit),
        sources,
    )
    return target if exact else target.extrapolated("this board, architecture and release")


def bare_architecture(architecture: Architecture, name: str, release: str, given: str) -> Target:
    """Return a target for an architecture on an unknown board: one core at the clock of a board
    that has it, or 300 MHz, is assumed, and said so.
    """
    same = (board for board in boards().values() if board.architecture == architecture.name)
    known = min(same, default=None)
    clock = float(known.clock_mhz) if known else 300.0
    fit, _ = choose_fit(known.name if known else "", architecture, release)
    sources = {
        "board": f"not known from {given}: 1 core at {clock:g} MHz is assumed",
        "architecture": architecture.source,
    }
    title = f"{architecture.name} on a board that is not known"
    target = Target(name, title, DPU, "", architecture, 1, clock, release, fit, False, "", sources)
    return target.extrapolated(f"a board that is not known (1 core at {clock:g} MHz assumed)")
