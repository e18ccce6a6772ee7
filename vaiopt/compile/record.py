"""What a compiler tells of what it made: the larger part of ``compile.json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Iterable, List, Optional


@dataclass(frozen=True)
class Tensor:
    """Input or output of a compiled model: int8, ``real = scale * (q - zero_point)``; ``shape`` is
    with batch, ``scale`` is ``2**-position``.
    """

    name: str
    shape: List[int]
    scale: float
    position: int
    dtype: str = "int8"
    zero_point: int = 0

    @classmethod
    def at(cls, name: str, shape: Iterable[int], position: int) -> Tensor:
        """Return a tensor at a fix position."""
        return cls(name, list(shape), 2.0**-position, position)


@dataclass(frozen=True)
class CompiledOperation:
    """One operation of a compiled model, and the layer that it came from."""

    kind: str
    layer: str


@dataclass(frozen=True)
class GoldenCheck:
    """How int8 outputs differ from those expected: of ``elements`` compared, ``different`` by at
    most ``max_difference`` steps, and ``same_top1`` of ``samples`` with the same class.
    """

    samples: int
    elements: int
    different: int
    max_difference: int
    same_top1: int


@dataclass(frozen=True)
class Compiled:
    """What a compiler made.

    Attributes:
        file: name of the compiled model in the folder.
        input, output: its tensors.
        threshold: of a single output, the real value above which it says class 1.
        left_out: what the kit need not compute, one sentence each.
        release: that compiled, where it is not the target's.
        operations: where the compiler tells them.
        golden: the comparison on the golden inputs; None if there are none, or it cannot run here.
        more: what only this compiler records, under its keys of ``compile.json``.
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

    def to_json(self) -> Dict[str, Any]:
        """Return its part of ``compile.json``."""
        content = asdict(self)
        more, release = content.pop("more"), content.pop("release")
        operations, golden = content.pop("operations"), content.pop("golden")
        if release:
            content["release"] = release
        if operations is not None:  # then outputs were or could be compared, too
            content["operations"] = operations
            reason = {"compared": False, "reason": "the run has no golden outputs"}
            content["golden"] = {"compared": True, **golden} if golden else reason
        return {**content, **more}
