"""What a target computes with. The kinds there are stand in :mod:`vaiopt.hardware.devices`."""

from __future__ import annotations

from dataclasses import dataclass


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


DPU = Device("dpu", "AMD DPU", accelerator=True)
