"""From the int8 model to a file that a target executes: ``.tflite`` for the CPU, ``.xmodel`` for a
DPU.
"""

from vaiopt.compile.stage import CompileResult, compile_candidate

__all__ = ["CompileResult", "compile_candidate"]
