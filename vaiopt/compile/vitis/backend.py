"""Backend ``vitis``: the quantized model as an ``.xmodel`` for a DPU, by the vendor's
``vai_c_tensorflow2``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List

from vaiopt.compile.vitis.xmodel import examine, read_xmodel
from vaiopt.environment import container_release, vitis_compiler
from vaiopt.errors import CompileError, MissingToolError, TargetError
from vaiopt.hardware.architectures import Architecture, decode_fingerprint
from vaiopt.hardware.target import Target
from vaiopt.keras import read_model_config
from vaiopt.releases import RELEASES
from vaiopt.runs.layout import Run
from vaiopt.text import Progress

NAME = "model"
LOG = "compile.log"

WHY = re.compile(r"\[FATAL\]|\[ERROR\]|Error: |Exception: |error:", re.IGNORECASE)
"""Lines that say why the compiler failed."""

WORTH_TELLING = re.compile(
    r"\[UNILOG\]|\[INFO\] (tensorflow2 model|generate|dump)|WARN|ERROR|FATAL|Error|Traceback"
)
"""Lines of the compiler that a person wants to see; all of them are in the log."""


def compile_xmodel(
    run: Run, target: Target, given: str, folder: Path, progress: Progress
) -> Dict[str, Any]:
    """Compile the quantized model of a run for a DPU into ``folder`` and return the record.

    Args:
        run: with a quantized model, written by the vendor's quantizer.
        target: a DPU.
        given: what the user named it: a path is the user's own ``arch.json``.
        folder: receives ``model.xmodel``, the log and what else the compiler writes.
        progress: told what the compiler says.

    Raises:
        MissingToolError: the compiler is not installed here.
        CompileError: the model was not quantized for it, or the compiler refuses it.
        TargetError: there is no ``arch.json`` for the target.
    """
    compiler = vitis_compiler()
    if compiler is None:
        raise MissingToolError(
            f"vai_c_tensorflow2, the compiler for '{target.name}', is not installed here",
            f"It comes with the Vitis-AI container: docker/run vaiopt compile {run.folder} --target"
            f" {given}",
        )
    check_quantizer(run, given)
    arch = find_arch(target, given, folder)
    progress(f"compiling for {target.name} with {arch}")
    command = [
        compiler,
        "-m",
        str(run.quantized_model.resolve()),
        "-a",
        str(arch),
        "-o",
        str(folder),
        "-n",
        NAME,
    ]
    lines = run_compiler(command, folder, run.compiled(target.name + ".failed.log"), progress)
    content = read_xmodel(folder / (NAME + ".xmodel"), lines)
    record = examine(content, run, target, arch_fingerprint(arch))
    release = container_release() or target.release
    if release != target.release:
        record["warnings"].append(
            f"compiled with release {release}, but hardware.release is {target.release}: the board"
            f" image must be of {release}"
        )
    for warning in record["warnings"]:
        progress(f"WARNING: {warning}")
    return {
        "backend": "vitis",
        "release": release,
        "file": NAME + ".xmodel",
        **record,
        "compiler": compiler,
        "arch": str(arch) if arch.parent != folder else arch.name,
        "log": LOG,
    }


def check_quantizer(run: Run, given: str) -> None:
    """Raise unless the vendor's own quantizer wrote ``quantized.h5``: the compiler reads no
    other.
    """
    layers = read_model_config(run.quantized_model)["config"]
    names = [
        str(layer.get("class_name"))
        for layer in (layers["layers"] if isinstance(layers, dict) else layers)
    ]
    if not any(name.startswith("Vitis>") for name in names):
        raise CompileError(
            f"'{run.quantized_model}' was not made by the vendor's quantizer, and vai_c_tensorflow2"
            " reads no other",
            f"In the container: docker/run vaiopt quantize {run.folder} --set"
            f" quantize.backend=vitis, then docker/run vaiopt compile {run.folder} --target"
            f" {given}",
        )


def arch_folders() -> List[Path]:
    """Return where the container keeps its ``arch.json`` files:
    ``<folder>/<DPU>/<BOARD>/arch.json``.
    """
    roots = [os.environ.get("VAI_ROOT", ""), "/opt/vitis_ai"]
    return [Path(root) / "compiler" / "arch" for root in roots if root]


def find_arch(target: Target, given: str, folder: Path) -> Path:
    """Return the ``arch.json``: the user's, the container's for this board, or one written from the
    target's fingerprint.

    Raises:
        TargetError: the target has no fingerprint.
    """
    if given.lower().endswith(".json"):
        return Path(given).resolve()
    architecture = target.architecture
    if architecture is None or not target.fingerprint:
        raise TargetError(
            f"target '{target.name}' has no DPU fingerprint",
            "Give the path of the board's arch.json as the target.",
        )
    for place in arch_folders():
        for path in sorted(place.glob(f"{architecture.family}*/*/arch.json")):
            if path.parent.name.lower() == target.board.lower() and _is_of(path, architecture):
                return path
    if not RELEASES[target.release].fingerprints:
        raise TargetError(
            f"there is no arch.json for '{target.name}' in this container, and its fingerprint in"
            f" release {target.release} is not known",
            'Take it from the board (\'xdputil query\'), write {"fingerprint": "0x..."} into'
            " arch.json and give that file as the target.",
        )
    path = folder / "arch.json"
    path.write_text(json.dumps({"fingerprint": target.fingerprint}) + "\n", encoding="utf-8")
    return path


def _is_of(path: Path, architecture: Architecture) -> bool:
    """Tell whether a container's ``arch.json`` is for an architecture: its fingerprint may differ
    from release to release, its size not.
    """
    fingerprint = arch_fingerprint(path)
    if not fingerprint:
        return architecture.name in path.read_text(encoding="utf-8", errors="replace")
    try:
        found = decode_fingerprint(fingerprint, str(path))
    except TargetError:
        return False
    return (found.family, found.size) == (architecture.family, architecture.size)


def arch_fingerprint(path: Path) -> str:
    """Return the fingerprint in an ``arch.json`` as lower-case hex; empty if it names a target
    instead, or is unreadable.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return hex(int(str(content["fingerprint"]), 16))
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def run_compiler(
    command: List[str], folder: Path, failed_log: Path, progress: Progress
) -> List[str]:
    """Run the compiler, pass on what it says, keep all of it in the log, and return its lines.

    Args:
        command: with its arguments.
        folder: that it writes to.
        failed_log: where the log goes if it fails, since the folder is then removed.
        progress: told the lines that matter.

    Raises:
        CompileError: it fails, or says nothing of it and writes no model (it does both).
    """
    lines: List[str] = []
    with open(str(folder / LOG), "w", encoding="utf-8") as log:
        log.write("$ {}\n".format(" ".join(command)))
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            assert child.stdout is not None
            for raw in child.stdout:
                # Progress bars overwrite their line: only the last state is kept.
                line = raw.decode("utf-8", "replace").rstrip().rpartition("\r")[2]
                lines.append(line)
                log.write(line + "\n")
                if WORTH_TELLING.search(line):
                    progress("  " + line)
            code = child.wait()
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
            if child.stdout is not None:
                child.stdout.close()
    model = folder / (NAME + ".xmodel")
    if code != 0 or not model.is_file() or model.stat().st_size == 0:
        shutil.copyfile(str(folder / LOG), str(failed_log))
        raise CompileError(
            f"vai_c_tensorflow2 failed: {reason(lines, code)}", f"All it said is in '{failed_log}'."
        )
    if failed_log.exists():
        failed_log.unlink()
    return lines


def reason(lines: List[str], code: int) -> str:
    """Return the line that says why the compiler failed."""
    telling = [line for line in lines if WHY.search(line)]
    if telling:
        return telling[-1].strip()[:300]
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return last[:300] or f"exit code {code}, no message"
