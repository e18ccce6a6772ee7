"""What a target computes with: one row per kind of device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict

from vaiopt.errors import TargetError, did_you_mean


@dataclass(frozen=True)
class Device:
    """A kind of device.

    Attributes:
        name: the ``kind`` of its targets.
        title: what runs a model there.
        accelerator: whether a host feeds it and runs the layers that it cannot: then it has an
            architecture with a fingerprint, latency constants and subgraphs.
    """

    name: str
    title: str
    accelerator: bool


CPU = Device("cpu", "host CPU, int8 TensorFlow Lite", accelerator=False)
DPU = Device("dpu", "AMD DPU", accelerator=True)
DEVICES: Dict[str, Device] = {row.name: row for row in (CPU, DPU)}


def find_device(kind: str) -> Device:
    """Return the row of a kind of device.

    Raises:
        TargetError: there is no such kind.
    """
    if kind not in DEVICES:
        raise TargetError(f"there is no device of kind '{kind}'", did_you_mean(kind, DEVICES))
    return DEVICES[kind]
