"""The stage ``measure``: run a bundle's own scripts, here or on a kit, and keep what they
report.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

from vaiopt.deploy.local import run_local
from vaiopt.deploy.result import read_result
from vaiopt.errors import BoardError, RunError
from vaiopt.files import PathLike, read_json, write_json
from vaiopt.hardware.targets import load_target
from vaiopt.runs.layout import Run
from vaiopt.runs.lineage import file_sha256
from vaiopt.text import Progress, silent

FOREIGN = frozenset(["vaiopt", "tensorflow", "tf_keras", "keras", "torch", "jax"])
"""Modules that must not be loaded where a bundle is measured: it is to run on a kit that has none
of them.
"""


@dataclass(frozen=True)
class MeasureResult:
    """What was measured.

    Attributes:
        target: name of the target.
        host: where: ``local`` or the board.
        path: ``measured/<target>.json`` of the run; ``measured/cpu@<host>.json`` for the CPU of a
            kit.
        record: its content.
    """

    target: str
    host: str
    path: Path
    record: Dict[str, Any]

    def to_json(self) -> Dict[str, Any]:
        """Return the record, with its path."""
        return {**self.record, "path": str(self.path)}


def measure(
    run: Run,
    target: str,
    host: str = "local",
    *,
    threads: int = 2,
    repeat: int = 0,
    ssh_config: Optional[PathLike] = None,
    progress: Progress = silent,
) -> MeasureResult:
    """Run the bundle of a target and write ``measured/<target>.json``.

    Args:
        run: with a bundle for the target.
        target: as given to ``compile``.
        host: ``local``: a separate Python process here; else a board for ``ssh`` and ``scp``, such
            as ``root@192.168.1.10``.
        threads: for the throughput measurement.
        repeat: how often the samples are gone over for throughput; 0: for about a second.
        ssh_config: configuration file for ``ssh`` and ``scp`` instead of the user's own.
        progress: told one line at a time, the bundle's own messages included.

    Raises:
        RunError: there is no bundle for this target, or it was changed.
        BoardError: the scripts report an error, or the board cannot be reached.
        MissingToolError: no ``ssh`` or ``scp`` is installed here.
    """
    name = load_target(target).name
    folder = run.bundle(name)
    manifest = check_bundle(folder, f"vaiopt bundle {run.folder} --target {target}")
    arguments = [
        manifest["model"]["file"],
        "--data",
        manifest["samples"]["file"],
        "--threads",
        str(threads),
    ]
    if repeat:
        arguments += ["--batch-repeat", str(repeat)]
    if host == "local":
        text = run_local(folder, manifest["entry"], arguments, progress)
    else:
        from vaiopt.deploy.remote import run_remote

        text = run_remote(
            folder,
            sorted([*manifest["files"], "manifest.json"]),
            manifest["entry"],
            arguments,
            host,
            ssh_config,
            progress,
        )
    result = read_result(text)
    if result["model"]["sha256"] != manifest["model"]["sha256"]:
        raise BoardError("the result is of another model than the bundle's", "Measure again.")
    loaded = sorted(FOREIGN.intersection(result.get("modules", [])))
    if loaded:
        raise BoardError(
            "the measurement loaded {}".format(", ".join(loaded)),
            "Install a TFLite interpreter: pip install ai-edge-litert",
        )
    record = {key: value for key, value in result.items() if key not in ("version", "modules")}
    record.update(
        {
            "target": name,
            "host": host,
            "measured": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "expected": manifest["expected"],
        }
    )
    path = run.measured(measured_name(name, host))
    write_json(path, record)
    return MeasureResult(name, host, path, record)


def measured_name(target: str, host: str) -> str:
    """Return the name of a measurement's file: the target, and for a CPU elsewhere (a kit's ARM
    cores) also the host.
    """
    if target != "cpu" or host == "local":
        return target
    return "cpu@{}".format(re.sub(r"[^A-Za-z0-9_.-]+", "-", host.rpartition("@")[2]).strip("-."))


def check_bundle(folder: Path, command: str) -> Dict[str, Any]:
    """Return the manifest of a bundle whose files are all there and unchanged.

    Raises:
        RunError: a file is missing or changed.
    """
    manifest = read_json(folder / "manifest.json", command)
    wrong: List[str] = []
    for name, digest in manifest["files"].items():
        path = folder / name
        if not path.is_file() or file_sha256(path) != digest:
            wrong.append(name)
    if wrong:
        raise RunError(
            "the bundle '{}' was changed: {}".format(folder, ", ".join(wrong)),
            f"Make it again with: {command}",
        )
    return manifest
