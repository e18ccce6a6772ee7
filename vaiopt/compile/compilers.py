"""The compilers there are. A new one is a row here and its file."""

from __future__ import annotations

from typing import Tuple

from vaiopt.compile.backend import Compiler
from vaiopt.compile.tflite.backend import TfliteCompiler
from vaiopt.compile.vitis.backend import VitisCompiler
from vaiopt.errors import CompileError
from vaiopt.hardware.target import Target

COMPILERS: Tuple[Compiler, ...] = (TfliteCompiler(), VitisCompiler())


def compiler_for(target: Target) -> Compiler:
    """Return the compiler that serves a target.

    Raises:
        CompileError: there is none.
    """
    for row in COMPILERS:
        if row.kind == target.kind:
            return row
    kinds = ", ".join(row.kind for row in COMPILERS)
    raise CompileError(
        f"there is no compiler for target '{target.name}', which is of the kind '{target.kind}'",
        f"Choose a target of one of the kinds: {kinds}.",
    )
