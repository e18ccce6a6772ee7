"""The published exercises in regression: a line with noise, a fall, and a sine, made anew each time
by one seed.
"""

import numpy as np

SAMPLES = 1000


def _points(low, high):
    return np.random.RandomState(0).uniform(low, high, (SAMPLES, 1)).astype(np.float32)


def _noise(size):
    return size * np.random.RandomState(1).randn(SAMPLES).astype(np.float32)


def line():
    """y = 3 x + 4, with noise of 1."""
    x = _points(-10.0, 10.0)
    return x, 3.0 * x[:, 0] + 4.0 + _noise(1.0)


def fall():
    """y = 9.8 x^2, the way of a fall in time, with noise of 5."""
    x = _points(0.0, 10.0)
    return x, 9.8 * x[:, 0] ** 2 + _noise(5.0)


def sine():
    """y = sin x over two periods."""
    x = _points(-2 * np.pi, 2 * np.pi)
    return x, np.sin(x[:, 0])
