"""What the board says of itself: the fingerprint of its DPU and the versions of its tools."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import Any, Dict, List, Optional

from kit_errors import KitError

QUERY_SECONDS = 60


def query_board() -> Dict[str, Any]:
    """Return ``{"source", "fingerprints", "dpu", "frequency_mhz", "versions"}`` from ``xdputil
    query`` or ``show_dpu``.

    Where neither is installed or answers, ``fingerprints`` is empty: then nothing is known, and the
    runtime itself decides.
    """
    for command, parse in ((["xdputil", "query"], _parse_xdputil), (["show_dpu"], _parse_show_dpu)):
        text = _output_of(command)
        found = parse(text) if text else None
        if found:
            found["source"] = " ".join(command)
            return found
    return {"source": "", "fingerprints": [], "dpu": "", "frequency_mhz": None, "versions": {}}


def check_fingerprint(model: int, path: str) -> Dict[str, Any]:
    """Return :func:`query_board` if the board's DPU is the one that the model was compiled for.

    Fingerprint 0 of a board means not known, and ``XLNX_ENABLE_FINGERPRINT_CHECK=0`` turns the
    check off, as in the runtime; ``fingerprint_check`` of the answer says so.

    Raises:
        KitError: the fingerprints differ. The runtime would abort at the first execution.
    """
    board = query_board()
    known = [value for value in board["fingerprints"] if value]
    board["fingerprints"] = [hex(value) for value in board["fingerprints"]]
    board["fingerprint_check"] = os.environ.get("XLNX_ENABLE_FINGERPRINT_CHECK", "1") != "0"
    if known and model not in known and board["fingerprint_check"]:
        found = ", ".join(hex(value) for value in known)
        raise KitError(
            f"'{path}' was compiled for fingerprint {hex(model)}, this board's DPU has {found}",
            "Compile with the release of the board image, or with"
            f' {{"fingerprint": "{hex(known[0])}"}} as arch.json:'
            " vaiopt compile RUN --target arch.json",
        )
    return board


def release_of(version: str) -> str:
    """Return the Vitis-AI release in a version of the runtime, such as ``3.0``; empty: unknown."""
    found = re.search(r"\b(\d+\.\d+)\.\d+", version)
    return "" if found is None else found.group(1)


def _output_of(command: List[str]) -> str:
    program = shutil.which(command[0])
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program] + command[1:],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=QUERY_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace")


def _parse_xdputil(text: str) -> Optional[Dict[str, Any]]:
    try:
        content = json.loads(text[text.index("{") : text.rindex("}") + 1])
    except ValueError:
        return None
    kernels = content.get("kernels") if isinstance(content, dict) else None
    if not isinstance(kernels, list):
        return None
    kernels = [kernel for kernel in kernels if isinstance(kernel, dict)]
    fingerprints = [
        value
        for value in (_hex(kernel.get("fingerprint")) for kernel in kernels)
        if value is not None
    ]
    versions = content.get("VAI Version")
    first = kernels[0] if kernels else {}
    return {
        "fingerprints": fingerprints,
        "dpu": str(first.get("DPU Arch", "")),
        "frequency_mhz": first.get("DPU Frequency (MHz)"),
        "versions": (
            {str(k): str(v) for k, v in versions.items()} if isinstance(versions, dict) else {}
        ),
    }


def _parse_show_dpu(text: str) -> Optional[Dict[str, Any]]:
    fingerprints = [
        int(value, 16) for value in re.findall(r"fingerprint\s*=\s*(0x[0-9a-fA-F]+)", text)
    ]
    return (
        {"fingerprints": fingerprints, "dpu": "", "frequency_mhz": None, "versions": {}}
        if fingerprints
        else None
    )


def _hex(value: Any) -> Optional[int]:
    try:
        return int(value, 16) if isinstance(value, str) else None
    except ValueError:
        return None
