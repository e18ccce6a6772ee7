"""From the int8 model to a file for a target: ``.tflite`` for a CPU, ``.xmodel`` for a DPU."""

from vaiopt.compile.stage import CompileResult, check_compile, compile_candidate

__all__ = ["CompileResult", "check_compile", "compile_candidate"]
