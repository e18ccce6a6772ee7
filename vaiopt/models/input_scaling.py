"""Scaling that a model does itself at its input, taken out of it: the preprocessing does it.

Models of others often begin with ``Rescaling(1/255)``, ``Normalization`` or ``x / 255``: they mean
raw samples. On top of our own preprocessing such a layer would squeeze all samples together, and no
DPU computes it. Where it is constant and the same for each sample it is an offset and a scale.
"""

from __future__ import annotations

from typing import (
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import numpy as np

from vaiopt.data.preprocessing import Scaling
from vaiopt.models.rewired import Config, functional_config, renamed, rewired

SCALING_LAYERS = ("Rescaling", "Normalization")
SHAPING_LAYERS = ("Reshape", "Flatten", "Permute")
"""Layers between the input and a scaling that one number a channel does not pass through."""
MOVING_LAYERS = ("RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom")
"""Layers of augmentation that move pixels, so that a scaling may as well come before them."""

Affine = Tuple[Any, Any]
"""What a layer multiplies with and then adds: numbers, or arrays (channels,)."""

OPERATIONS: Mapping[str, Callable[[float], Affine]] = {
    "math.truediv": lambda y: (1.0 / y, 0.0),
    "math.divide": lambda y: (1.0 / y, 0.0),
    "math.multiply": lambda y: (y, 0.0),
    "math.subtract": lambda y: (1.0, -y),
    "math.add": lambda y: (1.0, y),
    "__operators__.add": lambda y: (1.0, y),
}
"""TensorFlow's operations with a number, by the names that Keras gives them."""


class Unscaled(NamedTuple):
    """A model without the scaling at its input.

    Attributes:
        model: compiled as the given one; that itself if nothing was taken out.
        scaling: what was taken out, None for nothing.
        left: names of layers that scale, and were left where they are.
    """

    model: Any
    scaling: Optional[Scaling]
    left: Tuple[str, ...]


def without_scaling(model: Any) -> Unscaled:
    """Take the scaling at a model's input out of it, as far as it is constant and positive.

    Args:
        model: functional or Sequential; of several inputs nothing is taken out.
    """
    config = functional_config(model) if len(model.inputs) == 1 else None
    taken, affine = _taken(config, model) if config is not None else ([], (1.0, 0.0))
    factor, shift = (np.atleast_1d(np.asarray(part, np.float64)) for part in affine)
    usable = taken and np.isfinite([*factor, *shift]).all() and np.all(factor > 0)
    found = rewired(model, _without(config, taken)) if usable and config is not None else None
    result = model if found is None else found
    left = [s.name for s in result.submodules if type(s).__name__ in SCALING_LAYERS]
    if found is None:
        return Unscaled(model, None, tuple(left))
    offset, scale = np.broadcast_arrays(-shift / factor, 1.0 / factor)
    return Unscaled(found, Scaling(_plain(offset), _plain(scale)), tuple(left))


def _plain(array: np.ndarray) -> Tuple[float, ...]:
    return tuple(float(value) for value in array)


def _taken(config: Config, model: Any) -> Tuple[List[str], Affine]:
    """Return the names of the layers that scale, one after the other from the input, and what they
    come to.
    """
    users = _users(config)
    taken: List[str] = []
    factor: Any = 1.0
    shift: Any = 0.0
    shaped = False
    name = config["input_layers"][0][0]
    outputs = {output[0] for output in config["output_layers"]}
    while len(users.get(name, ())) == 1 and name not in outputs:
        entry = users[name][0]
        name, kind = entry["config"]["name"], entry["class_name"].split(">")[-1]
        if kind in SHAPING_LAYERS:
            shaped = True
            continue
        if _moves(entry):
            continue
        found = _affine(entry, model)
        if found is None or (shaped and max(np.size(part) for part in found) > 1):
            break
        factor, shift = factor * found[0], shift * found[0] + found[1]
        taken.append(name)
    return taken, (factor, shift)


def _moves(entry: Config) -> bool:
    """Return whether an entry moves pixels in training and does nothing else: a layer, or a
    Sequential of such.
    """
    kind = entry["class_name"].split(">")[-1]
    if kind != "Sequential":
        return kind in MOVING_LAYERS
    inner = entry["config"].get("layers", [])
    return all(layer["class_name"] == "InputLayer" or _moves(layer) for layer in inner)


def _users(config: Config) -> Dict[str, List[Config]]:
    """Return, by the name of a layer, the entries that take its output; one that takes several
    tensors, or is called several times, is there twice, so that nothing is taken out before it.
    """
    users: Dict[str, List[Config]] = {}
    for entry in config["layers"]:
        sources = list(_sources(entry["inbound_nodes"]))
        for source in sources:
            users.setdefault(source, []).extend([entry] * len(sources))
    return users


def _sources(value: Any) -> Iterator[str]:
    """Yield the names of the layers in Keras's nested lists of ``[layer, node, tensor, ...]``."""
    return (str(name) for name, _, _ in _places(value))


def _places(value: Any) -> Iterator[Sequence[Any]]:
    """Yield ``[layer, node, tensor]`` of all that such lists hold."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        return
    if len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int):
        yield value[:3]
        value = value[3:]
    for item in value:
        yield from _places(item)


def _affine(entry: Config, model: Any) -> Optional[Affine]:
    """Return what an entry multiplies with and adds; None of a layer that does something else."""
    kind = entry["class_name"].split(">")[-1]
    try:
        if kind == "Rescaling":
            settings = entry["config"]
            return np.asarray(settings["scale"], float), np.asarray(settings["offset"], float)
        if kind == "Normalization":
            return _normalization(model.get_layer(entry["config"]["name"]))
        if kind == "TFOpLambda":
            return _operation(entry)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):  # written in some other way
        return None
    return None


def _normalization(layer: Any) -> Optional[Affine]:
    """Return what a Normalization does; None where it has seen no data, or keeps several axes."""
    adapted = getattr(layer, "is_adapted", False) or getattr(layer, "input_mean", None) is not None
    if not adapted or getattr(layer, "invert", False):
        return None
    mean, variance = (np.squeeze(np.asarray(part)) for part in (layer.mean, layer.variance))
    if mean.ndim > 1:
        return None
    deviation = np.maximum(np.sqrt(variance), 1e-7)  # Keras divides by its epsilon at least
    return 1.0 / deviation, -mean / deviation


def _operation(entry: Config) -> Optional[Affine]:
    """Return what an operation of TensorFlow with one number, or a cast, does."""
    function = entry["config"].get("function", "")
    _, _, _, arguments = entry["inbound_nodes"][0]
    others = {key: value for key, value in arguments.items() if key != "name"}
    if function == "cast" and set(others) == {"dtype"}:
        return 1.0, 0.0
    make = OPERATIONS.get(function)
    return make(float(others["y"])) if make is not None and set(others) == {"y"} else None


def _without(config: Config, names: List[str]) -> Config:
    """Return the configuration without these layers, each of which takes one tensor."""
    config = dict(config)
    for name in names:
        (entry,) = [e for e in config["layers"] if e["config"]["name"] == name]
        (source,) = _places(entry["inbound_nodes"])
        rest = [e for e in config["layers"] if e is not entry]
        config["layers"] = [
            dict(e, inbound_nodes=renamed(e["inbound_nodes"], name, source)) for e in rest
        ]
        config["output_layers"] = renamed(config["output_layers"], name, source)
    return config
