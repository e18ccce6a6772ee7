"""The stage ``compile``: which backend makes which target's file, and the record that later stages
read.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict

from vaiopt.environment import installed_versions
from vaiopt.errors import CompileError
from vaiopt.files import atomic_folder, read_arrays, read_json, require, write_json
from vaiopt.hardware.target import Target
from vaiopt.hardware.targets import load_target
from vaiopt.int8.golden import GOLDEN_ARRAYS
from vaiopt.runs.layout import Run
from vaiopt.runs.lineage import file_sha256
from vaiopt.text import Progress, silent

RECORD = "compile.json"


@dataclass(frozen=True)
class CompileResult:
    """What was compiled.

    Attributes:
        target: name of the target; also of its folder.
        backend: ``tflite`` or ``vitis``.
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
    folder = run.compiled(found.name)
    started = time.perf_counter()
    with atomic_folder(folder) as temporary:
        if found.kind == "cpu":
            record = _compile_tflite(run, temporary, progress)
        else:
            from vaiopt.compile.vitis.backend import compile_xmodel

            record = compile_xmodel(run, found, target, temporary, progress)
        record["source_sha256"] = file_sha256(run.quantized_model)
        record = _finish(record, found, temporary, time.perf_counter() - started)
    return CompileResult(found.name, record["backend"], folder, folder / record["file"], record)


def _finish(record: Dict[str, Any], target: Target, folder: Path, seconds: float) -> Dict[str, Any]:
    model = folder / record["file"]
    record = {
        "target": target.name,
        "release": target.release,
        **record,
        "sha256": file_sha256(model),
        "bytes": model.stat().st_size,
        "seconds": seconds,
        "versions": installed_versions(),
    }
    write_json(folder / RECORD, record)
    return record


def _compile_tflite(run: Run, folder: Path, progress: Progress) -> Dict[str, Any]:
    from vaiopt.compile.tflite.backend import compare_outputs, compile_model, run_tflite
    from vaiopt.int8.model import load_quantized
    from vaiopt.int8.program import tensor_json

    progress("writing an int8 .tflite")
    model = load_quantized(run.quantized_model)
    program = compile_model(model, folder / "model.tflite")
    golden: Dict[str, Any] = {"compared": False, "reason": "the run has no golden outputs"}
    if run.golden.exists():
        progress("comparing it with the int8 Keras model on the golden inputs")
        inputs, outputs = read_golden(run, program.input.position, program.output.position)
        golden = {
            "compared": True,
            **compare_outputs(run_tflite(folder / "model.tflite", inputs), outputs),
        }
    return {
        "backend": "tflite",
        "file": "model.tflite",
        "input": tensor_json(program.input.name, [1, *program.input.shape], program.input.position),
        "output": tensor_json(
            program.output.name, [1, *program.output.shape], program.output.position
        ),
        "threshold": program.threshold,
        "left_out": program.left_out,
        "operations": [
            {"kind": operation.kind, "layer": operation.name} for operation in program.operations
        ],
        "golden": golden,
    }


def read_golden(run: Run, input_position: int, output_position: int) -> Any:
    """Return int8 golden inputs and outputs of a run.

    Raises:
        CompileError: they are for other fix positions than the compiled model's.
        RunError: the file is damaged.
    """
    command = f"vaiopt quantize {run.folder}"
    golden = read_arrays(run.golden, GOLDEN_ARRAYS, command)
    positions = (int(golden["input_position"]), int(golden["output_position"]))
    if positions != (input_position, output_position):
        raise CompileError(
            f"the golden outputs are for fix positions {positions}, the compiled model has"
            f" {(input_position, output_position)}",
            f"Quantize again: {command}",
        )
    return golden["inputs"], golden["outputs"]


def read_compiled(run: Run, target: str) -> Dict[str, Any]:
    """Return ``compile.json`` of a target.

    Raises:
        RunError: it was not compiled for that target.
    """
    return read_json(
        run.compiled(target) / RECORD, f"vaiopt compile {run.folder} --target {target}"
    )
