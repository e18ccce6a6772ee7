"""Fits a model's input to the data: models for KerasTuner often leave its shape to ``fit``."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import numpy as np

from vaiopt.keras import load_keras
from vaiopt.models.rewired import functional_config, renamed, rewired

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
    config = functional_config(model)
    if config is None:
        return model
    name = config["input_layers"][0][0]
    reshape = f"reshape_{name}"
    entries = []
    for entry in config["layers"]:
        if entry["config"]["name"] == name:
            changed = dict(entry["config"], batch_input_shape=(None, *shape))
            settings = {"name": reshape, "target_shape": list(given)}
            entries += [dict(entry, config=changed), _layer_entry("Reshape", settings, name)]
        else:
            nodes = renamed(entry["inbound_nodes"], name, (reshape, 0, 0))
            entries.append(dict(entry, inbound_nodes=nodes))
    config["layers"] = entries
    config["output_layers"] = renamed(config["output_layers"], name, (reshape, 0, 0))
    found = rewired(model, config)
    return model if found is None else found


def _layer_entry(kind: str, config: Dict[str, Any], source: str) -> Dict[str, Any]:
    return {
        "class_name": kind,
        "config": config,
        "name": config["name"],
        "inbound_nodes": [[[source, 0, 0, {}]]],
    }
