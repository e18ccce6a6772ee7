"""A target: a DPU architecture on a board, its clock and cores, its release and its latency
constants.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional

from vaiopt.hardware.architectures import Architecture, architectures, fingerprint_in
from vaiopt.hardware.device import Device
from vaiopt.hardware.fits import Fit


class TargetSummary(NamedTuple):
    """One line of ``vaiopt targets``."""

    name: str
    title: str
    architecture: str
    cores: int
    clock_mhz: float
    validated: bool
    validation: str

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        return dict(self._asdict())


class Target(NamedTuple):
    """Where a model is to run.

    Attributes:
        name: short, usable as a folder's name.
        architecture: of the DPU; None for a device that is no accelerator, and so is ``fit``.
        validated: True if the latency constants were fitted to published measurements of this
            board, architecture and release.
        validation: one sentence on what the prediction rests on.
        sources: where each part comes from.
    """

    name: str
    title: str
    device: Device
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
    def kind(self) -> str:
        """Name of the device's row: ``dpu`` or ``cpu``."""
        return self.device.name

    @property
    def fingerprint(self) -> str:
        """The DPU's fingerprint, in the form of an arch.json; empty for target cpu."""
        return "" if self.architecture is None else fingerprint_in(self.architecture, self.release)

    def extrapolated(self, what: str) -> Target:
        """Return the target as one without measurements of ``what``."""
        assert self.fit is not None and self.architecture is not None
        text = (
            f"extrapolated: no measurements of {what}; constants of {self.fit.board} with release"
            f" {self.fit.release}"
        )
        if self.architecture.family != architectures()[self.fit.architecture].family:
            text += ", which is another kind of DPU: errors of 60 % and more must be expected"
        return self._replace(validated=False, validation=text)

    def summary(self) -> TargetSummary:
        """Return the target as one line of a list."""
        runs = self.architecture.name if self.architecture else self.device.title
        named = (self.name, self.title, runs, self.cores, self.clock_mhz)
        return TargetSummary(*named, self.validated, self.validation)

    def to_json(self) -> Dict[str, Any]:
        """Return everything that is known of the target, for ``--json``."""
        names = ("name", "title", "kind", "board", "release", "cores", "clock_mhz", "validated")
        result: Dict[str, Any] = {name: getattr(self, name) for name in (*names, "validation")}
        result["sources"] = dict(self.sources)
        if self.architecture is not None:
            a = self.architecture
            batched = None if self.fit is None else self.fit.batched
            clock = self.clock_mhz if batched is None else batched.array_mhz
            peak = a.ops_per_cycle * clock * self.cores * a.batch / 1000.0
            result["architecture"] = {
                "name": a.name,
                "family": a.family,
                "fingerprint": self.fingerprint,
                "batch": a.batch,
                "pixel_parallel": a.pixel_parallel,
                "input_channel_parallel": a.icp,
                "output_channel_parallel": a.ocp,
                "operations_per_cycle": a.ops_per_cycle,
                "peak_gops": round(peak, 1),
                "retired": a.retired,
            }
        if self.fit is not None:
            fit = self.fit
            result["latency_model"] = {
                "fitted_on": {n: getattr(fit, n) for n in ("board", "release", "architecture")},
                **{part: getattr(fit, part)._asdict() for part in ("single", "dpu", "busy")},
                **({} if fit.batched is None else {"batched": fit.batched._asdict()}),
                "error": dict(fit.error),
            }
        return result
