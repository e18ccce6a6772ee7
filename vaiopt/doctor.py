"""What each stage could use here, asked of the quantizers and compilers there are."""

from __future__ import annotations

import ctypes.util
from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Optional, Tuple

from vaiopt.compile.compilers import COMPILERS
from vaiopt.environment import Availability, container_release, has_module, installed_versions
from vaiopt.gpus import visible_gpus
from vaiopt.quantize.quantizers import QUANTIZERS

INTERPRETERS = ("ai_edge_litert", "tflite_runtime")
"""Modules with a TFLite interpreter, the preferred one first."""


@dataclass(frozen=True)
class StageReport:
    """Whether one stage can run here.

    Attributes:
        stage: its name.
        ready: whether it can run.
        uses: what it would use.
        hint: what to do if it cannot, or what else it could use.
    """

    stage: str
    ready: bool
    uses: str
    hint: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """What ``vaiopt doctor`` tells: versions, where this runs, and each stage."""

    versions: Dict[str, str]
    container: Optional[str]
    stages: List[StageReport]

    def to_json(self) -> Dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)


def diagnose() -> Diagnosis:
    """Say what each stage could use here, importing nothing heavy."""
    versions = installed_versions()
    found = {"search": _search(versions), "GPUs": _gpus(), "quantize": _quantize()}
    found.update((f"compile ({row.device})", row.available()) for row in COMPILERS)
    found.update({"measure": _measure(), "report": _report()})
    stages = [StageReport(stage, a.ready, a.uses, a.hint) for stage, a in found.items()]
    return Diagnosis(versions, container_release(), stages)


def _search(versions: Dict[str, str]) -> Availability:
    tensorflow = versions.get("tensorflow") or versions.get("tensorflow-cpu")
    if not has_module("tensorflow"):
        return Availability(False, "TensorFlow is not installed", "pip install 'vaiopt[host]'")
    if _minor(tensorflow or "0.0") >= (2, 16) and not has_module("tf_keras"):
        return Availability(False, "tf_keras is not installed", "pip install 'vaiopt[host]'")
    if not has_module("skopt"):
        return Availability(False, "scikit-optimize is not installed", "pip install vaiopt")
    skopt = versions.get("scikit-optimize", "?")
    return Availability(True, f"TensorFlow {tensorflow or '?'}, scikit-optimize {skopt}")


CUDA_PACKAGES = ("nvidia.cudnn", "nvidia.cublas")
"""Modules of the libraries that ``pip install 'tensorflow[and-cuda]'`` brings."""


def _gpus() -> Availability:
    """Return the GPUs that trainings could use; none are needed."""
    found = visible_gpus()
    if not found:
        return Availability(True, "none: trainings use the CPU")
    told = ", ".join(f"{gpu.number}: {gpu.model}" if gpu.model else gpu.number for gpu in found)
    if all(map(has_module, CUDA_PACKAGES)) or ctypes.util.find_library("cudnn"):
        return Availability(True, told)
    hint = "TensorFlow needs CUDA libraries for them: pip install 'tensorflow[and-cuda]'"
    return Availability(True, told, hint)


def _minor(version: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def _quantize() -> Availability:
    """Return the quantizer that ``auto`` would take, with what would give a preferred one."""
    hints: List[str] = []
    for row in QUANTIZERS:
        found = row.available()
        if found.ready:
            return Availability(True, f"{row.name}: {found.uses}", "; ".join(hints))
        hints.append(found.hint)
    missing = " nor ".join(row.package for row in QUANTIZERS)
    return Availability(False, f"neither {missing}", hints[-1])


def _measure() -> Availability:
    if has_module("vart") and has_module("xir"):
        return Availability(True, "xir and vart: this is a kit, or has its runtime")
    interpreter = next((name for name in INTERPRETERS if has_module(name)), None)
    kit = "a kit: --host root@BOARD"
    if interpreter:
        return Availability(True, f"local: {interpreter} (target cpu)", kit)
    hint = f"pip install 'vaiopt[host]', or measure on {kit}"
    return Availability(False, "no TFLite interpreter", hint)


def _report() -> Availability:
    if has_module("plotly"):
        return Availability(True, "plotly")
    return Availability(False, "no plotly", "pip install vaiopt")
