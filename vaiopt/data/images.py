"""Resizing and turning grey, with Pillow."""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple

import numpy as np

from vaiopt import memory
from vaiopt.data.stratify import is_whole
from vaiopt.errors import DataError, MissingToolError

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


def fit_images(x: np.ndarray, image_size: Tuple[int, ...], grayscale: bool) -> np.ndarray:
    """Return images (N, H, W, C) resized to ``image_size`` (height, width) and, with ``grayscale``,
    with one channel; same type.

    Resizing is Pillow's bilinear filter, which averages when it shrinks. Grey is ITU-R BT.601 luma,
    0.299 R + 0.587 G + 0.114 B; of four channels the last is taken to be transparency and dropped.

    Raises:
        DataError: grey is asked for, and there are neither 1, 3 nor 4 channels.
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
    size = (image_size[1], image_size[0])
    for i in range(len(x)):
        for channel in range(x.shape[3]):
            plane = image.fromarray(np.ascontiguousarray(x[i, :, :, channel]))
            result[i, :, :, channel] = np.asarray(plane.resize(size, image.BILINEAR))
    return result


def fit_masks(masks: np.ndarray, image_size: Tuple[int, ...]) -> np.ndarray:
    """Return masks (N, H, W), uint8, resized to ``image_size`` (height, width): of each pixel the
    class of the nearest.
    """
    image = load_pillow()
    size = (image_size[1], image_size[0])
    fitted = [image.fromarray(np.ascontiguousarray(m)).resize(size, image.NEAREST) for m in masks]
    return np.stack([np.asarray(mask, np.uint8) for mask in fitted])


def _grey(x: np.ndarray) -> np.ndarray:
    """Return the luma of RGB images; whole numbers by Pillow's rounding for uint8."""
    if x.dtype != np.uint8:
        return (x[..., :3] @ np.asarray([0.299, 0.587, 0.114], dtype=np.float32))[..., np.newaxis]
    image = load_pillow()
    return np.stack(
        [np.asarray(image.fromarray(np.ascontiguousarray(rgb[..., :3])).convert("L")) for rgb in x]
    )[..., np.newaxis]
