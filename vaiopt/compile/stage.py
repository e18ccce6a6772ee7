"""The stage ``compile``: one file for a target, and the record that later stages read."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict

from vaiopt.compile.backend import compile_request
from vaiopt.compile.compilers import compiler_for
from vaiopt.environment import installed_versions
from vaiopt.files import atomic_folder, read_json, require, write_json
from vaiopt.hardware.targets import load_target
from vaiopt.runs.layout import Run
from vaiopt.runs.lineage import file_sha256
from vaiopt.text import Progress, silent

RECORD = "compile.json"


@dataclass(frozen=True)
class CompileResult:
    """What was compiled.

    Attributes:
        target: name of the target; also of its folder.
        backend: name of the compiler, such as ``tflite``.
        folder: ``compiled/<target>/`` of the run.
        file: path of the compiled model.
        record: content of ``compile.json``.
    """

    target: str
    backend: str
    folder: Path
    file: Path
    record: Dict[str, Any]

    def to_json(self) -> Dict[str, Any]:
        """Return the record, with ``file`` as a whole path."""
        return {**self.record, "file": str(self.file), "folder": str(self.folder)}


def compile_run(
    run: Run, settings: Any, target: str, *, progress: Progress = silent
) -> CompileResult:
    """Compile the int8 model of a run for a target, into ``compiled/<target>/``.

    Args:
        run: with a quantized model.
        settings: :class:`vaiopt.settings.Settings`; its ``hardware.release`` chooses the release of
            the target.
        target: ``cpu``, the name of a board, or the path of an ``arch.json``.
        progress: told one line at a time.

    Raises:
        RunError: the run has no quantized model.
        TargetError: there is no such target.
        CompileError: the model cannot be compiled; the layer is named.
        MissingToolError: the backend's tools are not installed here.
    """
    require(run.quantized_model, f"vaiopt quantize {run.folder}")
    found = load_target(target, settings.hardware.release)
    compiler, folder = compiler_for(found), run.compiled(found.name)
    started = time.perf_counter()
    with atomic_folder(folder) as temporary:
        made = compiler.compile(compile_request(run, found, target, temporary, progress))
        model = temporary / made.file
        record = {
            "target": found.name,
            "release": found.release,
            "backend": compiler.name,
            **made.to_json(),
            "source_sha256": file_sha256(run.quantized_model),
            "sha256": file_sha256(model),
            "bytes": model.stat().st_size,
            "seconds": time.perf_counter() - started,
            "versions": installed_versions(),
        }
        write_json(temporary / RECORD, record)
    return CompileResult(found.name, compiler.name, folder, folder / made.file, record)


def read_compiled(run: Run, target: str) -> Dict[str, Any]:
    """Return ``compile.json`` of a target.

    Raises:
        RunError: it was not compiled for that target.
    """
    return read_json(
        run.compiled(target) / RECORD, f"vaiopt compile {run.folder} --target {target}"
    )
