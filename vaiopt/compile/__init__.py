"""From the int8 model to a file for a target: ``.tflite`` for a CPU, ``.xmodel`` for a DPU."""

from vaiopt.compile.stage import CompileResult, compile_run, read_compiled

__all__ = ["CompileResult", "compile_run", "read_compiled"]
