"""Backend ``tflite``: an int8 ``.tflite`` for the CPU of a workstation or of a kit."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Tuple

import numpy as np

from vaiopt._version import __version__
from vaiopt.compile.backend import Compiler, CompileRequest
from vaiopt.compile.record import Compiled
from vaiopt.compile.tflite.lower import to_tflite
from vaiopt.environment import Availability, has_module, tensorflow_version
from vaiopt.errors import CompileError
from vaiopt.int8.feed import taken_apart
from vaiopt.int8.golden import read_golden
from vaiopt.int8.model import load_quantized
from vaiopt.int8.program import Program
from vaiopt.int8.read_program import read_program
from vaiopt.keras import load_tensorflow, without_stderr
from vaiopt.runs.records import CompiledOperation, GoldenCheck, OutputTensor, Tensor

WITHOUT_SCHEMA = ("2.3.",)
"""Versions of TensorFlow that Vitis AI has and that are too old for this."""


class TfliteCompiler(Compiler):
    """TensorFlow Lite, for CPUs."""

    name = "tflite"
    doc = "an int8 .tflite with the DPU's arithmetic"
    kind = "cpu"
    device = "cpu"

    def available(self) -> Availability:
        """Tell whether a TensorFlow is installed that has the schema."""
        if not has_module("tensorflow"):
            return Availability(False, "no TensorFlow")
        version = tensorflow_version()
        if version.startswith(WITHOUT_SCHEMA):
            hint = "compile for it where TensorFlow is 2.4 or newer"
            return Availability(False, f"TensorFlow {version} cannot write .tflite files", hint)
        return Availability(True, "TensorFlow's TFLite converter")

    def compile(self, request: CompileRequest) -> Compiled:
        """Write ``model.tflite`` and compare it with the int8 Keras model."""
        request.progress("writing an int8 .tflite")
        path = request.folder / "model.tflite"
        program = compile_model(load_quantized(request.quantized_model), path)
        golden = None
        if request.golden.exists():
            request.progress("comparing it with the int8 Keras model on the golden inputs")
            inputs, outputs = _golden(request, program)
            golden = compare_outputs(run_tflite(path, inputs), outputs)
        ends = program.outputs
        sources = [Tensor.at(t.name, (1, *t.shape), t.position) for t in program.inputs]
        tensors = [
            OutputTensor(
                **vars(Tensor.at(end.tensor.name, (1, *end.tensor.shape), end.tensor.position)),
                threshold=end.threshold,
            )
            for end in ends
        ]
        target = program.output
        return Compiled(
            path.name,
            sources[0],
            Tensor.at(target.name, (1, *target.shape), target.position),
            threshold=program.threshold,
            left_out=list(program.left_out),
            operations=[CompiledOperation(o.kind, o.name) for o in program.operations],
            golden=golden,
            outputs=tuple(tensors) if len(tensors) > 1 else (),
            inputs=tuple(sources) if len(sources) > 1 else (),
        )


def _golden(request: CompileRequest, program: Program) -> Tuple[np.ndarray, np.ndarray]:
    """Return int8 golden inputs and outputs, of the fix positions that the program has."""
    golden = read_golden(request.golden, request.quantize_command)
    tensors = (*program.inputs, *(end.tensor for end in program.outputs))
    has = tuple(tensor.position for tensor in tensors)
    if golden.positions != has:
        raise CompileError(
            f"the golden outputs are for fix positions {golden.positions}, the compiled model has"
            f" {has}",
            f"Quantize again: {request.quantize_command}",
        )
    return golden.frames, golden.rows


def compile_model(model: Any, path: Path) -> Program:
    """Write the ``.tflite`` of a quantized Keras model to ``path`` and return the int8 program that
    is in it.

    Raises:
        CompileError: a layer has no integer counterpart; it is named.
    """
    program = read_program(model)
    path.write_bytes(to_tflite(program, f"vaiopt {__version__}"))
    return program


def run_tflite(path: Path, x: np.ndarray) -> np.ndarray:
    """Return the int8 outputs (N, …) of a ``.tflite`` for int8 inputs (N, …), by TensorFlow's own
    interpreter; of several inputs or outputs all their values in one row.

    Raises:
        CompileError: the interpreter refuses the file.
    """
    try:
        with without_stderr():  # it greets on stderr
            interpreter = _interpreter(path)
            interpreter.allocate_tensors()
        sources, targets = interpreter.get_input_details(), interpreter.get_output_details()
        shapes, rows = [tuple(source["shape"])[1:] for source in sources], []
        for place in range(len(x)):
            for source, part in zip(sources, taken_apart(x[place : place + 1], shapes)):
                interpreter.set_tensor(source["index"], part.reshape(source["shape"]))
            interpreter.invoke()
            found = [interpreter.get_tensor(target["index"])[0] for target in targets]
            row = found[0] if len(found) == 1 else np.concatenate([part.ravel() for part in found])
            rows.append(row)
    except (ValueError, RuntimeError) as error:
        raise CompileError(
            f"TensorFlow Lite refuses the compiled model ({error})",
            "Report this: it is a mistake of vaiopt.",
        ) from error
    return np.stack(rows)


def _interpreter(path: Path) -> Any:
    """Return TensorFlow's own interpreter, or that of the package that follows it."""
    lite = load_tensorflow().lite
    try:
        with warnings.catch_warnings():
            # Newer TensorFlow announces here that its interpreter moves to ai_edge_litert.
            warnings.simplefilter("ignore")
            return lite.Interpreter(model_path=str(path), num_threads=1)
    except AttributeError:
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter(model_path=str(path), num_threads=1)


def compare_outputs(actual: np.ndarray, expected: np.ndarray) -> GoldenCheck:
    """Return how two sets of int8 outputs (N, …) differ."""
    actual, expected = (a.reshape(len(a), -1).astype(np.int64) for a in (actual, expected))
    difference = np.abs(actual - expected)
    return GoldenCheck(
        samples=int(len(actual)),
        elements=int(actual.size),
        different=int((difference > 0).sum()),
        max_difference=int(difference.max(initial=0)),
        same_top1=int((_largest(actual) == _largest(expected)).sum()),
    )


def _largest(outputs: np.ndarray) -> np.ndarray:
    """Return the place of the largest value of each sample, int64 (n,)."""
    return np.asarray(outputs.reshape(len(outputs), -1).argmax(axis=1))
