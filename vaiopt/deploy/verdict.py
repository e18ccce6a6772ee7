"""Whether a measurement may count: what speaks against it, and what a person accepts of that."""

from __future__ import annotations

from typing import Collection, Tuple

from vaiopt.errors import BoardError
from vaiopt.runs.records import Doubt, KitResult


def refused(record: KitResult, accept: Collection[str] = ()) -> Tuple[Doubt, ...]:
    """Return what speaks against a measurement and is not accepted by name."""
    return tuple(doubt for doubt in record.all_doubts if doubt.name not in accept)


def check_trusted(record: KitResult, accept: Collection[str], what: str) -> None:
    """Raise unless nothing speaks against a measurement but what is accepted.

    Args:
        record: of the kit.
        accept: names of doubts, such as ``busy``.
        what: the measurement, for the message, such as "the measurement of trial 3".

    Raises:
        BoardError: something else does.
    """
    found = refused(record, accept)
    if not found:
        return
    told = "; ".join(doubt.told for doubt in found)
    options = " ".join(f"--accept {doubt.name}" for doubt in found)
    cures = " ".join(dict.fromkeys(doubt.cure for doubt in found if doubt.cure))
    raise BoardError(
        f"{what} cannot be trusted: {told}", f"{cures} Or let it count: {options}".strip()
    )
