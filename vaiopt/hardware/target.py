"""A target: a DPU architecture on a board, its clock and cores, its release and its latency constants."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional

from vaiopt.hardware.architectures import (
    Architecture,
)
from vaiopt.hardware.fits import Fit


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
