"""Targets: a DPU architecture on a board, its clock and cores, and the constants that its latency
is predicted with.

A target is named ``BOARD`` (``zcu102``), ``BOARD-SIZE-CLOCK-CORES`` with any of the last three
(``zcu104-b1600-300mhz-1core``), an architecture (``DPUCZDX8G_ISA1_B4096``), the path of an
``arch.json``, or what ``vaiopt calibrate`` called its fit. All numbers are in ``hardware/data/``
with their sources.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from vaiopt.errors import TargetError, did_you_mean, nearest
from vaiopt.hardware.architectures import (
    SIZES,
    Architecture,
    architectures,
    decode_fingerprint,
    read_data,
)

DEFAULT_RELEASE = "3.0"
"""The newest release for the DPUCZDX8G (the MPSoC boards)."""

RELEASES = ("1.0", "1.1", "1.2", "1.3", "1.4", "2.0", "2.5", "3.0", "3.5")
"""The releases of Vitis AI."""

LARGEST = 1e6
"""More megahertz or cores than any target has."""


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


class Target(NamedTuple):
    """Where a model is to run.

    Attributes:
        name: short, usable as a folder's name.
        kind: ``dpu`` or ``cpu``.
        validated: True if the latency constants were fitted to published measurements of this
            board, architecture and release.
        validation: one sentence on what the prediction rests on.
        sources: where each part comes from.
    """

    name: str
    title: str
    kind: str
    board: str
    architecture: Optional[Architecture]
    cores: int
    clock_mhz: float
    release: str
    fit: Optional[Fit]
    validated: bool
    validation: str
    sources: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """The DPU's fingerprint, in the form of an arch.json; empty for target cpu."""
        return "" if self.architecture is None else self.architecture.fingerprint

    def to_json(self) -> Dict[str, Any]:
        """Return everything that is known of the target, for ``--json``."""
        result: Dict[str, Any] = {
            "name": self.name,
            "title": self.title,
            "kind": self.kind,
            "board": self.board,
            "release": self.release,
            "cores": self.cores,
            "clock_mhz": self.clock_mhz,
            "validated": self.validated,
            "validation": self.validation,
            "sources": dict(self.sources),
        }
        if self.architecture is not None:
            a = self.architecture
            result["architecture"] = {
                "name": a.name,
                "family": a.family,
                "fingerprint": a.fingerprint,
                "batch": a.batch,
                "pixel_parallel": a.pixel_parallel,
                "input_channel_parallel": a.icp,
                "output_channel_parallel": a.ocp,
                "operations_per_cycle": a.ops_per_cycle,
                "peak_gops": round(
                    a.ops_per_cycle * self.clock_mhz * self.cores * a.batch / 1000.0, 1
                ),
                "retired": a.retired,
            }
        if self.fit is not None:
            result["latency_model"] = {
                "fitted_on": {
                    "board": self.fit.board,
                    "release": self.fit.release,
                    "architecture": self.fit.architecture,
                },
                "single": self.fit.single._asdict(),
                "dpu": self.fit.dpu._asdict(),
                "busy": self.fit.busy._asdict(),
                "error": dict(self.fit.error),
            }
        return result


class TargetSummary(NamedTuple):
    """One line of ``vaiopt targets``."""

    name: str
    title: str
    architecture: str
    cores: int
    clock_mhz: float
    validated: bool
    validation: str


def list_targets(release: Optional[str] = None) -> List[TargetSummary]:
    """Return the named targets, the host's CPU first, the user's own last."""
    from vaiopt.hardware.calibrated import own_targets

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


# ---------------------------------------------------------------- data files


@functools.lru_cache(maxsize=None)
def _boards() -> Dict[str, Any]:
    return dict(read_data("boards.json")["boards"])


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


# ---------------------------------------------------------------- names


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
    from vaiopt.hardware.calibrated import own_target, own_targets

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


def _fitted_sentence(fit: Fit) -> str:
    error = fit.error.get("single", {})
    text = f"fitted to published measurements of {fit.board} with release {fit.release}"
    if error:
        text += ": {} networks, mean error {} %, largest {} %".format(
            error["networks"], error["mean_percent"], error["max_percent"]
        )
    return text


def _extrapolated(target: Target, what: str) -> Target:
    fit = target.fit
    assert fit is not None and target.architecture is not None
    text = (
        f"extrapolated: no measurements of {what}; constants of {fit.board} with release"
        f" {fit.release}"
    )
    if target.architecture.family != "DPUCZDX8G":
        text += ", which is another kind of DPU: errors of 60 % and more must be expected"
    return target._replace(validated=False, validation=text)


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


# ---------------------------------------------------------------- arch.json


def _target_from_file(path: Path, release: str, asked: Optional[str]) -> Target:
    """Read an arch.json: ``{"fingerprint": "0x..."}`` or ``{"target": "DPUCZDX8G_ISA1_B4096"}``,
    optionally board, clock, cores and a fit.
    """
    from vaiopt.hardware.calibrated import with_own_fit

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
