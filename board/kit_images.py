"""Images of images on the kit: how like their targets they are."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import numpy as np

from kit_errors import MAKE_AGAIN, KitError
from kit_targets import check_values, decode, few_at_a_time, result_of

SHARE = "ssim"
"""The score of which more is better and 1 is best, for a mean over several outputs."""

BYTES = 255.0
"""Highest value of a uint8 image."""

WINDOW, SIGMA, K1, K2 = 11, 1.5, 0.01, 0.03
"""Of SSIM's Gaussian, in pixels, and its constants (Wang and others, 2004)."""

MOST_DB = 100.0
"""PSNR of equal images."""


def check_labels(array: np.ndarray, path: str, name: str, classes: int) -> np.ndarray:
    """Return images (N, H, W, C). Raises KitError: they are none."""
    images = check_values(array, path, name, 4)
    if images.shape[3] != classes:
        raise KitError(
            f"'{path}': array '{name}' has {images.shape[3]} channels, not {classes}", MAKE_AGAIN
        )
    return images


def check_outputs(shape: Sequence[int], manifest: Any, path: str) -> None:
    """Raise KitError unless a model gives images of the channels."""
    count = int(np.prod(shape, dtype=np.int64))
    if count % len(manifest.classes):
        raise KitError(
            f"'{path}' gives {count} values for {len(manifest.classes)} channels", MAKE_AGAIN
        )


def predict(outputs: np.ndarray, position: int, manifest: Any) -> np.ndarray:
    """Return the images of int8 ``outputs`` (N, …), float32, as the model has them."""
    images = np.empty(outputs.shape, np.float32)
    for part in few_at_a_time(outputs):
        images[part] = decode(outputs[part], position, manifest)
    return images


def score(predicted: np.ndarray, samples: Any, classes: List[str]) -> Dict[str, Any]:
    """Return the means of PSNR and SSIM and, when known, how many values are those of the int8
    Keras model.
    """
    y = samples.y
    images = predicted.reshape(y.shape)
    peak = BYTES if y.dtype == np.uint8 else float(y.max()) - float(y.min()) or 1.0
    found = [(psnr(image, true, peak), ssim(image, true, peak)) for image, true in zip(images, y)]
    means = np.mean(found, axis=0)
    expected = samples.expected
    same = None if expected is None else images == expected.reshape(y.shape)
    return result_of(len(y), {"psnr": float(means[0]), "ssim": float(means[1])}, same)


def psnr(one: np.ndarray, other: np.ndarray, peak: float) -> float:
    """Return the peak signal-to-noise ratio of two images, dB, at most :data:`MOST_DB`."""
    error = float(np.square(one.astype(np.float64) - other.astype(np.float64)).mean())
    least = peak**2 * 10.0 ** (-MOST_DB / 10)
    return float(10 * np.log10(peak**2 / max(error, least)))


def ssim(one: np.ndarray, other: np.ndarray, peak: float) -> float:
    """Return the structural similarity of two images (H, W, C)."""
    size = min(WINDOW, *(side - (side + 1) % 2 for side in one.shape[:2]))
    kernel = np.exp(-np.square(np.arange(size) - size // 2) / (2 * SIGMA**2))
    kernel /= kernel.sum()
    x, y = one.astype(np.float64), other.astype(np.float64)
    mean_x, mean_y = _blurred(x, kernel), _blurred(y, kernel)
    var_x = _blurred(x * x, kernel) - mean_x**2
    var_y = _blurred(y * y, kernel) - mean_y**2
    both = _blurred(x * y, kernel) - mean_x * mean_y
    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    like = (2 * mean_x * mean_y + c1) * (2 * both + c2)
    like /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return float(like.mean())


def _blurred(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return an image filtered along both axes, where the window is whole."""
    for axis in (0, 1):
        left = image.shape[axis] - len(kernel) + 1
        image = np.sum(
            [w * image.take(range(i, i + left), axis=axis) for i, w in enumerate(kernel)], axis=0
        )
    return image


def told(result: Dict[str, Any]) -> str:
    """Return the score that counts in words."""
    return f"PSNR {result['scores']['psnr']:.2f} dB"
