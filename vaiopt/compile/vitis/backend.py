"""Backend ``vitis``: an ``.xmodel`` for a DPU, by the vendor's ``vai_c_tensorflow2``."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import List

from vaiopt.compile.backend import Compiler, CompileRequest
from vaiopt.compile.record import Compiled
from vaiopt.compile.vitis.xmodel import examine, read_xmodel, threshold
from vaiopt.environment import (
    VITIS_COMPILER,
    Availability,
    container_release,
    vitis_compiler,
)
from vaiopt.errors import CompileError, MissingToolError, TargetError
from vaiopt.hardware.architectures import Architecture, decode_fingerprint, older_fingerprints
from vaiopt.hardware.target import Target
from vaiopt.json_text import parse_json
from vaiopt.network.file import layer_entries
from vaiopt.network.loadable import check_model_file
from vaiopt.process import follow
from vaiopt.reading import LARGEST_WRITTEN, read_bytes, read_text
from vaiopt.releases import RELEASES
from vaiopt.runs.commands import command_line, in_container, in_vendor_container
from vaiopt.runs.records import OutputTensor

PROGRAM = VITIS_COMPILER
MODEL = "model.xmodel"
LOG = "compile.log"

VENDOR_S = ("--set", "quantize.backend=vitis")

WHY = re.compile(r"\[FATAL\]|\[ERROR\]|Error: |Exception: |error:", re.IGNORECASE)
"""Lines that say why the compiler failed."""

WORTH_TELLING = re.compile(
    r"\[UNILOG\]|\[INFO\] (tensorflow2 model|generate|dump)|WARN|ERROR|FATAL|Error|Traceback"
)
"""Lines of the compiler that a person wants to see; all of them are in the log."""


class VitisCompiler(Compiler):
    """The vendor's compiler, in its container."""

    name = "vitis"
    doc = "the vendor's vai_c_tensorflow2, in a Vitis-AI container"
    kind = "dpu"
    device = "DPU"

    def available(self) -> Availability:
        """Tell whether the vendor's program is on the PATH."""
        found = vitis_compiler()
        if found:
            return Availability(True, found)
        return Availability(False, f"no {PROGRAM}", "run it in the container: docker/run")

    def compile(self, request: CompileRequest) -> Compiled:
        """Write ``model.xmodel``, the log and what else the compiler writes, and read it back."""
        target, progress = request.target, request.progress
        again = command_line("compile", request.run, "--target", request.given)
        again = in_container(again, target.release)
        _check_quantizer(request)
        program = vitis_compiler()
        if program is None:
            raise MissingToolError(
                f"{PROGRAM}, the compiler for '{target.name}', is not installed here",
                f"It comes with the Vitis-AI container: {again}",
            )
        arch = find_arch(target, request.given, request.folder)
        progress(f"compiling for {target.name} with {arch}")
        lines = _run_compiler(program, arch, request)
        content = read_xmodel(request.folder / MODEL, lines)
        fingerprint = arch_fingerprint(arch) or target.fingerprint
        ends, found = examine(content, request, fingerprint)
        release, warnings = container_release() or target.release, list(found.warnings)
        if release != target.release:
            warnings.append(
                f"compiled with release {release}, but hardware.release is {target.release}: the"
                f" board image must be of {release}"
            )
        for warning in warnings:
            progress(f"WARNING: {warning}")
        more = {
            **found.to_json(),
            "warnings": warnings,
            "compiler": program,
            "arch": str(arch) if arch.parent != request.folder else arch.name,
            "log": LOG,
        }
        first, above = ends.outputs[0], threshold(content)
        made = Compiled(MODEL, ends.inputs[0], first, above, release=release, more=more)
        if len(ends.inputs) > 1:
            made = replace(made, inputs=ends.inputs)
        if len(ends.outputs) == 1:
            return made
        outputs = [
            OutputTensor(**vars(output), threshold=threshold(content, output.name))
            for output in ends.outputs
        ]
        return replace(made, outputs=tuple(outputs))


def _check_quantizer(request: CompileRequest) -> None:
    """Raise unless the vendor's quantizer wrote the model: its compiler reads no other."""
    layers = layer_entries(check_model_file(request.quantized_model))
    if not any(layer["class_name"].startswith("Vitis>") for layer in layers):
        raise CompileError(
            f"'{request.quantized_model}' was not made by the vendor's quantizer, and {PROGRAM}"
            " reads no other",
            "Quantize it again in the container: "
            + in_vendor_container(
                request.run, request.target.release, *VENDOR_S, "--target", request.given
            ),
        )


def arch_folders() -> List[Path]:
    """Return where the container keeps ``<DPU>/<BOARD>/arch.json``."""
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
    known = (target.release, architecture.name) in older_fingerprints()
    if not (known or RELEASES[target.release].fingerprints):
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
        return architecture.name in read_bytes(path, LARGEST_WRITTEN).decode("utf-8", "replace")
    try:
        found = decode_fingerprint(fingerprint, str(path))
    except TargetError:
        return False
    return (found.family, found.size) == (architecture.family, architecture.size)


def arch_fingerprint(path: Path) -> str:
    """Return the fingerprint of an ``arch.json`` in lower-case hex; empty if there is none."""
    try:
        content = parse_json(read_text(path, LARGEST_WRITTEN))
        return hex(int(str(content["fingerprint"]), 16))
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _run_compiler(program: str, arch: Path, request: CompileRequest) -> List[str]:
    """Run the compiler, pass on the lines that matter, keep all of them in the log, and return
    them.

    Raises:
        CompileError: it fails, or says nothing of it and writes no model (it does both).
    """
    folder, model = request.folder, request.folder / MODEL
    options = {"-m": request.quantized_model.resolve(), "-a": arch, "-o": folder, "-n": model.stem}
    command = [program, *(str(word) for pair in options.items() for word in pair)]

    def tell(line: str) -> None:
        if WORTH_TELLING.search(line):
            request.progress("  " + line)

    code, lines = follow(command, on_line=tell, log=folder / LOG)
    if code != 0 or not model.is_file() or model.stat().st_size == 0:
        shutil.copyfile(str(folder / LOG), str(request.failed_log))
        raise CompileError(
            f"{PROGRAM} failed: {reason(lines, code)}",
            f"All it said is in '{request.failed_log}'.",
        )
    if request.failed_log.exists():
        request.failed_log.unlink()
    return lines


def reason(lines: List[str], code: int) -> str:
    """Return the line that says why the compiler failed."""
    telling = [line for line in lines if WHY.search(line)]
    if telling:
        return telling[-1].strip()[:300]
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return last[:300] or f"exit code {code}, no message"
