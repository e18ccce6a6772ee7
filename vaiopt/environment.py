"""What is installed here: the facts behind ``vaiopt doctor`` and the choice of backends."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

from vaiopt._version import __version__
from vaiopt.releases import release_of_tensorflow
from vaiopt.text import printable

PACKAGES = (
    "numpy tensorflow tensorflow-cpu tf_keras tensorflow-model-optimization vai-q-tensorflow2"
    " scikit-optimize scikit-learn optuna h5py protobuf plotly typer pebble ai-edge-litert"
    " tflite-runtime dask distributed"
).split()
"""Distributions whose versions are recorded in every run."""


VITIS_COMPILER = "vai_c_tensorflow2"
"""The vendor's program that compiles for a DPU."""


def installed_versions() -> Dict[str, str]:
    """Return the installed versions of the packages that matter, without importing any."""
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


def tensorflow_version() -> str:
    """Return the version of TensorFlow that is installed, under either name; empty if none is."""
    found = installed_versions()
    return found.get("tensorflow") or found.get("tensorflow-cpu") or ""


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


def vitis_compiler() -> Optional[str]:
    """Return the path of the vendor's compiler for DPUs; None outside a Vitis-AI container."""
    return shutil.which(VITIS_COMPILER)


def container_release() -> Optional[str]:
    """Return the Vitis-AI release of this container, such as ``3.0``; None outside one."""
    prefix = os.environ.get("CONDA_DEFAULT_ENV", "")
    if prefix != "vitis-ai-tensorflow2" and not Path("/opt/vitis_ai").is_dir():
        return None
    return release_of_tensorflow(installed_versions().get("tensorflow", ""))


def git_commit(folder: Optional[Path] = None) -> str:
    """Return the commit of the caller's checkout, with ``+`` if it has changes; else empty."""
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
        "command": printable(" ".join(["vaiopt", *sys.argv[1:]])) if sys.argv else "",
        "git_commit": git_commit(),
        "platform": platform.platform(),
        "cores": cores(),
        "versions": installed_versions(),
    }


@dataclass(frozen=True)
class Availability:
    """Whether something can be used here.

    Attributes:
        ready: whether it can.
        uses: what it would use, or what is missing.
        hint: what to do if it cannot.
    """

    ready: bool
    uses: str
    hint: str = ""
