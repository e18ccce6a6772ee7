"""Image files and a camera's frames as raw samples: read and brought to size as on the host.

Pillow does it exactly as there. Where a kit lacks it, OpenCV does it nearly so, which is said.
"""

from __future__ import annotations

import importlib
import math
import os
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from kit_bundle import Manifest
from kit_errors import MAKE_AGAIN, KitError

ENDINGS = ".bmp .gif .jfif .jpe .jpeg .jpg .png .ppm .pgm .tif .tiff .webp".split()
LARGEST_FILE = 256 * 2**20
WHITE = (255, 255, 255, 255)
DEEPEST = 65535
ORIENTATION = 0x0112
"""EXIF's note on how the camera was held; 1 is upright."""

Box = Tuple[float, float, float, float]
Place = Tuple[Box, Tuple[int, int], Tuple[int, int]]
"""The part of a picture that is taken (left, upper, right, lower), the (width, height) it gets, and
where that lies.
"""


def _stretch(width: int, height: int, to: Tuple[int, int]) -> Place:
    return (0, 0, width, height), to, (0, 0)


def _crop(width: int, height: int, to: Tuple[int, int]) -> Place:
    taken = min(width / to[0], height / to[1])
    wide, high = min(taken * to[0], width), min(taken * to[1], height)
    left, upper = (width - wide) / 2, (height - high) / 2
    return (left, upper, min(left + wide, width), min(upper + high, height)), to, (0, 0)


