"""What is installed here, and what each stage could use: the facts behind ``vaiopt doctor`` and the
automatic choice of backends.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from vaiopt._version import __version__
from vaiopt.releases import release_of_tensorflow

PACKAGES = (
    "numpy",
    "tensorflow",
    "tensorflow-cpu",
    "tf_keras",
    "tensorflow-model-optimization",
    "vai-q-tensorflow2",
    "scikit-optimize",
    "scikit-learn",
    "optuna",
    "h5py",
    "protobuf",
    "plotly",
    "typer",
    "pebble",
    "ai-edge-litert",
    "tflite-runtime",
    "dask",
    "distributed",
)
"""Distributions whose versions are recorded in every run."""


def installed_versions() -> Dict[str, str]:
    """Return the versions of the packages that matter, of those installed, without importing
    any.
    """
    try:
        from importlib.metadata import PackageNotFoundError, version
    except ImportError:  # Python 3.7
        from importlib_metadata import PackageNotFoundError, version  # type: ignore[no-redef]
    found = {"vaiopt": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def has_module(name: str) -> bool:
    """Return whether a module could be imported, without importing it (its parents are)."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def has_vitis_quantizer() -> bool:
    """Return whether ``vai_q_tensorflow2`` is installed. It comes under the name of
    tensorflow-model-optimization, so its files are looked for.
    """
    spec = (
        importlib.util.find_spec("tensorflow_model_optimization")
        if has_module("tensorflow_model_optimization")
        else None
    )
    locations = list(spec.submodule_search_locations or []) if spec else []
    return any(
        (Path(place) / "python" / "core" / "quantization" / "keras" / "vitis").is_dir()
        for place in locations
    )


def has_tfmot() -> bool:
    """Return whether the real tensorflow-model-optimization is installed (not the vendor's package
    of the same name).
    """
    return has_module("tensorflow_model_optimization") and not has_vitis_quantizer()


def tflite_interpreter() -> Optional[str]:
    """Return the module of an installed TFLite interpreter package, or None."""
    return next((name for name in ("ai_edge_litert", "tflite_runtime") if has_module(name)), None)


def vitis_compiler() -> Optional[str]:
    """Return the path of ``vai_c_tensorflow2``, or None."""
    return shutil.which("vai_c_tensorflow2")


def container_release() -> Optional[str]:
    """Return the Vitis-AI release of the container this runs in, such as ``3.0``; None outside
    one.
    """
    prefix = os.environ.get("CONDA_DEFAULT_ENV", "")
    if prefix != "vitis-ai-tensorflow2" and not Path("/opt/vitis_ai").is_dir():
        return None
    return release_of_tensorflow(installed_versions().get("tensorflow", ""))


def git_commit(folder: Optional[Path] = None) -> str:
    """Return the commit of the caller's git checkout, with ``+`` if it has changes; empty outside
    one.
    """
    try:
        commit = _git(["rev-parse", "--short=12", "HEAD"], folder)
        changed = _git(["status", "--porcelain"], folder) if commit else ""
    except (OSError, subprocess.SubprocessError):
        return ""
    return commit + ("+" if changed else "")


def _git(words: Sequence[str], folder: Optional[Path]) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=str(folder or Path.cwd()),
        timeout=5,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return done.stdout.decode("utf-8", "replace").strip()


def cores() -> int:
    """Return how many cores this process may use, which in a container or under ``taskset`` can be
    fewer than the machine has.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def describe() -> Dict[str, Any]:
    """Return what a run records of where it was made."""
    return {
        "command": " ".join(["vaiopt", *sys.argv[1:]]) if sys.argv else "",
        "git_commit": git_commit(),
        "platform": platform.platform(),
        "cores": cores(),
        "versions": installed_versions(),
    }


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
    """Look at what is installed, importing nothing heavy, and say what each stage could use
    here.
    """
    versions = installed_versions()
    return Diagnosis(
        versions,
        container_release(),
        [_search(versions), _quantize(), *_compile(), _measure(), _report()],
    )


def _search(versions: Dict[str, str]) -> StageReport:
    has_tensorflow = has_module("tensorflow")
    needs_legacy = has_tensorflow and _minor(versions) >= (2, 16) and not has_module("tf_keras")
    if not has_tensorflow or needs_legacy:
        missing = "tf_keras" if needs_legacy else "TensorFlow"
        return StageReport(
            "search", False, f"{missing} is not installed", "pip install 'vaiopt[host]'"
        )
    if not has_module("skopt"):
        return StageReport(
            "search", False, "scikit-optimize is not installed", "pip install vaiopt"
        )
    name = "TensorFlow {}".format(versions.get("tensorflow") or versions.get("tensorflow-cpu", "?"))
    return StageReport(
        "search", True, "{}, scikit-optimize {}".format(name, versions.get("scikit-optimize", "?"))
    )


def _minor(versions: Dict[str, str]) -> Any:
    text = versions.get("tensorflow") or versions.get("tensorflow-cpu") or "0.0"
    return tuple(int(part) for part in text.split(".")[:2])


def _quantize() -> StageReport:
    if has_vitis_quantizer():
        return StageReport("quantize", True, "vitis: vai_q_tensorflow2")
    if has_tfmot():
        return StageReport(
            "quantize",
            True,
            "tfmot: tensorflow-model-optimization",
            "vai_q_tensorflow2 comes with the Vitis-AI container",
        )
    return StageReport(
        "quantize",
        False,
        "neither vai_q_tensorflow2 nor tensorflow-model-optimization",
        "pip install 'vaiopt[host]'",
    )


def _compile() -> List[StageReport]:
    compiler = vitis_compiler()
    vitis = StageReport(
        "compile (DPU)",
        compiler is not None,
        compiler or "no vai_c_tensorflow2",
        "" if compiler else "run it in the container: docker/run",
    )
    has_tensorflow = has_module("tensorflow")
    cpu = StageReport(
        "compile (cpu)",
        has_tensorflow,
        "TensorFlow's TFLite converter" if has_tensorflow else "no TensorFlow",
    )
    return [cpu, vitis]


def _measure() -> StageReport:
    if has_module("vart") and has_module("xir"):
        return StageReport("measure", True, "xir and vart: this is a kit, or has its runtime")
    interpreter = tflite_interpreter()
    if interpreter:
        return StageReport(
            "measure", True, f"local: {interpreter} (target cpu)", "a kit: --host root@BOARD"
        )
    return StageReport(
        "measure",
        False,
        "no TFLite interpreter",
        "pip install 'vaiopt[host]', or measure on a kit: --host root@BOARD",
    )


def _report() -> StageReport:
    ready = has_module("plotly")
    return StageReport(
        "report", ready, "plotly" if ready else "no plotly", "" if ready else "pip install vaiopt"
    )
