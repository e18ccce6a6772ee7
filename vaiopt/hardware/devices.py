"""The kinds of devices there are: one row each. A new one is its file and a row here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Optional

from vaiopt.errors import TargetError, did_you_mean
from vaiopt.hardware.cpu import CPU, cpu_estimate, cpu_target
from vaiopt.hardware.device import DPU, Device
from vaiopt.hardware.estimate import Estimate, dpu_estimate
from vaiopt.hardware.target import Target
from vaiopt.network.graph import LayerGraph


@dataclass(frozen=True)
class DeviceRow:
    """One kind of device.

    Attributes:
        device: the kind.
        estimate: what tells where each layer of a model runs, and how long it takes.
        target: makes the target of its name, of a release; None where boards are its targets.
    """

    device: Device
    estimate: Callable[[LayerGraph, Target], Estimate]
    target: Optional[Callable[[str], Target]] = None


ROWS = (DeviceRow(CPU, cpu_estimate, cpu_target), DeviceRow(DPU, dpu_estimate))
DEVICES: Dict[str, DeviceRow] = {row.device.name: row for row in ROWS}
"""By the kind of their targets."""


def find_device(kind: str) -> DeviceRow:
    """Return the row of a kind of device.

    Raises:
        TargetError: there is no such kind.
    """
    if kind not in DEVICES:
        raise TargetError(f"there is no device of kind '{kind}'", did_you_mean(kind, DEVICES))
    return DEVICES[kind]


def named_targets() -> Dict[str, Callable[[str], Target]]:
    """Return what makes the targets that are named after their device, by that name."""
    return {name: row.target for name, row in DEVICES.items() if row.target is not None}


def estimate(graph: LayerGraph, target: Target) -> Estimate:
    """Return the fused layers of a model on a target, and their time."""
    return find_device(target.kind).estimate(graph, target)
