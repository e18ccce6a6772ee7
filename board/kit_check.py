#!/usr/bin/env python3
"""What this kit has for a measurement, as one line of JSON. No model is run."""

from __future__ import annotations

import glob
import importlib.util
import json
import os
import platform
import shutil
from typing import Any, Dict, List

from kit_board import query_board, release_of
from kit_busy import waiting_share
from kit_errors import one_line
from kit_jobs import jobs
from kit_places import PLACES

VERSION = 1

DEVICES = ("/dev/dri/renderD*", "/dev/dpu*", "/dev/zocl*", "/dev/xclmgmt*")
SENSORS = ("/sys/class/hwmon/hwmon*/power*_input",)

INTERPRETERS = ("ai_edge_litert", "tflite_runtime")


def found() -> Dict[str, Any]:
    """Return what this kit has."""
    board = query_board()
    board["fingerprints"] = [hex(value) for value in board["fingerprints"]]
    version = str(board.get("versions", {}).get("libvart-runner.so", ""))
    return {
        "version": VERSION,
        "system": one_line(f"{platform.node()} {platform.machine()} {platform.release()}"),
        "python": platform.python_version(),
        "numpy": _where("numpy"),
        "xir": _where("xir"),
        "vart": _where("vart"),
        "elsewhere": sorted({os.path.dirname(path) for path in _elsewhere()}),
        "interpreter": next((name for name in INTERPRETERS if _where(name)), ""),
        "board": board,
        "release": release_of(version),
        "unchecked": os.environ.get("XLNX_ENABLE_FINGERPRINT_CHECK", "1") == "0",
        "devices": _files(DEVICES),
        "usable": all(os.access(path, os.R_OK | os.W_OK) for path in _files(DEVICES)),
        "users": _users(),
        "jobs": [job for job in jobs() if job["runs"]],
        "sensors": _files(SENSORS),
        "platformstats": bool(shutil.which("xmutil")),
        "waiting": waiting_share(),
        "free_bytes": shutil.disk_usage(".").free,
    }


def _where(name: str) -> str:
    """Return where a module lies, without importing it; empty: nowhere."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return ""
    return "" if spec is None else one_line(spec.origin or "built in")


def _elsewhere() -> List[str]:
    patterns = [f"{place}/{name}*.so" for place in PLACES for name in ("vart", "xir")]
    return _files(tuple(patterns))


def _files(patterns: Any) -> List[str]:
    return sorted({path for pattern in patterns for path in glob.glob(pattern)})


def _users() -> List[str]:
    """Return the other processes that hold a device of the DPU, as far as this user may see."""
    devices, users = set(_files(DEVICES)), []
    for folder in glob.glob("/proc/[0-9]*"):
        try:
            held = {os.readlink(link) for link in glob.glob(folder + "/fd/*")}
            with open(folder + "/comm", encoding="utf-8", errors="replace") as file:
                name = one_line(file.read())
        except OSError:
            continue
        if held & devices and os.path.basename(folder) != str(os.getpid()):
            users.append(f"{name} (process {os.path.basename(folder)})")
    return users


if __name__ == "__main__":
    print(json.dumps(found()))
