"""What every compiler is: a name, a kind of target that it serves, what it is asked and makes.

The compilers themselves are the rows of :mod:`vaiopt.compile.compilers`.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from pathlib import Path

from vaiopt.compile.record import Compiled
from vaiopt.environment import Availability
from vaiopt.hardware.target import Target
from vaiopt.text import Progress, silent


@dataclass(frozen=True)
class CompileRequest:
    """What a compiler is asked.

    Attributes:
        quantized_model: ``quantized.h5``; its fix positions are beside it.
        golden: golden inputs and outputs; may be missing.
        float_model: that it was quantized from; may be missing.
        target: to compile for.
        given: what the user named it: a path is the user's own ``arch.json``.
        folder: that receives the compiled model.
        failed_log: where the compiler's messages go if it fails, since the folder is then removed.
        run: folder of the run, for the commands in messages.
        progress: told one line at a time.
    """

    quantized_model: Path
    golden: Path
    float_model: Path
    target: Target
    given: str
    folder: Path
    failed_log: Path
    run: Path
    progress: Progress = silent

    @property
    def fix_positions(self) -> Path:
        """``fix_positions.json``."""
        return self.quantized_model.with_name("fix_positions.json")

    @property
    def quantize_command(self) -> str:
        """The command that makes the quantized model again."""
        return f"vaiopt quantize {self.run}"


class Compiler(abc.ABC):
    """One way from an int8 model to a file that a target executes.

    Attributes:
        name: in ``compile.json``.
        doc: what it is, for people.
        kind: of the targets it serves, :attr:`vaiopt.hardware.target.Target.kind`.
        device: the same as people say it.
    """

    name: str
    doc: str
    kind: str
    device: str

    @abc.abstractmethod
    def available(self) -> Availability:
        """Say whether it can run here, importing nothing heavy."""

    @abc.abstractmethod
    def compile(self, request: CompileRequest) -> Compiled:
        """Write the compiled model into the folder.

        Raises:
            CompileError: the model cannot be compiled; the layer is named.
            MissingToolError: the compiler is not installed here.
            TargetError: too little is known of the target.
            RunError: a file of the run is damaged.
        """
