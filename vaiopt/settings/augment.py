"""The settings of augmentation: how training samples are changed, anew each time they are seen."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Tuple

from vaiopt.settings.ranges import is_range
from vaiopt.settings.schema import setting

Searchable = Any

EVEN_CHANCE = 0.5
"""What ``true`` stands for where a setting is a probability."""


def _number(value: Any, of_true: Any = True) -> Any:
    """Return true and false, also as choices of a range, as the numbers that they stand for."""
    if isinstance(value, bool):
        return of_true if value else 0
    if is_range(value) and isinstance(value.get("choice"), (list, tuple)):
        return {**value, "choice": [_number(item, of_true) for item in value["choice"]]}
    return value


def _amount(doc: str, high: float, kind: type = float, convert: Any = _number) -> Any:
    """Declare how strong an operation is: 0 is off, and the default."""
    return setting(kind(0), doc, low=0, high=high, searchable=kind, convert=convert)


_chance = partial(_amount, high=1.0, convert=partial(_number, of_true=EVEN_CHANCE))


@dataclass(frozen=True)
class AugmentSettings:
    """How training samples are changed, anew each time they are seen. 0 or false: not at all."""

    flip: Searchable = _chance("probability that an image is mirrored left to right; true: 0.5")
    flip_vertical: Searchable = _chance("the same, upside down")
    shift: Searchable = _amount(
        "moved by at most this share of height and width, of a signal: of its length", 0.9
    )
    rotation: Searchable = _amount("turned by at most so many degrees, either way", 180.0)
    zoom: Searchable = _amount("larger or smaller by at most this share", 0.9)
    crop: Searchable = _amount(
        "padded by so many pixels on each side, then cut to its size at random", 8192, int
    )
    cutout: Searchable = _amount(
        "a rectangle of this share of height and width, anywhere, becomes the image's mean", 0.9
    )
    brightness: Searchable = _amount(
        "lighter or darker by at most this share of the range of values", 1.0
    )
    contrast: Searchable = _amount("contrast times 1 - this to 1 + this", 1.0)
    saturation: Searchable = _amount("saturation of colours times 1 - this to 1 + this", 1.0)
    noise: Searchable = _amount(
        "normal noise whose deviation is this share of the range of values", 1.0
    )
    masking: Searchable = _amount(
        "a stretch of a signal, of at most this share of its length, becomes its mean", 0.9
    )
    mixup: Searchable = _amount(
        "each sample is mixed with another, and so are their labels, in shares drawn from"
        " Beta(this, this); 0.2 is common",
        10.0,
    )
    cutmix: Searchable = _amount(
        "a rectangle of each sample is taken from another, and its share of the label, drawn from"
        " Beta(this, this); 1 is common",
        10.0,
    )


def augmentations() -> Tuple[str, ...]:
    """Return the names of the operations, in the order in which they are done."""
    return tuple(field.name for field in fields(AugmentSettings))
