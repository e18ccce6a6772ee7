"""Image files of anybody's, read with Pillow: only the formats named here, none so large that it
fills the memory, and turned as a viewer shows them.
"""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Tuple

import numpy as np

from vaiopt.data.images import load_pillow
from vaiopt.errors import DataError
from vaiopt.reading import check_size, open_regular

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
"""Of the files that are read."""

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
"""Pillow's names of what such a file may hold. Others it would hand to another program: an EPS file
to Ghostscript, whatever its ending."""

OTHER_SUFFIXES = (
    *(".tif", ".tiff", ".heic", ".heif", ".avif", ".jfif", ".jpe", ".jp2", ".jxl"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".ico", ".svg", ".eps", ".psd", ".dng", ".raw"),
)
"""Of images that are not read; leaving them out without a word would leave out half of a class."""

MOST_PIXELS = 89_000_000
"""Of one image; a little less than what Pillow warns of. Decoded it takes up to 0.7 GB."""

GREY_MODES = ("1", "L", "LA")
COLOUR_MODES = ("RGB", "RGBA", "RGBX", "P", "CMYK", "YCbCr", "PA")

BEGINNINGS = (
    (0, b"%!ps", "PostScript (EPS)"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript (EPS)"),
    (0, b"%pdf", "PDF"),
    (0, b"ii*\0", "TIFF"),
    (0, b"mm\0*", "TIFF"),
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
    """

    path: Path
    size: Tuple[int, int]
    mode: str
    orientation: int


def read_header(path: Path) -> Header:
    """Read the header of an image file.

    Raises:
        DataError: it is no image of these formats, cannot be read, is too large, or has more than 8
            bits per channel.
    """
    with _opened(path) as opened:
        orientation = _orientation(opened)
        width, height = opened.size
        size = (height, width) if orientation >= FIRST_LYING else (width, height)
        header = Header(path, size, opened.mode, orientation)
    if header.mode not in GREY_MODES + COLOUR_MODES:
        raise DataError(
            f"'{path}' has pixels of more than 8 bits (mode {header.mode})",
            "Save it with 8 bits per channel.",
        )
    return header


def read_pixels(path: Path, mode: str) -> Any:
    """Return an image file as Pillow's image in a mode, ``L`` or ``RGB``, as a viewer shows it: an
    EXIF note on how the camera was held is heeded, of several pictures the first is taken, and what
    is transparent shows the colour below. Raises as :func:`read_header`.
    """
    with _opened(path) as opened:
        orientation = _orientation(opened)
        pixels = opened
        # A palette with transparency goes by RGBA, as Pillow asks.
        if opened.mode in ("P", "PA") and "transparency" in opened.info:
            pixels = opened.convert("RGBA")
        pixels = pixels.convert(mode)
        if orientation in TURNS:
            pixels = pixels.transpose(getattr(load_pillow(), TURNS[orientation]))
        return pixels


def read_mask(path: Path) -> Any:
    """Return a mask file as an array, uint8 (H, W): its grey values, or the numbers of its palette.

    Raises:
        DataError: as :func:`read_header`, or it has several numbers a pixel.
    """
    with _opened(path) as opened:
        if opened.mode not in ("1", "L", "P"):
            raise DataError(
                f"the mask '{path}' has colours (mode {opened.mode}), not one number a pixel",
                "Save it as grey, or with a palette: a class number from 0 for each pixel.",
            )
        return np.asarray(opened, np.uint8)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open an image; raise :class:`DataError` if it cannot be read."""
    image = load_pillow()
    # Pillow raises SyntaxError for a broken PNG, ValueError for some broken headers.
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
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(
            f"'{path}' cannot be read as an image ({_said(error)})", "Replace or remove the file."
        ) from error


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