def _pad(width: int, height: int, to: Tuple[int, int]) -> Place:
    part = min(to[0] / width, to[1] / height)
    wide, high = (
        min(max(1, int(math.floor(side * part + 0.5))), most)
        for side, most in zip((width, height), to)
    )
    return (0, 0, width, height), (wide, high), ((to[0] - wide) // 2, (to[1] - high) // 2)


PLACES: Dict[str, Callable[[int, int, Tuple[int, int]], Place]] = {
    "stretch": _stretch,
    "crop": _crop,
    "pad": _pad,
}
"""By the manifest's ``resize``: what ``data.resize`` was on the host."""


def image_files(folder: str) -> List[str]:
    """Return the paths of the image files of a folder, by name; those of a single file, itself.

    Raises:
        KitError: there is none.
    """
    if os.path.isfile(folder):
        return [folder]
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise KitError(f"'{folder}' cannot be read ({error})", "Give a folder.") from error
    paths = [os.path.join(folder, n) for n in names if os.path.splitext(n)[1].lower() in ENDINGS]
    if not paths:
        raise KitError(f"'{folder}' holds no images", f"Endings: {' '.join(ENDINGS)}")
    return paths


def package(name: str) -> Optional[Any]:
    """Return a module of the kit's, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except Exception:  # noqa: BLE001  a broken one is as good as none
        return None


class Pictures:
    """Reads pictures as samples of a bundle's model.

    Args:
        manifest: of the bundle.

    Attributes:
        exact: whether samples are read exactly as the host reads them.

    Raises:
        KitError: the model's samples are no images of whole numbers, or there is neither Pillow nor
            OpenCV.
    """

    def __init__(self, manifest: Manifest) -> None:
        if len(manifest.shape) != 3 or manifest.shape[2] not in (1, 3):
            raise KitError(
                f"the model takes samples of shape {manifest.shape}, which are no grey or RGB"
                " images",
                "Measure it with the samples of its bundle: --data samples.npz",
            )
        if manifest.raw_dtype != "uint8":
            raise KitError(
                f"the model was trained on samples of {manifest.raw_dtype}, and image files hold"
                " whole numbers from 0 to 255",
                "Measure it with the samples of its bundle: --data samples.npz",
            )
        resize = manifest.content.get("resize", "stretch")
        if resize not in PLACES:
            raise KitError(f"'{manifest.path}' resizes by {resize!r}", MAKE_AGAIN)
        self._place = PLACES[resize]
        self._size, self._grey = (manifest.shape[1], manifest.shape[0]), manifest.shape[2] == 1
        self._pillow, self._cv2 = package("PIL.Image"), package("cv2")
        self._ops = package("PIL.ImageOps")
        self.exact = self._pillow is not None and self._ops is not None
        if not self.exact and self._cv2 is None:
            raise KitError(
                "neither Pillow nor OpenCV is installed here; one of them reads images",
                "Install one: python3 -m pip install Pillow (or, of the image: python3-opencv)",
            )

    def read(self, path: str) -> np.ndarray:
        """Return an image file as a sample, uint8 (height, width, 1 or 3). Raises KitError."""
        try:
            if os.path.getsize(path) > LARGEST_FILE:
                raise ValueError(f"more than {LARGEST_FILE >> 20} MB")
            return self._by_pillow(path) if self.exact else self._by_opencv(path)
        except KitError:
            raise
        except Exception as error:  # decoders raise what they like
            raise KitError(
                f"'{path}' cannot be read as an image ({error})", "Remove or replace it."
            ) from error

    def of_frame(self, frame: np.ndarray) -> np.ndarray:
        """Return a camera's frame, (H, W, 3) blue first, as a sample."""
        if not self.exact:
            return self._resized(frame)
        image: Any = self._pillow
        rgb = image.fromarray(np.ascontiguousarray(frame[..., ::-1]))
        return self._fitted(rgb.convert("L" if self._grey else "RGB"))

    def _by_pillow(self, path: str) -> np.ndarray:
        image: Any = self._pillow
        ops: Any = self._ops
        with image.open(path) as opened:
            opened.load()  # which turns a TIFF, and takes the note away
            turned = opened.getexif().get(ORIENTATION, 1) not in (0, 1)
            pixels = ops.exif_transpose(opened) if turned else opened
            if pixels.mode.startswith(("I", "F")):
                deep = np.asarray(pixels)
                if deep.dtype.kind == "f" or deep.min() < 0 or deep.max() > DEEPEST:
                    raise ValueError("its pixels are no whole numbers of up to 16 bits")
                pixels = image.fromarray((deep >> 8).astype(np.uint8))
            elif "A" in pixels.getbands() or "transparency" in pixels.info:
                shown = pixels.convert("RGBA")
                pixels = image.alpha_composite(image.new("RGBA", shown.size, WHITE), shown)
            return self._fitted(pixels.convert("L" if self._grey else "RGB"))

    def _fitted(self, pixels: Any) -> np.ndarray:
        image: Any = self._pillow
        box, size, at = self._place(pixels.size[0], pixels.size[1], self._size)
        if pixels.size != self._size:
            part = pixels.resize(size, image.BILINEAR, box=box)
            pixels = part
            if part.size != self._size:
                pixels = image.new(part.mode, self._size, 0)
                pixels.paste(part, at)
        array = np.asarray(pixels, np.uint8)
        return array.reshape(self._size[1], self._size[0], 1 if self._grey else 3)

    def _by_opencv(self, path: str) -> np.ndarray:
        frame = self._cv2.imread(path, 1)  # type: ignore[union-attr]  # colour, turned by EXIF
        if frame is None:
            raise KitError(f"'{path}' cannot be read as an image", "Remove or replace it.")
        return self._resized(frame)

    def _resized(self, frame: np.ndarray) -> np.ndarray:
        cv2: Any = self._cv2
        frame = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY if self._grey else cv2.COLOR_BGR2RGB)
        height, width = frame.shape[:2]
        box, size, at = self._place(width, height, self._size)
        left, upper, right, lower = (int(round(edge)) for edge in box)
        part = frame[upper : max(lower, upper + 1), left : max(right, left + 1)]
        way = cv2.INTER_AREA if size[0] < part.shape[1] else cv2.INTER_LINEAR
        part = cv2.resize(part, size, interpolation=way)
        whole = np.zeros((self._size[1], self._size[0]) + part.shape[2:], np.uint8)
        whole[at[1] : at[1] + size[1], at[0] : at[0] + size[0]] = part
        return whole.reshape(self._size[1], self._size[0], 1 if self._grey else 3)
