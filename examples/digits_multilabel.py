"""Three labels of a handwritten digit: whether it is even, a prime, and above 4."""

import numpy as np

CLASSES = ("even", "prime", "above_4")


def load():
    from sklearn.datasets import load_digits

    digits = load_digits()
    n = digits.target
    y = np.stack([n % 2 == 0, np.isin(n, (2, 3, 5, 7)), n > 4], axis=1)
    x = digits.images.astype(np.uint8)
    return {"x": x, "y": y.astype(np.uint8), "classes": CLASSES, "value_range": (0.0, 16.0)}
