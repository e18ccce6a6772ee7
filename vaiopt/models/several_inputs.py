"""Models of several inputs: they have those of the data, in the order of the data."""

from __future__ import annotations

from typing import Any

from vaiopt.errors import did_you_mean
from vaiopt.keras import load_keras
from vaiopt.models.rewired import compiled_as
from vaiopt.study.hyperparameters import HyperParameters
from vaiopt.study.trace import BuildFailed

PLAIN = ("Functional", "Model")
"""Classes of functional models that train as Keras does."""


def with_inputs_of(model: Any, hp: HyperParameters) -> Any:
    """Return a model with its inputs as a list in the order of the data, in which all later steps
    feed it; as it is where the data have one input.

    Raises:
        BuildFailed: its inputs are not those of the data.
    """
    if not hp.inputs:
        return model
    own = dict(zip(model.input_names, model.inputs))
    _check(own, hp)
    if list(own) == list(hp.inputs) and not isinstance(model.input_shape, dict):
        return model
    if type(model).__name__ not in PLAIN:
        raise BuildFailed(
            f"the model's inputs are {', '.join(own)}, the data have {', '.join(hp.inputs)}",
            "Give a model of a class of your own its inputs in the order of the data.",
        )
    ordered = [own[name] for name in hp.inputs]
    return compiled_as(load_keras().Model(ordered, model.outputs, name=model.name), model)


def _check(own: Any, hp: HyperParameters) -> None:
    known = ", ".join(f"'{name}'" for name in hp.inputs)
    if len(own) == 1:
        raise BuildFailed(
            f"the model has one input, '{next(iter(own))}', and the data have {len(hp.inputs)}:"
            f" {known}",
            "Return a model with these inputs: {n: keras.Input(i.shape, name=n) for n, i in"
            " hp.inputs.items()}; or give one array x.",
        )
    for name in own:
        if name not in hp.inputs:
            raise BuildFailed(
                f"there are no samples of the model's input '{name}', only of {known}",
                f"Name the layer so: keras.Input(..., name=...); or give an array x_{name}.",
            )
    for name, wanted in hp.inputs.items():
        if name not in own:
            raise BuildFailed(f"the model has no input '{name}'", did_you_mean(name, own))
        shape = tuple(own[name].shape)[1:]
        if shape != tuple(wanted.shape):
            raise BuildFailed(
                f"the model's input '{name}' takes the shape {shape}, the data have"
                f" {tuple(wanted.shape)}",
                f"Use keras.Input(hp.inputs['{name}'].shape, name='{name}').",
            )
