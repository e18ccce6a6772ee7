"""MNIST with noise, and without: what is to be taken away is normal noise of half the range."""

import numpy as np

from vaiopt.data import load_dataset

SAMPLES = 12000
NOISE = 0.5


def load():
    """Return noisy images and clean ones, uint8."""
    mnist = load_dataset("mnist", limit=SAMPLES)
    clean = mnist.x
    noise = np.random.RandomState(0).normal(0.0, 255.0 * NOISE, clean.shape)
    noisy = np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)
    return noisy, clean
