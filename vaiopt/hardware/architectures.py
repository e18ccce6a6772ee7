"""DPU architectures: parallelism, on-chip memories, limits; and the fingerprints that name them.

All of it is data of the vendor's target factory, in ``data/architectures.json`` with the source of
each entry.
"""

from __future__ import annotations

import csv
import functools
import json
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from vaiopt.errors import TargetError

DATA = Path(__file__).parent / "data"

SIZES = ("B512", "B800", "B1024", "B1152", "B1600", "B2304", "B3136", "B4096")
"""Sizes of the DPUCZDX8G, by the number in the last byte of its fingerprint."""


class Engine(NamedTuple):
    """One engine of a DPU: channels and output pixels per cycle, and which kernels, strides and
    fused activations it takes.
    """

    channels: int
    pixels: int
    kernels: Tuple[int, ...]
    strides: Tuple[int, ...]
    activations: Tuple[str, ...]


class Architecture(NamedTuple):
    """A DPU. ``input_depth`` and ``weight_bank`` (number, width, depth) are its on-chip memories,
    ``window`` (most, channels) a limit on height x width x parts of so many input channels of a
    convolution's window; None where not published.
    """

    name: str
    family: str
    isa: int
    fingerprint: str
    batch: int
    pixel_parallel: int
    icp: int
    ocp: int
    ops_per_cycle: int
    input_depth: Optional[int]
    weight_bank: Optional[Tuple[int, int, int]]
    conv: Engine
    window: Optional[Tuple[int, Optional[int]]]
    depthwise: Optional[Engine]
    depthwise_bank: Optional[Tuple[int, int, int]]
    alu: bool
    alu_functions: Tuple[str, ...]
    pool: Engine
    average_kernels: Tuple[int, ...]
    elementwise: Engine
    elementwise_types: Tuple[str, ...]
    retired: bool
    source: str

    @property
    def size(self) -> str:
        """``B4096`` and so on; the whole name for other families."""
        found = re.search(r"_(B\d+)", self.name)
        return found.group(1) if self.family == "DPUCZDX8G" and found else self.name


def read_data(name: str) -> Dict[str, Any]:
    """Return a JSON file of ``hardware/data``."""
    content = json.loads((DATA / name).read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


@functools.lru_cache(maxsize=None)
def architectures() -> Dict[str, Architecture]:
    """Return every known DPU architecture by name."""
    return {
        name: _architecture(name, entry)
        for name, entry in read_data("architectures.json")["architectures"].items()
    }


@functools.lru_cache(maxsize=None)
def older_fingerprints() -> Dict[Tuple[str, str], str]:
    """Return what ``data/fingerprints.csv`` knows, by release and name of the architecture."""
    text = (DATA / "fingerprints.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {(row["release"], row["architecture"]): row["fingerprint"] for row in rows}


def fingerprint_in(architecture: Architecture, release: str) -> str:
    """Return an architecture's fingerprint in a release: its own, if it was given by that, or if
    no other is known.
    """
    given = architectures().get(architecture.name) != architecture
    older = None if given else older_fingerprints().get((release, architecture.name))
    return older or architecture.fingerprint


def parse_range(text: Optional[str]) -> Tuple[int, ...]:
    """Return the numbers in ``1-16`` or ``1,2,3,5`` or ``2-4,8``; none for None."""
    numbers: List[int] = []
    for part in (text or "").split(","):
        low, _, high = part.partition("-")
        if low:
            numbers.extend(range(int(low), int(high or low) + 1))
    return tuple(numbers)


def _engine(part: Mapping[str, Any]) -> Engine:
    kernels, strides = (parse_range(part.get(key)) for key in ("kernel", "stride"))
    return Engine(part["channels"], part["pixels"], kernels, strides, tuple(part["activations"]))


def _architecture(name: str, entry: Mapping[str, Any]) -> Architecture:
    conv, depthwise, pool, elementwise = (
        entry[key] for key in ("conv", "depthwise", "pool", "elementwise")
    )

    def bank(value: Any) -> Optional[Tuple[int, int, int]]:
        return None if value is None else (int(value[0]), int(value[1]), int(value[2]))

    same = ("family", "isa", "fingerprint", "pixel_parallel", "icp", "ocp", "ops_per_cycle")
    return Architecture(
        name=name,
        **{key: entry[key] for key in (*same, "retired", "source")},
        batch=entry["batch"] or 1,
        input_depth=entry["input_bank_depth"],
        weight_bank=bank(entry["weight_bank"]),
        conv=_engine({**conv, "channels": entry["icp"], "pixels": entry["pixel_parallel"]}),
        window=(conv["window"][0], conv["window"][1]) if "window" in conv else None,
        depthwise=_engine(depthwise) if depthwise else None,
        depthwise_bank=bank(depthwise["weight_bank"]) if depthwise else None,
        alu=pool["engine"] == "alu",
        alu_functions=tuple(entry["alu_functions"]),
        pool=_engine({**pool, "kernel": pool["max_kernel"], "activations": ()}),
        average_kernels=parse_range(pool["average_kernel"]),
        elementwise=_engine(elementwise),
        elementwise_types=tuple(elementwise["types"]),
    )


def decode_fingerprint(fingerprint: Any, where: str) -> Architecture:
    """Return the architecture of a fingerprint (hexadecimal text or a number).

    Fingerprints of the DPUCZDX8G that are not in the table (other releases, other options) are
    decoded: the last byte is the size, the one before it the ALU's parallelism. Those of other
    releases that :func:`older_fingerprints` knows are of that architecture.

    Raises:
        TargetError: it is not a number, or of no known architecture.
    """
    hint = 'It must be like "0x101000056010407"; "xdputil query" prints the board\'s.'
    try:
        number = int(fingerprint, 16) if isinstance(fingerprint, str) else int(fingerprint)
    except (TypeError, ValueError, OverflowError) as error:
        message = f"{where}: the fingerprint {fingerprint!r} is not a number"
        raise TargetError(message, hint) from error
    for architecture in architectures().values():
        if int(architecture.fingerprint, 16) == number:
            return architecture
    for (_, name), older in older_fingerprints().items():
        known = architectures()[name]
        if int(older, 16) == number and known.isa == number >> 48 & 0xFF:
            return known._replace(fingerprint=f"0x{number:016x}")
    # Xilinx/Vitis-AI, src/vai_runtime/target_factory: type << 56 | isa << 48 | features
    kind, isa, size = number >> 56, number >> 48 & 0xFF, number & 0xFF
    families = {int(a.fingerprint, 16) >> 56: a.family for a in architectures().values()}
    family = families.get(kind & 0xFF)
    if families.get(kind) == "DPUCZDX8G" and isa == 1 and size < len(SIZES):
        known = architectures()["DPUCZDX8G_ISA1_" + SIZES[size]]
        pixels = number >> 8 & 0x0F
        return _with_alu(known, pixels)._replace(fingerprint=f"0x{number:016x}")
    of = f" (a {family})" if family else ""
    raise TargetError(
        f"{where}: the fingerprint 0x{number:x} is of no known architecture{of}",
        f"{hint} 'vaiopt targets' lists what is known.",
    )


def _with_alu(architecture: Architecture, pixels: int) -> Architecture:
    """Return the architecture with another ALU parallelism (it is configurable); 0 keeps it."""
    if pixels == 0 or architecture.depthwise is None:
        return architecture
    return architecture._replace(
        depthwise=architecture.depthwise._replace(pixels=pixels),
        pool=architecture.pool._replace(pixels=pixels),
    )
