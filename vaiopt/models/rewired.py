"""Models built anew from a changed configuration, with their weights and as they were compiled."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence

from vaiopt.keras import load_keras

Config = Dict[str, Any]


def functional_config(model: Any) -> Optional[Config]:
    """Return a model's configuration as that of a functional one; None where it has none, or no
    known input.
    """
    if not getattr(model, "inputs", None):
        return None
    keras = load_keras()
    try:
        config: Config = keras.Model(model.inputs, model.outputs, name=model.name).get_config()
    except Exception:  # noqa: BLE001  a layer of a person's own may have none, or a wrong one
        return None
    return config if len(config["input_layers"]) == len(model.inputs) else None


def rewired(model: Any, config: Config) -> Any:
    """Return a model of a changed configuration, with the weights of the layers that are left, and
    compiled as the given one; None where Keras cannot build a layer from its configuration.
    """
    keras = load_keras()
    own = {type(layer).__name__: type(layer) for layer in model.submodules if _is_layer(layer)}
    try:
        found = keras.Model.from_config(config, custom_objects=own)
    except Exception:  # noqa: BLE001  as above
        return None
    known = {layer.name: layer for layer in model.layers}
    for layer in found.layers:
        if layer.name in known and layer.weights:
            layer.set_weights(known[layer.name].get_weights())
    return compiled_as(found, model)


def compiled_as(found: Any, model: Any) -> Any:
    """Return a model, compiled as another is, if that is."""
    if model.optimizer is not None:
        found.compile(**model._get_compile_args())  # there is no public way before 2.12
    return found


def renamed(value: Any, old: str, new: Sequence[Any]) -> Any:
    """Return Keras's nested lists of ``[layer, node, tensor, ...]`` with what came from one layer
    coming from another place ``[layer, node, tensor]``: a block that was built before it was called
    has its second node there, and Keras waits for ever for one that never comes.
    """
    if isinstance(value, dict):
        return {key: renamed(item, old, new) for key, item in value.items()}
    if not isinstance(value, (list, tuple)):
        return value
    if len(value) >= 3 and value[0] == old and isinstance(value[1], int):
        return [*new, *[renamed(item, old, new) for item in value[3:]]]
    return [renamed(item, old, new) for item in value]


def _is_layer(value: Any) -> bool:
    return isinstance(value, load_keras().layers.Layer)
