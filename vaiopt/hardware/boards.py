"""Targets by name: known boards, bare architectures and sizes."""

from __future__ import annotations

import functools
from typing import Any, Dict, Mapping

from vaiopt.hardware.architectures import (
    Architecture,
    read_data,
)
from vaiopt.hardware.fits import _choose_fit, _fitted_sentence
from vaiopt.hardware.target import Target, _extrapolated


@functools.lru_cache(maxsize=None)
def _boards() -> Dict[str, Any]:
    return dict(read_data("boards.json")["boards"])


def _board_target(
    board: str, entry: Mapping[str, Any], architecture: Architecture, release: str
) -> Target:
    fit, exact = _choose_fit(board, architecture, release)
    target = Target(
        name=board,
        title=str(entry["title"]),
        kind="dpu",
        board=board,
        architecture=architecture,
        cores=int(entry["cores"]),
        clock_mhz=float(entry["clock_mhz"]),
        release=release,
        fit=fit,
        validated=exact,
        validation="",
        sources={
            "board": str(entry["source"]),
            "architecture": architecture.source,
            "latency": fit.source,
        },
    )
    if exact:
        return target._replace(validation=_fitted_sentence(fit))
    return _extrapolated(target, "this board, architecture and release")


def _bare_architecture(architecture: Architecture, name: str, release: str, given: str) -> Target:
    """Return a target for an architecture on an unknown board: one core at 300 MHz is assumed, and
    said so.
    """
    board, entry = next(
        (
            (board, entry)
            for board, entry in sorted(_boards().items())
            if entry["architecture"] == architecture.name
        ),
        ("", None),
    )
    fit, _ = _choose_fit(board, architecture, release)
    clock = float(entry["clock_mhz"]) if entry else 300.0
    target = Target(
        name=name,
        title=f"{architecture.name} on a board that is not known",
        kind="dpu",
        board="",
        architecture=architecture,
        cores=1,
        clock_mhz=clock,
        release=release,
        fit=fit,
        validated=False,
        validation="",
        sources={
            "board": f"not known from {given}: 1 core at {clock:g} MHz is assumed",
            "architecture": architecture.source,
        },
    )
    return _extrapolated(target, f"a board that is not known (1 core at {clock:g} MHz assumed)")
