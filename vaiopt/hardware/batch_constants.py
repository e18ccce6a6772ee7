"""The fitted constants of a DPU that takes a batch of images at once."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple

from vaiopt.errors import TargetError

HINT = "latency.json is written by scripts/fit-latency."


class Batched(NamedTuple):
    """Constants of a DPU that takes a batch of images at once.

    Attributes:
        array_mhz: clock of the convolution array.
        array: cycles that one cycle of multiplications takes in practice.
        alu: cycles that one cycle of the ALU and of elementwise engines takes in practice.
        on_chip: bytes of inputs and output together up to which a layer's result stays on the chip.
        weights: bytes of weights per cycle of the target, loaded once for the batch, where the
            arithmetic waits for them; elsewhere they are loaded beside it.
        moved: bytes of results per cycle that go to the memory and come back, all images together.
        copied: bytes per cycle that a concatenation copies, all images together.
        host_ms: milliseconds of one of the host's cores per image.
        host_ms_per_million_inputs: the same per million values of inputs.
        host_ms_per_million_outputs: the same per million values of outputs.
        host_cores: how many of them prepare images at the same time.
    """

    array_mhz: float
    array: float
    alu: float
    on_chip: float
    weights: float
    moved: float
    copied: float
    host_ms: float
    host_ms_per_million_inputs: float
    host_ms_per_million_outputs: float
    host_cores: float

    def image_ms(self, inputs: int, outputs: int) -> float:
        """Return the milliseconds that the host takes for an image of so many values."""
        return (
            self.host_ms
            + self.host_ms_per_million_inputs * inputs / 1e6
            + self.host_ms_per_million_outputs * outputs / 1e6
        )

    @staticmethod
    def from_json(table: Any, where: str) -> Batched:
        """Read the constants; ``where`` names file and key in messages.

        Raises:
            TargetError: one is missing or not positive.
        """
        values: Dict[str, float] = {}
        for name in Batched._fields:
            value: Any = table.get(name) if isinstance(table, Mapping) else None
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not 0 < value < 1e12:
                raise TargetError(f"{where}.{name} is {value!r}", HINT)
            values[name] = float(value)
        return Batched(**values)
