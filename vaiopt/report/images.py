"""Arrays to PNG data URIs, with nothing but zlib: the report needs small pictures and no imaging
library.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any, Optional, Sequence, Tuple

import numpy as np

from vaiopt.tasks.task import UNSCORED

COLOURS = np.array(
    [
        *((70, 130, 180), (220, 120, 60), (190, 190, 190), (120, 80, 140), (240, 180, 200)),
        *((80, 150, 60), (240, 220, 60), (150, 110, 70), (40, 60, 160), (200, 40, 60)),
        *((60, 200, 190), (120, 120, 60), (250, 150, 30), (90, 90, 90), (160, 220, 120)),
    ],
    np.uint8,
)
"""Of classes, which start again from the first where there are more."""

IGNORED = np.array((0, 0, 0), np.uint8)
"""Of pixels that do not count."""

APART = 4
"""Pixels between pictures that stand beside each other."""

OVERLAY = 0.45
"""Share of the sample under a mask."""


def png(pixels: np.ndarray) -> bytes:
    """Return 8-bit pixels as a PNG file.

    Args:
        pixels: uint8, (H, W) or (H, W, 1) grey, or (H, W, 3) red, green, blue.

    Raises:
        ValueError: another type or shape.
    """
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.dtype != np.uint8 or not (
        pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    ):
        raise ValueError(
            f"pixels must be uint8 of shape (H, W), (H, W, 1) or (H, W, 3), not {pixels.dtype}"
            f" {pixels.shape}"
        )
    height, width = pixels.shape[:2]
    # Each row of a PNG starts with its filter; 0 is none.
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if pixels.ndim == 2 else 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content) & 0xFFFFFFFF)
    )


def data_uri(pixels: np.ndarray) -> str:
    """Return 8-bit pixels as a ``data:image/png`` address. Raises as :func:`png`."""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode("ascii")


def to_pixels(sample: Any, low: float, high: float, longest: int = 96) -> np.ndarray:
    """Return an image sample as 8-bit pixels: values ``low`` to ``high`` become 0 to 255, large
    images are thinned out.

    Args:
        sample: (H, W), (H, W, 1) or (H, W, 3); other channel counts are averaged to grey.
        low, high: the range of the values; equal bounds give black.
        longest: the longer side is at most this many pixels.
    """
    array = np.asarray(sample, np.float64)
    if array.ndim == 3 and array.shape[2] not in (1, 3):
        array = array.mean(axis=2)
    step = max(1, int(np.ceil(max(array.shape[:2]) / longest)))
    array = array[::step, ::step]
    span = high - low
    scaled = (array - low) / span * 255.0 if span > 0 else np.zeros_like(array)
    return np.clip(np.rint(np.nan_to_num(scaled)), 0, 255).astype(np.uint8)


def value_range_of(
    samples: np.ndarray, known: Optional[Tuple[float, float]] = None
) -> Tuple[float, float]:
    """Return lowest and highest value of images: those that are known, else 0 to 255 of uint8, or
    those of the samples.
    """
    if known is not None:
        return known
    is_bytes = samples.dtype == np.uint8
    return (0.0, 255.0) if is_bytes else (float(samples.min()), float(samples.max()))


def beside_each_other(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Return 8-bit pixels (H, W, ...) of pictures in one, from the left to the right on white."""
    if len(pictures) == 1:
        return pictures[0]
    shown = [p.reshape(*p.shape[:2], -1) for p in pictures]
    shown = [p if p.shape[2] == 3 else np.repeat(p[:, :, :1], 3, axis=2) for p in shown]
    high, wide = max(len(p) for p in shown), sum(p.shape[1] + APART for p in shown) - APART
    found, left = np.full((high, wide, 3), 255, np.uint8), 0
    for each in shown:
        found[: len(each), left : left + each.shape[1]] = each
        left += each.shape[1] + APART
    return found


def over(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return a mask's colours over a sample's pixels (H, W, ...)."""
    rows, columns = (np.arange(n) * of // n for n, of in zip(pixels.shape[:2], mask.shape[:2]))
    nearest = mask[rows][:, columns]
    colours = COLOURS[nearest % len(COLOURS)]
    colours[nearest == UNSCORED] = IGNORED
    under = pixels.reshape(*pixels.shape[:2], -1)
    under = under if under.shape[2] == 3 else np.repeat(under[:, :, :1], 3, axis=2)
    return np.asarray(np.rint(OVERLAY * under + (1 - OVERLAY) * colours), np.uint8)
