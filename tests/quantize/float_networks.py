"""Small float networks with weights that are not trained but fixed: quick to make, and every rule
has one.
"""

from typing import Any, Callable, List

import numpy as np

from vaiopt.keras import load_keras


def settle(model: Any, seed: int = 0) -> Any:
    """Give every weight of a model a fixed value, variances positive."""
    random = np.random.default_rng(seed)
    for layer in model.layers:
        values = []
        for variable in layer.weights:
            shape, name = tuple(variable.shape), variable.name
            if "variance" in name or "gamma" in name:
                values.append(random.uniform(0.5, 1.5, shape))
            else:
                values.append(
                    random.normal(0, 1.5 / max(1, int(np.prod(shape[:-1]))) ** 0.5, shape)
                )
        layer.set_weights([value.astype(np.float32) for value in values])
    return model


def network(build: Callable[[Any, Any], Any], shape: Any = (8, 8, 2), seed: int = 0) -> Any:
    """Return a functional model with one input ``img``; ``build(layers, x)`` returns its output."""
    keras = load_keras()
    x = keras.Input(shape, name="img")
    return settle(keras.Model(x, build(keras.layers, x)), seed)


def images(count: int = 24, shape: Any = (8, 8, 2), seed: int = 0) -> np.ndarray:
    """Return preprocessed images, all 256 levels used."""
    random = np.random.default_rng(seed)
    return ((random.integers(0, 256, (count,) + tuple(shape)) - 128) / 128).astype(np.float32)


def head(layers: Any, x: Any) -> Any:
    """Return class probabilities from a tensor."""
    return layers.Dense(4, activation="softmax", name="out")(layers.Flatten(name="flatten")(x))


def chain(names: List[str]) -> Callable[[Any, Any], Any]:
    """Return a builder of a chain of 3x3 convolutions, with a ReLU layer behind each but the
    last.
    """

    def build(layers: Any, x: Any) -> Any:
        for number, name in enumerate(names):
            x = layers.Conv2D(3, 3, padding="same", name=name)(x)
            if number + 1 < len(names):
                x = layers.ReLU(name=name + "_r")(x)
        return head(layers, x)

    return build
