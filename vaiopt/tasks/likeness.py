"""How like two images are: PSNR and SSIM, in numpy."""

from __future__ import annotations

import numpy as np

WINDOW, SIGMA = 11, 1.5
"""Of SSIM's Gaussian, in pixels; K1 and K2: Wang, Bovik, Sheikh and Simoncelli, "Image quality
assessment", 2004, as ``tf.image.ssim`` has them.
"""
K1, K2 = 0.01, 0.03

MOST_DB = 100.0
"""PSNR of images that are equal (JSON has no infinity)."""


def psnr(one: np.ndarray, other: np.ndarray, peak: float) -> np.ndarray:
    """Return the peak signal-to-noise ratio of each image (n, H, W, C), dB, float64 (n,), at most
    :data:`MOST_DB`. ``peak`` is the span of the values.
    """
    off = one.astype(np.float64) - other.astype(np.float64)
    error = np.square(off).reshape(len(off), -1).mean(axis=1)
    least = np.square(float(peak)) * 10.0 ** (-MOST_DB / 10)
    return np.asarray(10 * np.log10(np.square(float(peak)) / np.maximum(error, least)))


def ssim(one: np.ndarray, other: np.ndarray, peak: float) -> np.ndarray:
    """Return the structural similarity of each image (n, H, W, C), float64 (n,), the mean over its
    channels; the window is smaller for images below 11 pixels.
    """
    size = min(WINDOW, *(side - (side + 1) % 2 for side in one.shape[1:3]))
    place = np.arange(size) - size // 2
    kernel = np.exp(-np.square(place) / (2 * SIGMA**2))
    kernel /= kernel.sum()
    x, y = one.astype(np.float64), other.astype(np.float64)
    mean_x, mean_y = _blurred(x, kernel), _blurred(y, kernel)
    var_x = _blurred(x * x, kernel) - mean_x**2
    var_y = _blurred(y * y, kernel) - mean_y**2
    both = _blurred(x * y, kernel) - mean_x * mean_y
    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    like = (2 * mean_x * mean_y + c1) * (2 * both + c2)
    like /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return np.asarray(like.reshape(len(like), -1).mean(axis=1))


def _blurred(images: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return images filtered along both axes, where the window is whole."""
    for axis in (1, 2):
        left = images.shape[axis] - len(kernel) + 1
        parts = [
            weight * images.take(range(i, i + left), axis=axis) for i, weight in enumerate(kernel)
        ]
        images = np.sum(parts, axis=0)
    return images
