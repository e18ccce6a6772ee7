"""The kinds of changes, one row each, in the order in which they are done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Tuple, Union

from vaiopt.data.augment import geometry, mixing, values
from vaiopt.data.augment.batch import IMAGE, SIGNAL, TABLE, Batch, Draw, Frame

Move = Callable[[Any, float, Draw], geometry.Map]
Change = Callable[[Batch, float, Draw, Frame], Batch]
Suits = Callable[[Frame, float], str]


@dataclass(frozen=True)
class Operation:
    """One kind of change.

    Attributes:
        kinds: of the samples that it suits.
        move: where the pixels of a changed image are taken from; None of what does not move any.
        change: what else it does to a batch.
        smooth: whether a move takes pixels from between others.
        stays: whether it takes none from outside of the image.
        mixes: whether labels are mixed.
        problem: returns what else is wrong with samples for it, given the largest amount; empty if
            nothing is.
    """

    kinds: Tuple[str, ...]
    move: Optional[Move] = None
    change: Optional[Change] = None
    smooth: bool = False
    stays: bool = False
    mixes: bool = False
    problem: Suits = lambda frame, amount: ""


def _of_colours(frame: Frame, amount: float) -> str:
    channels = frame.shape[-1]
    return "" if channels == 3 else f"images have {channels} channel(s), not three of colours"


def _of_light(frame: Frame, amount: float) -> str:
    """Light changes what is seen; whether an image that is to be made of it changes too, nobody
    here can know.
    """
    return "labels are images themselves" if frame.task.smooth_labels else ""


def _both(frame: Frame, amount: float) -> str:
    return _of_light(frame, amount) or _of_colours(frame, amount)


def _within(frame: Frame, amount: float) -> str:
    least = min(frame.shape[:2])
    return "" if amount < least else f"images have {least} pixels"


PICTURES, SERIES = (IMAGE,), (SIGNAL,)
LAID_OUT = (IMAGE, SIGNAL)

OPERATIONS: Dict[str, Operation] = {
    "flip": Operation(PICTURES, geometry.flip, stays=True),
    "flip_vertical": Operation(PICTURES, geometry.flip_vertical, stays=True),
    "shift": Operation(LAID_OUT, geometry.shift),
    "rotation": Operation(PICTURES, geometry.rotation, smooth=True),
    "zoom": Operation(PICTURES, geometry.zoom, smooth=True),
    "crop": Operation(PICTURES, geometry.crop, problem=_within),
    "cutout": Operation(PICTURES, change=values.cutout),
    "brightness": Operation(PICTURES, change=values.brightness, problem=_of_light),
    "contrast": Operation(PICTURES, change=values.contrast, problem=_of_light),
    "saturation": Operation(PICTURES, change=values.saturation, problem=_both),
    "noise": Operation(LAID_OUT, change=values.noise),
    "masking": Operation(SERIES, change=values.masking),
    "mixup": Operation((IMAGE, SIGNAL, TABLE), change=mixing.mixup, mixes=True),
    "cutmix": Operation(LAID_OUT, change=mixing.cutmix, mixes=True),
}
"""By the names of the settings of ``[augment]``. What moves pixels comes first: it is done in one
go.
"""

WORDS = {IMAGE: "images", SIGNAL: "signals", TABLE: "tables"}


def refusal(name: str, amount: Union[int, float], frame: Frame) -> Tuple[str, str]:
    """Return why an operation does not suit samples, and what does; two empty texts if it does.

    Args:
        name: of the operation. amount: the largest that may be asked for.
        frame: what is known of the samples.
    """
    row = OPERATIONS[name]
    suits = ", ".join(other for other, found in OPERATIONS.items() if _suit(found, 0, frame) == "")
    hint = f"Leave it out. What suits them: {suits}." if suits else "Leave it out."
    why = _suit(row, amount, frame)
    return (why, hint) if why else ("", "")


def _suit(row: Operation, amount: Union[int, float], frame: Frame) -> str:
    if frame.kind not in row.kinds:
        wanted = " and ".join(WORDS[kind] for kind in row.kinds)
        return f"it is for {wanted}, and the samples are {WORDS[frame.kind]} of {frame.shape}"
    if row.mixes and not frame.task.mixes:
        return f"labels of the task {frame.task.name} cannot be mixed"
    if row.move is not None and frame.task.beside_samples:
        return f"it moves pixels, and the output '{frame.task.beside_samples[0]}' lies over them"
    return row.problem(frame, amount)


def mixes_labels(names: Iterable[str]) -> bool:
    """Return whether any of some operations mixes labels."""
    return any(OPERATIONS[name].mixes for name in names)


def in_order(amounts: Mapping[str, float]) -> Dict[str, float]:
    """Return the operations that do something, in the order in which they are done."""
    return {name: amounts[name] for name in OPERATIONS if amounts.get(name)}
