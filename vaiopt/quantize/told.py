"""What quantize tells of a model besides its numbers: what was changed, what the CPU computes."""

from __future__ import annotations

from typing import Any, List, Set, Tuple

from vaiopt.hardware import left_to_cpu, load_target
from vaiopt.quantize.plain import changes_of
from vaiopt.text import Progress

_USUAL = "zcu102"
"""Stands for the DPUs where none is named."""


def changes_told(model: Any, progress: Progress) -> Tuple[str, ...]:
    """Return, and tell, what was changed exactly before anything else."""
    changes = tuple(f"layer '{one.layer}': {one.what}" for one in changes_of(model))
    for change in changes:
        progress(f"changed exactly: {change}")
    return changes


def on_the_cpu(model: Any, target: str, release: str, named: Set[str]) -> List[str]:
    """Return warnings of the layers that a DPU leaves to its host's CPU, besides those named.

    Args:
        model: functional, as it is quantized.
        target: any that is no DPU, or none, stands for the zcu102, whose arithmetic this is.
        release: of Vitis AI.
        named: layers that are told of already.
    """
    found = load_target(target or _USUAL, release)
    found = found if found.device.accelerator else load_target(_USUAL, release)
    left = (row for row in left_to_cpu(model, found) if row.layer.split("/")[0] not in named)
    return [f"layer '{row.layer}' runs on the CPU: {row.reason}" for row in left]
