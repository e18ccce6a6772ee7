"""Resizing and turning grey, with Pillow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Callable, List, Mapping, Sequence, Tuple

import numpy as np

from vaiopt import memory
from vaiopt.data.stratify import is_whole
from vaiopt.errors import DataError, MissingToolError, did_you_mean
from vaiopt.tasks.task import UNSCORED

STRETCH = "stretch"
"""The way in which images are resized unless another is asked for."""

FEW_LEVELS = 64
"""Of the 256 that bytes have. Images that use fewer are nearly black: they were meant otherwise, or
came from a camera of 10 to 12 bits that writes files of 16.
"""

LARGEST_SIDE = 8192
"""Pixels. A larger side is a mistake: no DPU reads such an image."""


def load_pillow() -> Any:
    """Import and return ``PIL.Image``. Raises :class:`MissingToolError` without Pillow."""
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingToolError(
            f"Pillow cannot be imported ({error}); it reads and resizes images",
            "pip install Pillow",
        ) from error
    return Image


def check_image_size(image_size: Sequence[int]) -> Tuple[int, ...]:
    """Return (height, width), each from 1 to 8192, or () for none. Raises :class:`DataError`."""
    is_list = hasattr(image_size, "__iter__") and not isinstance(image_size, (str, bytes))
    size: List[Any] = list(image_size) if is_list else [None]
    whole = [int(n) for n in size if is_whole(n, 1, LARGEST_SIDE + 1)]
    if len(whole) != len(size) or len(size) not in (0, 2):
        raise DataError(
            f"data.image_size is {image_size!r}",
            "Give [height, width] in pixels, such as [32, 32], or [] to keep images as they are.",
        )
    return tuple(whole)


def check_memory(name: str, shape: Sequence[int], bytes_each: int) -> None:
    """Raise :class:`DataError` if images of this shape would not fit into memory.

    Args:
        name: what the dataset is called.
        shape: (samples, height, width, channels).
        bytes_each: of a value.
    """
    size = bytes_each
    for length in shape:
        size *= int(length)
    reason = memory.shortage(size)
    if reason:
        samples, height, width = shape[:3]
        raise DataError(
            f"'{name}' does not fit into memory: {samples:,} images of {width}x{height}, {reason}",
            "Set data.image_size to a smaller size, or use less of it (data.limit).",
        )


@dataclass(frozen=True)
class Placement:
    """Where an image goes when it is resized, in pixels.

    Attributes:
        box: the part of it that is taken: left, upper, right, lower.
        size: (width, height) that this part gets.
        at: (left, upper) where it lies in the result; around it is filled.
    """

    box: Tuple[float, float, float, float]
    size: Tuple[int, int]
    at: Tuple[int, int] = (0, 0)


def _stretched(width: int, height: int, to: Tuple[int, int]) -> Placement:
    return Placement((0, 0, width, height), to)


def _cropped(width: int, height: int, to: Tuple[int, int]) -> Placement:
    """The largest part from the middle that has the form of the result."""
    taken = min(width / to[0], height / to[1])
    wide, high = min(taken * to[0], width), min(taken * to[1], height)  # rounding adds a little
    left, upper = (width - wide) / 2, (height - high) / 2
    return Placement((left, upper, min(left + wide, width), min(upper + high, height)), to)


def _padded(width: int, height: int, to: Tuple[int, int]) -> Placement:
    """The whole in its own form, in the middle."""
    part = min(to[0] / width, to[1] / height)
    wide, high = (
        min(max(1, math.floor(side * part + 0.5)), most) for side, most in zip((width, height), to)
    )
    at = ((to[0] - wide) // 2, (to[1] - high) // 2)
    return Placement((0, 0, width, height), (wide, high), at)


Place = Callable[[int, int, Tuple[int, int]], Placement]

RESIZES: Mapping[str, Place] = {STRETCH: _stretched, "crop": _cropped, "pad": _padded}
"""From the width and height of an image and those wanted to where it goes, by the names of
``vaiopt.settings.choices.RESIZES``."""


def check_resize(resize: str) -> str:
    """Return the name of a way of resizing. Raises :class:`DataError`: there is none."""
    if resize not in RESIZES:
        raise DataError(f"data.resize is {resize!r}", did_you_mean(str(resize), RESIZES))
    return resize


def fit_picture(pixels: Any, size: Tuple[int, ...], resize: str = STRETCH, fill: int = 0) -> Any:
    """Return Pillow's image in another size, with its bilinear filter, which averages when it
    shrinks.

    Args:
        pixels: in any mode that has such a filter.
        size: (height, width).
        resize: a name of :data:`RESIZES`.
        fill: the value of what is added around it; 0 is black.

    Raises:
        DataError: there is no such way of resizing.
    """
    return _fitted(pixels, size, resize, load_pillow().BILINEAR, fill)


def _fitted(pixels: Any, size: Tuple[int, ...], resize: str, sample: Any, fill: int) -> Any:
    height, width = size
    place = RESIZES[check_resize(resize)](pixels.size[0], pixels.size[1], (width, height))
    if pixels.size == (width, height):
        return pixels
    part = pixels.resize(place.size, sample, box=place.box)
    if part.size == (width, height):
        return part
    whole = load_pillow().new(pixels.mode, (width, height), fill)
    whole.paste(part, place.at)
    return whole


def fit_images(
    x: np.ndarray, image_size: Tuple[int, ...], grayscale: bool, resize: str = STRETCH
) -> np.ndarray:
    """Return images (N, H, W, C) resized to ``image_size`` (height, width) and, with ``grayscale``,
    with one channel; same type.

    Resizing is that of :func:`fit_picture`, channel by channel. Grey is ITU-R BT.601 luma,
    0.299 R + 0.587 G + 0.114 B; of four channels the last is taken to be transparency and dropped.

    Raises:
        DataError: grey is asked for, and there are neither 1, 3 nor 4 channels; or there is no such
            way of resizing.
    """
    if grayscale and x.shape[3] != 1:
        if x.shape[3] not in (3, 4):
            raise DataError(
                f"data.grayscale is set, but images have {x.shape[3]} channels",
                "Set data.grayscale = false.",
            )
        x = _grey(x)
    if not image_size or tuple(x.shape[1:3]) == image_size:
        return x
    check_memory("the data", (len(x), *image_size, x.shape[3]), x.dtype.itemsize)
    image = load_pillow()
    result = np.empty((len(x),) + image_size + (x.shape[3],), dtype=x.dtype)
    for i in range(len(x)):
        for channel in range(x.shape[3]):
            plane = image.fromarray(np.ascontiguousarray(x[i, :, :, channel]))
            result[i, :, :, channel] = np.asarray(fit_picture(plane, image_size, resize))
    return result


def fit_masks(masks: np.ndarray, image_size: Tuple[int, ...], resize: str = STRETCH) -> np.ndarray:
    """Return masks (N, H, W), uint8, resized to ``image_size`` (height, width) as their images are:
    of each pixel the class of the nearest, and none, 255, around them.
    """
    image = load_pillow()
    arrays = (image.fromarray(np.ascontiguousarray(mask)) for mask in masks)
    fitted = [_fitted(mask, image_size, resize, image.NEAREST, UNSCORED) for mask in arrays]
    return np.stack([np.asarray(mask, np.uint8) for mask in fitted])


def _grey(x: np.ndarray) -> np.ndarray:
    """Return the luma of RGB images; whole numbers by Pillow's rounding for uint8."""
    if x.dtype != np.uint8:
        return (x[..., :3] @ np.asarray([0.299, 0.587, 0.114], dtype=np.float32))[..., np.newaxis]
    image = load_pillow()
    return np.stack(
        [np.asarray(image.fromarray(np.ascontiguousarray(rgb[..., :3])).convert("L")) for rgb in x]
    )[..., np.newaxis]
