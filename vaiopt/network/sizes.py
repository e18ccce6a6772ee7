"""Shapes, and Keras's ways of writing sizes."""

from __future__ import annotations

from typing import Any, Mapping, Sequence, Tuple

Shape = Tuple[int, ...]
"""A tensor's shape without the batch dimension."""

Kernel = Tuple[int, int]
"""Rows and columns."""


def elements(shape: Sequence[int]) -> int:
    """Return how many values a tensor of this shape holds."""
    count = 1
    for length in shape:
        count *= int(length)
    return count


def pair(value: Any) -> Kernel:
    """Return Keras's "integer or two integers" as two integers."""
    if isinstance(value, (list, tuple)):
        numbers = [int(v) for v in value]
        return (numbers[0], numbers[1] if len(numbers) > 1 else numbers[0])
    return (int(value), int(value))


def pairs(config: Mapping[str, Any], *keys: str) -> Tuple[Kernel, ...]:
    """Return sizes of a layer's configuration; all but ``kernel_size`` are 1 if not given."""
    return tuple(pair(config[key] if key == "kernel_size" else config.get(key, 1)) for key in keys)
