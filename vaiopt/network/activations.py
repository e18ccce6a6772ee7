"""Activation functions as Keras writes them: the name of each and its numbers."""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple, Optional

Config = Mapping[str, Any]

OTHER_NAMES = {
    "silu": "swish",
    "relu_6": "relu6",
    "hard_silu": "hard_swish",
    "leakyrelu": "leaky_relu",
}
"""Other names of activations, to the ones used here."""


class Activation(NamedTuple):
    """An activation function; ``alpha`` is a leaky ReLU's slope, ``limit`` the largest value of a
    clipped ReLU.
    """

    function: str
    alpha: Optional[float] = None
    limit: Optional[float] = None


ActivationFunction = Callable[[Config], Activation]
"""Of a layer's configuration."""


def named(config: Config) -> Activation:
    """Return the activation that a layer's configuration names: linear if none, a custom one by the
    name it was registered with.
    """
    activation = config.get("activation")
    if activation is None:
        return Activation("linear")
    if isinstance(activation, Mapping):  # an activation layer or a registered function, serialized
        inner = activation.get("config")
        if activation.get("class_name") in ("function", "builtin") or isinstance(inner, str):
            activation = inner
        else:
            activation = activation.get("class_name", "?")
    name = str(activation).split(">")[-1].lower()
    return Activation(OTHER_NAMES.get(name, name))


def always(function: str) -> ActivationFunction:
    """Return what a layer class that has only one function computes."""
    return lambda config: Activation(function)


def leaky_relu(config: Config) -> Activation:
    """Return what a LeakyReLU layer computes."""
    return Activation("leaky_relu", _number(config.get("alpha", config.get("negative_slope", 0.3))))


def relu(config: Config) -> Activation:
    """Return what a ReLU layer computes, by its limits."""
    largest, slope, threshold = (
        _number(config.get(key)) for key in ("max_value", "negative_slope", "threshold")
    )
    if threshold:
        return Activation("thresholdedrelu")
    if slope:
        return Activation("leaky_relu", alpha=slope)
    if largest is None:
        return Activation("relu")
    return Activation("relu6") if largest == 6.0 else Activation("clipped_relu", limit=largest)


def _number(value: Any) -> Optional[float]:
    """Return a number that Keras may have written as an array."""
    if isinstance(value, Mapping):
        value = value.get("value")
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    return None if value is None else float(value)
