"""Image files of anybody's, read with Pillow: only the formats named here, none so large that it
fills the memory, and as a viewer shows them: turned, the first picture, on white where they are
transparent.
"""

from __future__ import annotations

import contextlib
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Sequence, Tuple

import numpy as np

from vaiopt.data.images import STRETCH, fit_picture, load_pillow
from vaiopt.errors import DataError
from vaiopt.reading import check_size, open_regular

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
    *(".jpe", ".jfif"),
)
"""Of the files that are read."""

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
"""Pillow's names of what such a file may hold. Others it would hand to another program: an EPS file
to Ghostscript, whatever its ending."""

OTHER_SUFFIXES = (
    *(".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".mpo", ".apng"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".ico", ".svg", ".eps", ".psd", ".dng", ".raw"),
)
"""Of images that are not read; leaving them out without a word would leave out half of a class."""

MOST_PIXELS = 89_000_000
"""Of one image; a little less than what Pillow warns of. Decoded it takes up to 0.7 GB."""

DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I")
"""Grey of 16 bits, by the version of Pillow; ``I`` may hold more."""

DEEPEST = 65535
"""Of 16 bits."""

GREY_MODES = ("1", "L", "LA", "La", *DEEP_MODES)
COLOUR_MODES = ("RGB", "RGBA", "RGBX", "RGBa", "P", "PA", "CMYK", "YCbCr")
TRANSPARENT_MODES = ("LA", "La", "RGBA", "RGBa", "PA")

BACKGROUND = "white"
"""What is seen where an image is transparent."""

BEGINNINGS = (
    (0, b"%!ps", "PostScript (EPS)"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript (EPS)"),
    (0, b"%pdf", "PDF"),
    (0, b"8bps", "Photoshop"),
    (0, b"\0\0\1\0", "ICO"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyp", "HEIC or a video"),
    (0, b"<svg", "SVG"),
    (0, b"<?xml", "SVG or other XML"),
    (0, b"<html", "a web page"),
    (0, b"<!doctype html", "a web page"),
    (0, b"pk\3\4", "a zip archive"),
)
"""What a file is: where in it these bytes stand, letters small and white space before them left
out, and the name of that."""

FIRST_BYTES = 64
"""Of a file, that tell what it is."""

ORIENTATION = 0x0112
"""EXIF's tag of how the camera was held (CIPA DC-008, 4.6.4)."""

TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
"""Pillow's name of what shows an image upright, by its orientation; the same as in Pillow's
``ImageOps.exif_transpose``."""

FIRST_LYING = 5
"""From this orientation on width and height change places."""


@dataclass(frozen=True)
class Header:
    """What an image file says of itself, read without decoding it.

    Attributes:
        path: the file.
        size: (width, height) as it is shown.
        mode: Pillow's.
        orientation: EXIF's, 1 for upright.
        transparent: whether it may be, in parts.
    """

    path: Path
    size: Tuple[int, int]
    mode: str
    orientation: int
    transparent: bool = False


def read_header(path: Path) -> Header:
    """Read the header of an image file.

    Raises:
        DataError: it is no image of these formats, cannot be read, is too large, or has pixels that
            are no whole numbers of up to 16 bits.
    """
    with _opened(path) as opened:
        orientation = _orientation(opened)
        width, height = _stored_size(opened)
        size = (height, width) if orientation >= FIRST_LYING else (width, height)
        header = Header(path, size, opened.mode, orientation, _is_transparent(opened))
    if header.mode not in GREY_MODES + COLOUR_MODES:
        raise DataError(
            f"'{path}' has pixels of a kind that is not read (mode {header.mode})", _EIGHT_BITS
        )
    return header


def read_picture(path: Path, grey: bool, size: Sequence[int], resize: str = STRETCH) -> np.ndarray:
    """Return an image file as an array, uint8 (height, width, 1 or 3): the one way from a file to a
    sample, of training, calibration, evaluation and prediction alike.

    Args:
        path: the file. grey: one channel, else the three of RGB.
        size: (height, width).
        resize: how it is brought to it, a name of :data:`vaiopt.data.images.RESIZES`.

    Raises:
        DataError: as :func:`read_header`.
    """
    pixels = fit_picture(read_pixels(path, "L" if grey else "RGB"), tuple(size), resize)
    return np.asarray(pixels, np.uint8).reshape(*size, 1 if grey else 3)


def read_pixels(path: Path, mode: str) -> Any:
    """Return an image file as Pillow's image in a mode, ``L`` or ``RGB``, as a viewer shows it: an
    EXIF note on how the camera was held is heeded, of several pictures the first is taken, what is
    transparent is seen on white, of 16 bits the upper 8 count. Raises as :func:`read_header`.
    """
    with _opened(path) as opened:
        orientation = _orientation(opened)
        if opened.mode in DEEP_MODES:
            pixels = load_pillow().fromarray((_deep(path, opened) >> 8).astype(np.uint8))
        elif _is_transparent(opened):
            pixels = _on_background(opened)
        else:
            pixels = opened
        return _turned(opened, pixels.convert(mode), orientation)


def read_mask(path: Path) -> np.ndarray:
    """Return a mask file as an array, uint8 (H, W): its grey values, or the numbers of its palette;
    of colours that are all grey, that.

    Raises:
        DataError: as :func:`read_header`, it has several numbers a pixel, or one above 255.
    """
    with _opened(path) as opened:
        orientation = _orientation(opened)
        if opened.mode in DEEP_MODES:
            numbers = _deep(path, opened)
            if int(numbers.max(initial=0)) > MOST_NUMBERS:
                raise DataError(
                    f"the mask '{path}' holds the number {int(numbers.max())}",
                    f"Number the classes from 0 to {MOST_NUMBERS - 1}; {MOST_NUMBERS} is none.",
                )
        else:
            numbers = np.asarray(opened)
            if opened.mode in COLOURS_OF_GREY and bool(
                np.all(numbers[..., :3] == numbers[..., :1])
            ):
                numbers = numbers[..., 0]
        if opened.mode not in NUMBERED_MODES and numbers.ndim != 2:
            raise DataError(
                f"the mask '{path}' has colours (mode {opened.mode}), not one number a pixel",
                "Save it as grey, or with a palette: a class number from 0 for each pixel.",
            )
        mask = load_pillow().fromarray(np.ascontiguousarray(numbers.astype(np.uint8)))
        return np.asarray(_turned(opened, mask, orientation))


BROKEN = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError),
    *(EOFError, OverflowError, RuntimeError, struct.error, zlib.error),
)
"""What Pillow raises for what is broken: SyntaxError for a PNG, others for headers."""

NUMBERED_MODES = ("1", "L", "P", *DEEP_MODES)
COLOURS_OF_GREY = ("RGB", "RGBA")
"""Modes of a mask that may hold one number a pixel, several times."""

MOST_NUMBERS = 255
"""The highest number in a mask."""


def _deep(path: Path, opened: Any) -> np.ndarray:
    """Return grey values of 16 bits, int64 (H, W). Raises :class:`DataError`: they have more."""
    numbers = np.asarray(opened).astype(np.int64)
    if int(numbers.min(initial=0)) < 0 or int(numbers.max(initial=0)) > DEEPEST:
        raise DataError(f"'{path}' has pixels of more than 16 bits", _EIGHT_BITS)
    return numbers


def _is_transparent(opened: Any) -> bool:
    return opened.mode in TRANSPARENT_MODES or "transparency" in opened.info


def _on_background(opened: Any) -> Any:
    """Return a transparent image on :data:`BACKGROUND`."""
    # Pillow knows no way from premultiplied grey to RGBA but this.
    pixels = (opened.convert("LA") if opened.mode == "La" else opened).convert("RGBA")
    below = load_pillow().new("RGBA", pixels.size, BACKGROUND)
    return load_pillow().alpha_composite(below, pixels)


def _turned(opened: Any, pixels: Any, orientation: int) -> Any:
    """Return the pixels of an image as a viewer shows them."""
    if orientation not in TURNS or opened.format == TURNED_BY_PILLOW:
        return pixels
    return pixels.transpose(getattr(load_pillow(), TURNS[orientation]))


def _stored_size(opened: Any) -> Tuple[int, int]:
    """Return (width, height) as they are stored; some versions of Pillow tell the size of a TIFF
    as it is shown.
    """
    if opened.format != TURNED_BY_PILLOW:
        return int(opened.size[0]), int(opened.size[1])
    return int(opened.tag_v2[IMAGE_WIDTH]), int(opened.tag_v2[IMAGE_LENGTH])


TURNED_BY_PILLOW = "TIFF"
"""The format that Pillow turns by itself when it is decoded."""

IMAGE_WIDTH, IMAGE_LENGTH = 256, 257
"""TIFF's tags of the size as it is stored (TIFF 6.0, section 8)."""


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open an image; raise :class:`DataError` if it cannot be read."""
    image = load_pillow()
    try:
        with open_regular(path) as file:
            check_size(file)
            what = _other_format(file.read(FIRST_BYTES))
            if what:
                raise DataError(
                    f"'{path}' is no {', '.join(FORMATS)} image but {what}",
                    "Save it as PNG or JPEG, or remove it.",
                )
            file.seek(0)
            with warnings.catch_warnings():
                # Of many pixels; we have a limit of our own.
                warnings.simplefilter("ignore", image.DecompressionBombWarning)
                opened = image.open(file, formats=FORMATS)
            with opened:
                _check_pixels(path, opened.size)
                yield opened
    except image.DecompressionBombError as error:
        raise DataError(f"'{path}' has too many pixels ({error})", _SMALLER) from error
    except BROKEN as error:
        raise DataError(
            f"'{path}' cannot be read as an image ({_said(error)})", "Replace or remove the file."
        ) from error


_EIGHT_BITS = "Save it with 8 or 16 bits per channel, in grey or RGB."
_SMALLER = "Save it smaller: the images are brought to data.image_size anyway."


def _check_pixels(path: Path, size: Tuple[int, int]) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise DataError(
            f"'{path}' is {width}x{height}, {width * height / 1e6:.0f} million pixels; at most"
            f" {MOST_PIXELS / 1e6:.0f} million are read",
            _SMALLER,
        )


def _said(error: BaseException) -> str:
    """Return what Pillow said, without the object that it was given in the place of a file."""
    text = str(error).partition("<_io.")[0].strip()
    return text or type(error).__name__


def _other_format(head: bytes) -> str:
    """Return what a file is that begins so, "" if it may be an image that is read."""
    found = (name for at, part, name in BEGINNINGS if head.lower().lstrip()[at:].startswith(part))
    return next(found, "")


def _orientation(opened: Any) -> int:
    """Return EXIF's orientation as it stands before the pixels; 1 if it is not there or broken."""
    try:
        # Of Pillow's base class: that of PNG decodes the whole image to look behind the pixels.
        found = load_pillow().Image.getexif(opened).get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001  a viewer, too, shows an image whose notes are broken
        return 1
    return int(found) if found in TURNS else 1
