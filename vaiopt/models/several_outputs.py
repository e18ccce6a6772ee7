"""Models whose outputs are a dictionary: they have them as a list, as all later steps read them."""

from __future__ import annotations

from collections import abc
from typing import Any

from vaiopt.keras import load_keras
from vaiopt.models.rewired import compiled_as
from vaiopt.models.several_inputs import PLAIN
from vaiopt.study.trace import BuildFailed


def with_listed_outputs(model: Any) -> Any:
    """Return a model that gives a dictionary with its outputs as a list, in the order of
    ``model.output_names``; others as they are.

    Raises:
        BuildFailed: a key is another than the name of the layer that gives the output, by which
            tasks and labels are told; or the model is of a class of a person's own.
    """
    shapes = getattr(model, "output_shape", None) if getattr(model, "inputs", None) else None
    if not isinstance(shapes, abc.Mapping):
        return model
    # Keras orders the names of the layers by the keys.
    for key, name in zip(sorted(shapes), model.output_names):
        if key != name:
            raise BuildFailed(
                f"the model's output '{key}' comes from a layer that is called '{name}'",
                f"Call both alike: name='{key}' in the layer.",
            )
    if type(model).__name__ not in PLAIN:
        raise BuildFailed(
            "the model gives its outputs as a dictionary, and is of a class of its own",
            "Give a model of a class of your own its outputs as a list.",
        )
    return compiled_as(load_keras().Model(model.inputs, model.outputs, name=model.name), model)
