"""``data.features``: what the records of a TFRecord file hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Tuple

from vaiopt.errors import SettingsError, did_you_mean

NUMBERS = ("uint8", "int16", "int32", "int64", "float32", "float64")
KINDS = ("image", "text", *NUMBERS)
"""Types of a feature: an image file, a text, or numbers, as such or as their bytes."""

KEYS = ("x", "y", "weight")

FORM = (
    'Give "NAME:TYPE" or "NAME:TYPE:SHAPE", such as "image:uint8:32x32x3"; types:'
    f" {', '.join(KINDS)}."
)


@dataclass(frozen=True)
class Feature:
    """A feature of a record.

    Attributes:
        name: in the record.
        kind: one of :data:`KINDS`.
        shape: that its numbers have; () for as many as there are.
    """

    name: str
    kind: str
    shape: Tuple[int, ...] = ()

    def __str__(self) -> str:
        of = f" of {'x'.join(map(str, self.shape))}" if self.shape else ""
        return f"{self.kind}{of}"


def parse_feature(key: str, text: Any) -> Feature:
    """Return the feature that a text declares. Raises SettingsError, with the key."""
    parts = text.split(":") if isinstance(text, str) else []
    shape = parts.pop() if len(parts) > 2 and parts[-1].replace("x", "").isdigit() else ""
    name, kind = ":".join(parts[:-1]), parts[-1] if parts else ""
    sizes = shape.split("x") if shape else []
    if not name or not all(size.isdigit() and 0 < int(size) < 2**31 for size in sizes):
        raise SettingsError(f"{key} is {text!r}", FORM)
    if kind not in KINDS:
        raise SettingsError(f"{key} is of the type '{kind}'", f"{did_you_mean(kind, KINDS)} {FORM}")
    return Feature(name, kind, tuple(map(int, sizes)))


def check_features(key: str, value: Mapping[str, Any]) -> None:
    """Check what is declared of records. Raises SettingsError."""
    for name, text in value.items():
        if name not in KEYS:
            raise SettingsError(f"unknown setting '{key}.{name}'", did_you_mean(name, KEYS))
        parse_feature(f"{key}.{name}", text)
    if value and not {"x", "y"} <= set(value):
        raise SettingsError(f"{key} declares only {', '.join(value)}", "Declare x and y.")
