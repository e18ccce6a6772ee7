"""What a compiler tells of what it made: the larger part of ``compile.json``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from vaiopt.record import plain
from vaiopt.runs.records import CompiledOperation, GoldenCheck, OutputTensor, Tensor


@dataclass(frozen=True)
class Compiled:
    """What a compiler made.

    Attributes:
        file: name of the compiled model in the folder.
        input, output: its tensors.
        threshold: of an output that stands alone, one label or one of two classes, the real value
            above which it says yes.
        left_out: what the kit need not compute, one sentence each.
        release: that compiled, where it is not the target's.
        operations: where the compiler tells them.
        golden: the comparison on the golden inputs; None if there are none, or it cannot run here.
        more: what only this compiler records, under its keys of ``compile.json``.
        outputs, inputs: all of them, where there are several, in the order of the float model's.
    """

    file: str
    input: Tensor
    output: Tensor
    threshold: Optional[float]
    left_out: List[str] = field(default_factory=list)
    release: str = ""
    operations: Optional[List[CompiledOperation]] = None
    golden: Optional[GoldenCheck] = None
    more: Dict[str, Any] = field(default_factory=dict)
    outputs: Tuple[OutputTensor, ...] = ()
    inputs: Tuple[Tensor, ...] = ()

    def to_json(self) -> Dict[str, Any]:
        """Return its part of ``compile.json``."""
        content = {name: plain(value) for name, value in vars(self).items()}
        more, release = content.pop("more"), content.pop("release")
        operations, golden = content.pop("operations"), content.pop("golden")
        for name in ("inputs", "outputs"):
            if not content[name]:
                del content[name]
        if release:
            content["release"] = release
        if operations is not None:  # then outputs were or could be compared, too
            content["operations"] = operations
            reason = {"compared": False, "reason": "the run has no golden outputs"}
            content["golden"] = golden or reason
        return {**content, **more}
