"""What a model's outputs are of what ``y`` holds: ``(y - offset) / scale``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Tuple

import numpy as np

from vaiopt.record import Record, Unfit, part
from vaiopt.tasks.joined import joined, parts_of


@dataclass(frozen=True)
class Targets(Record):
    """How values of ``y`` become what a model is trained to give, and back: in float32 there, in
    float64 back. The default changes nothing.

    Attributes:
        offset, scale: one number each, or one per value along the last axis.
        outputs: of each of several outputs, by its name; then the others do not count.
    """

    offset: Tuple[float, ...] = part((0.0,))
    scale: Tuple[float, ...] = part((1.0,))
    outputs: Dict[str, Targets] = part({})

    def to_json(self) -> Dict[str, Any]:
        """Return a JSON object, without ``outputs`` where there is one."""
        return {k: v for k, v in super().to_json().items() if k != "outputs" or v}

    def check(self) -> None:
        """Raise :class:`Unfit` unless it can be undone."""
        if len(self.offset) != len(self.scale) or not self.scale or min(self.scale) <= 0:
            raise Unfit("scale", "is not positive, for each offset")

    @property
    def plain(self) -> bool:
        """Whether the outputs are the values themselves."""
        same = set(self.offset) == {0.0} and set(self.scale) == {1.0}
        return same and all(targets.plain for targets in self.outputs.values())

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return values (n, ...) as a model gives them, float32; as they are for a plain one."""
        if self.plain:
            return y
        if self.outputs:
            return joined({n: self.outputs[n].encode(part) for n, part in parts_of(y).items()})
        offset, scale = (np.asarray(v, np.float32) for v in (self.offset, self.scale))
        return np.asarray((y.astype(np.float32) - offset) / scale)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Return a model's outputs (n, ...) as values of ``y``; as they are for a plain one."""
        if self.plain:
            return outputs
        if self.outputs:
            return joined({n: self.outputs[n].decode(p) for n, p in parts_of(outputs).items()})
        return np.asarray(outputs.astype(np.float64) * np.asarray(self.scale) + self.offset)


PLAIN = Targets()
