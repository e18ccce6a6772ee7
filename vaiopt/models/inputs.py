"""Fits a model's input to the data: models for KerasTuner often leave its shape to ``fit``."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import numpy as np

from vaiopt.keras import load_keras

Shape = Tuple[int, ...]


def fit_input(model: Any, shape: Shape) -> Any:
    """Return a model that takes samples of ``shape`` (without the batch), compiled as the given
    one.

    A Sequential model of unknown input is built for them. One whose input has as many values in
    another shape, ``(28, 28)`` or ``(784,)`` for ``(28, 28, 1)``, gets a Reshape in front. Any
    other model is returned as it is.

    Raises:
        ValueError: the layers cannot be built for such samples.
    """
    keras = load_keras()
    if isinstance(model, keras.Sequential) and not model.inputs:
        model.build((None, *shape))
    inputs: List[Any] = list(getattr(model, "inputs", None) or [])
    if len(inputs) != 1:
        return model
    given = tuple(inputs[0].shape)[1:]
    if given == shape or None in given or np.prod(given) != np.prod(shape):
        return model
    return _reshaped(model, given, shape)


def _reshaped(model: Any, given: Shape, shape: Shape) -> Any:
    """Return the model with a Reshape from ``shape`` to ``given`` in front, and its weights."""
    keras = load_keras()
    config = keras.Model(model.inputs, model.outputs, name=model.name).get_config()
    name = config["input_layers"][0][0]
    reshape = f"reshape_{name}"
    entries = []
    for entry in config["layers"]:
        if entry["config"]["name"] == name:
            changed = dict(entry["config"], batch_input_shape=(None, *shape))
            settings = {"name": reshape, "target_shape": list(given)}
            entries += [dict(entry, config=changed), _layer_entry("Reshape", settings, name)]
        else:
            nodes = _renamed(entry["inbound_nodes"], name, reshape)
            entries.append(dict(entry, inbound_nodes=nodes))
    config["layers"] = entries
    config["output_layers"] = _renamed(config["output_layers"], name, reshape)
    found = keras.Model.from_config(
        config, custom_objects={type(layer).__name__: type(layer) for layer in model.layers}
    )
    found.set_weights(model.get_weights())
    if model.optimizer is not None:
        found.compile(**model._get_compile_args())  # there is no public way before 2.12
    return found


def _layer_entry(kind: str, config: Dict[str, Any], source: str) -> Dict[str, Any]:
    return {
        "class_name": kind,
        "config": config,
        "name": config["name"],
        "inbound_nodes": [[[source, 0, 0, {}]]],
    }


def _renamed(value: Any, old: str, new: str) -> Any:
    """Return Keras's nested lists of ``[layer, node, tensor, ...]`` with one layer renamed."""
    if isinstance(value, dict):
        return {key: _renamed(item, old, new) for key, item in value.items()}
    if not isinstance(value, (list, tuple)):
        return value
    if len(value) >= 3 and value[0] == old and isinstance(value[1], int):
        return [new, *[_renamed(item, old, new) for item in value[1:]]]
    return [_renamed(item, old, new) for item in value]
