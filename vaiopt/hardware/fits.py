"""The constants of the latency model, fitted to published measurements, and which of them hold for a target."""

from __future__ import annotations

import functools
import re
from typing import Any, Dict, Mapping, NamedTuple, Tuple

from vaiopt.hardware.architectures import (
    Architecture,
    read_data,
)


class Constants(NamedTuple):
    """Fitted constants of the latency model.

    Attributes:
        efficiency: cycles that one cycle of multiplications takes in practice.
        bandwidth: bytes moved between memory and DPU per cycle.
        overhead: cycles per layer.
        constant_ms: milliseconds per inference on the host (pre- and postprocessing, the runtime's
            call).
    """

    efficiency: float
    bandwidth: float
    overhead: float
    constant_ms: float


class Fit(NamedTuple):
    """Constants of one board and release, and how well they fit.

    Attributes:
        single: end to end at one thread.
        dpu: the DPU alone, one core working (measured on the KV260, which has one core; bytes and
            cycles are the same on other boards).
        busy: one core while all cores work and share the memory.
        error: leave-family-out errors of ``single`` and ``busy``.
    """

    board: str
    release: str
    architecture: str
    single: Constants
    dpu: Constants
    busy: Constants
    error: Mapping[str, Any]
    source: str


@functools.lru_cache(maxsize=None)
def fits() -> Tuple[Fit, ...]:
    """Return the fitted latency constants of every board and release with published
    measurements.
    """
    result = []
    for entry in read_data("latency.json")["fits"]:
        single = Constants(**entry["single"])
        dpu, busy = (Constants(constant_ms=0.0, **entry[key]) for key in ("dpu", "busy"))
        result.append(
            Fit(
                entry["board"],
                entry["release"],
                entry["architecture"],
                single,
                dpu,
                busy,
                entry["error"],
                entry["source"],
            )
        )
    return tuple(result)


@functools.lru_cache(maxsize=None)
def fallback() -> Dict[str, float]:
    """Return the assumed rates of a board's CPU for layers that a DPU leaves to it: milliseconds
    per million values or MACs, per call.
    """
    return {
        name: float(value)
        for name, value in read_data("latency.json")["fallback"].items()
        if isinstance(value, (int, float))
    }


def _fitted_sentence(fit: Fit) -> str:
    error = fit.error.get("single", {})
    text = f"fitted to published measurements of {fit.board} with release {fit.release}"
    if error:
        text += ": {} networks, mean error {} %, largest {} %".format(
            error["networks"], error["mean_percent"], error["max_percent"]
        )
    return text


def _choose_fit(board: str, architecture: Architecture, release: str) -> Tuple[Fit, bool]:
    """Return the constants to use, and whether they were fitted to exactly this."""

    def distance(fit: Fit) -> Tuple[bool, bool, float, bool]:
        # the memory belongs to the board, so its own constants come first, whatever the size of the
        # DPU
        age = abs(_number(fit.release) - _number(release))
        return (
            fit.board != board,
            fit.architecture != architecture.name,
            age,
            fit.board != "zcu102",
        )

    best = min(fits(), key=distance)
    return (
        best,
        best.architecture == architecture.name and best.board == board and best.release == release,
    )


def _number(release: str) -> float:
    found = re.match(r"\d+(\.\d+)?", release)
    return float(found.group(0)) if found else 0.0
