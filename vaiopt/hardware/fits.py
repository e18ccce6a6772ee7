"""The constants of the latency model, fitted to measurements, and which of them hold for a
target.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from vaiopt.errors import TargetError
from vaiopt.hardware.architectures import Architecture, architectures, read_data
from vaiopt.hardware.batch_constants import Batched
from vaiopt.releases import RELEASES

HINT = "Make it again with: vaiopt calibrate RUN..."


SMALLEST, LARGEST = 1e-6, 1e12
"""Limits of constants, far beyond what any kit has: a prediction with them is a number."""


class Constants(NamedTuple):
    """Fitted constants of the latency model.

    Attributes:
        efficiency: cycles that one cycle of multiplications takes in practice.
        bandwidth: bytes moved between memory and DPU per cycle.
        overhead: cycles per layer.
        constant_ms: milliseconds per inference on the host (pre- and postprocessing, the runtime's
            call).
        contention: the share of a core's memory time that waiting for other cores adds to it.
    """

    efficiency: float
    bandwidth: float
    overhead: float
    constant_ms: float = 0.0
    contention: float = 0.0


_LAYERS = ("efficiency", "bandwidth", "overhead")

PARTS: Dict[str, Tuple[str, ...]] = {
    "single": (*_LAYERS, "constant_ms"),
    "dpu": (*_LAYERS, "constant_ms"),
    "busy": (*_LAYERS, "contention"),
}
"""The constants of each part of a fit: preparing an image belongs to ``single`` only, the call of
the runtime to the DPU alone, too; cores that are all at work share the memory.
"""

OPTIONAL = {"dpu": ("constant_ms",), "busy": ("contention",)}
"""Constants that files of older versions lack; they are 0 there."""


class HostRate(NamedTuple):
    """What the board's CPU, all its cores at work, needs for a frame beside the DPU.

    Attributes:
        ms_per_frame: milliseconds for any frame.
        ms_per_million_values: milliseconds for a million values of inputs and outputs.
    """

    ms_per_frame: float
    ms_per_million_values: float

    def frames_per_second(self, values: int) -> float:
        """Return the most frames per second for so many values of inputs and outputs together."""
        milliseconds = self.ms_per_frame + self.ms_per_million_values * values / 1e6
        return 1000.0 / milliseconds if milliseconds else math.inf


class Fit(NamedTuple):
    """Constants of one board and release, and how well they fit.

    Attributes:
        single: end to end at one thread.
        dpu: the DPU alone, one core working (measured on the KV260, which has one core; bytes and
            cycles are the same on other boards), and one call of the runtime.
        busy: one core while all cores work and share the memory.
        error: leave-family-out errors of ``single`` and ``busy``.
        batched: of a DPU that takes several images at once; predictions are made with these, the
            other parts are where a fit to a kit's own measurements starts.
    """

    board: str
    release: str
    architecture: str
    single: Constants
    dpu: Constants
    busy: Constants
    error: Mapping[str, Any]
    source: str
    batched: Optional[Batched] = None

    def to_json(self) -> Dict[str, Any]:
        """Return the fit without its board and architecture, which its file says elsewhere."""
        parts = {
            part: {name: float(f"{getattr(getattr(self, part), name):.5g}") for name in names}
            for part, names in PARTS.items()
        }
        return {"release": self.release, **parts, "error": dict(self.error), "source": self.source}

    @staticmethod
    def from_json(table: Any, board: str, architecture: str, where: str) -> Fit:
        """Read what :meth:`to_json` returns; ``where`` names file and key in messages.

        Raises:
            TargetError: the table is damaged; the key is named.
        """
        if not isinstance(table, Mapping):
            raise TargetError(f"{where} is not a table", HINT)
        for key in ("release", "source"):
            if not isinstance(table.get(key), str) or not table[key]:
                raise TargetError(f"{where}.{key} is missing", HINT)
        release, error = table["release"], table.get("error", {})
        if release not in RELEASES:
            raise TargetError(f"{where}.release is {release!r}, which does not exist", HINT)
        if not isinstance(error, Mapping):
            raise TargetError(f"{where}.error is not a table", HINT)
        given = table.get("batched")
        parts: Dict[str, Any] = {
            part: _constants(table.get(part), part, f"{where}.{part}") for part in PARTS
        }
        parts["batched"] = None if given is None else Batched.from_json(given, f"{where}.batched")
        return Fit(board, release, architecture, **parts, error=error, source=table["source"])


def _constants(given: Any, part: str, where: str) -> Constants:
    """Return one part's constants: positive numbers, but for the overhead, the time on the host
    and the contention, which may be zero.
    """
    values: Dict[str, float] = {}
    for name in PARTS[part]:
        absent = 0.0 if name in OPTIONAL.get(part, ()) else None
        value: Any = given.get(name, absent) if isinstance(given, Mapping) else None
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        smallest = SMALLEST if name in ("efficiency", "bandwidth") else 0
        if not number or not smallest <= value <= LARGEST:
            raise TargetError(f"{where}.{name} is {value!r}", HINT)
        values[name] = float(value)
    return Constants(**values)


class Interval(NamedTuple):
    """How sure a predicted latency is: nine of ten networks like those of the fit lie within
    ``percent`` of it. ``remark`` says what the network is unlike, empty if it is like them.
    """

    percent: float
    remark: str = ""


def interval(fit: Fit, latency_ms: float) -> Optional[Interval]:
    """Return how sure an end-to-end prediction is; None if the fit does not know its spread."""
    error = fit.error.get("single")
    if not isinstance(error, Mapping):
        return None
    percent = error.get("nine_of_ten_percent")
    if not isinstance(percent, (int, float)):
        return None
    fastest, slowest = error.get("fastest_ms", 0.0), error.get("slowest_ms", LARGEST)
    remark = ""
    if latency_ms < fastest:
        remark = f"faster than any network it was fitted to ({fastest:g} ms)"
    elif latency_ms > slowest:
        remark = f"slower than any network it was fitted to ({slowest:g} ms)"
    return Interval(float(percent), remark)


@functools.lru_cache(maxsize=None)
def fits() -> Tuple[Fit, ...]:
    """Return the constants fitted to every board and release with published measurements."""
    return tuple(
        Fit.from_json(entry, entry["board"], entry["architecture"], f"latency.json: fits.{number}")
        for number, entry in enumerate(read_data("latency.json")["fits"])
    )


@functools.lru_cache(maxsize=None)
def host_rate(family: str) -> HostRate:
    """Return how fast the CPU of boards with a family of DPUs feeds them; without a limit where
    nothing is known of it.
    """
    table = read_data("latency.json")["host"]
    if table["family"] != family:
        return HostRate(0.0, 0.0)
    return HostRate(table["ms_per_frame"], table["ms_per_million_values"])


@functools.lru_cache(maxsize=None)
def fallback() -> Dict[str, float]:
    """Return the assumed rates of a board's CPU for layers that a DPU leaves to it: milliseconds
    per million values or MACs, per call.
    """
    names = ("ms_per_million_values", "ms_per_million_macs", "call_ms")
    return {name: read_data("latency.json")["fallback"][name] for name in names}


def fitted_sentence(fit: Fit) -> str:
    """Return what a prediction with published constants rests on."""
    text = f"fitted to published measurements of {fit.board} with release {fit.release}"
    error = fit.error.get("single")
    if error:
        text += (
            f": {error['networks']} networks, mean error {error['mean_percent']} %,"
            f" largest {error['max_percent']} %"
        )
    return text


def choose_fit(board: str, architecture: Architecture, release: str) -> Tuple[Fit, bool]:
    """Return the constants to use, and whether they were fitted to exactly this."""

    def distance(fit: Fit) -> Tuple[bool, bool, bool, float, bool]:
        # the memory belongs to the board, so its own constants come first, whatever the size of the
        # DPU
        size, age = fit.architecture, abs(float(fit.release) - float(release))
        other_kind = architectures()[size].family != architecture.family
        elsewhere = fit.board != board
        return elsewhere, other_kind, size != architecture.name, age, fit.board != "zcu102"

    best = min(fits(), key=distance)
    exact = (best.board, best.architecture, best.release) == (board, architecture.name, release)
    return best, exact
