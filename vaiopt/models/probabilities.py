"""Models that end in logits: what turns their outputs into probabilities.

``BinaryCrossentropy(from_logits=True)`` and its like take a linear last layer, whose outputs are
cut at 0, not at 0.5. The model is trained, and kept, as its author wrote it; its file says by the
loss that the outputs are logits. What it says is judged by probabilities, and the int8 model of one
output ends in them, so that the kit need not know.
"""

from __future__ import annotations

from typing import Any, Dict, Sequence, Tuple

import numpy as np

from vaiopt.files import PathLike
from vaiopt.keras import load_keras
from vaiopt.network.file import (
    OUTPUTS,
    SIGMOID,
    SOFTMAX,
    function_of_loss,
    missing_function,
    output_names,
)
from vaiopt.tasks.joined import as_said, mapped
from vaiopt.tasks.loss_forms import ends_in_logits, loss_names, single_loss
from vaiopt.tasks.one_output import OneOutput
from vaiopt.tasks.task_text import is_several, tasks_in, text_of


def missing_activation(model: Any) -> str:
    """Return ``sigmoid`` or ``softmax`` for a compiled model that ends in logits, else ""; of
    several outputs those that do, as ``digit=softmax,even=sigmoid``.
    """
    if len(model.outputs) == 1:
        return _missing(model)
    found = {
        name: _missing(OneOutput(model, place, name))
        for place, name in enumerate(model.output_names)
    }
    return text_of({name: function for name, function in found.items() if function})


def _missing(model: Any) -> str:
    loss = single_loss(model)
    name = str(getattr(loss, "name", "") or "") + type(loss).__name__
    if _is_of_logits(loss):
        return _activation(model, function_of_loss(name))
    is_own = last_function(model) == LINEAR and ends_in_logits(model)
    return SIGMOID if is_own else ""


def _is_of_logits(loss: Any) -> bool:
    options = getattr(loss, "_fn_kwargs", {})
    return getattr(loss, "from_logits", options.get("from_logits", False)) is True


def doubt_of_loss(model: Any) -> str:
    """Return in words what is wrong with the last activation of a compiled model, or of one of its
    outputs, for the cross-entropy that it learns by; "" if nothing is.
    """
    last, loss = last_function(model), single_loss(model)
    if last in (SIGMOID, SOFTMAX) and _is_of_logits(loss):
        return (
            f"the model ends in a {last}, and its loss takes logits (from_logits=True), so that"
            " val_loss is of another function than the training's: leave one of the two out"
        )
    of_probabilities = any(name.replace("_", "") in _CROSS_ENTROPIES for name in loss_names(model))
    if last == LINEAR and of_probabilities and not _is_of_logits(loss):
        return (
            "the model ends without an activation, and its loss takes probabilities: end with one,"
            " or compile the loss with from_logits=True"
        )
    return ""


def activation_of_file(model: Any, path: PathLike) -> str:
    """Return the same of a model that was loaded from a file, by what the file says of its loss."""
    found = missing_function(path)
    return found if is_several(found) else _activation(model, found) if found else ""


def names_of_outputs(model: Any, path: PathLike) -> Tuple[str, ...]:
    """Return the names of a model's outputs in the order in which it gives them, by the file of the
    float model that it is or was made of; () for one output, whose name does not matter.
    """
    return output_names(path) if len(model.outputs) > 1 else ()


def said(outputs: Any, names: Sequence[str], activation: str) -> np.ndarray:
    """Return what a model says: probabilities where its outputs are logits.

    Args:
        outputs: as Keras gives them; a list of several outputs becomes one array.
        names: of the outputs. activation: that they lack.
    """
    return probabilities(as_said(outputs, names), activation)


IN_INT8 = ("sigmoid",)
"""Activations that an int8 model gets: without one of these an output says something else, and is
not only less sure.
"""


def int8_activation(activation: str) -> str:
    """Return what is put behind an int8 model of a float one that lacks an activation."""
    if is_several(activation):
        return text_of({n: f for n, f in tasks_in(activation).items() if f in IN_INT8})
    return activation if activation in IN_INT8 else ""


def missing_of(kind: str, activation: str) -> str:
    """Return what outputs still lack: those of a ``float`` model the activation, those of an
    ``int8`` one only what it did not get.
    """
    if is_several(activation):
        left = tasks_in(activation).items()
        return text_of({n: f for n, f in left if missing_of(kind, f)})
    return "" if kind == "int8" and int8_activation(activation) else activation


def _activation(model: Any, function: str) -> str:
    """Return the function that a model's outputs lack; one output can only lack a sigmoid, and none
    what it has: Keras heeds the activation where a loss of logits comes behind one.
    """
    if len(model.outputs) != 1 or last_function(model) in (SIGMOID, SOFTMAX):
        return ""
    single = model.output_shape[-1] == 1
    return SIGMOID if single or function == SIGMOID else SOFTMAX


def file_attributes(model: Any) -> Dict[str, str]:
    """Return what the file of a compiled model is to say of its outputs."""
    missing = missing_activation(model)
    return {OUTPUTS: missing} if missing else {}


def with_activation(model: Any, activation: str) -> Any:
    """Return the same layers with an activation behind them, not compiled; the model itself for no
    activation.
    """
    if not activation:
        return model
    keras = load_keras()
    missing = tasks_in(activation) if is_several(activation) else {"": activation}
    names = list(model.output_names) if is_several(activation) else [""]
    outputs = []
    for name, tensor in zip(names, model.outputs):
        function = missing.get(name)
        if function:
            called = f"{name}_probabilities" if name else "probabilities"
            tensor = keras.layers.Activation(function, name=called, dtype="float32")(tensor)
        outputs.append(tensor)
    return keras.Model(model.inputs, outputs, name=model.name)


def probabilities(outputs: np.ndarray, activation: str) -> np.ndarray:
    """Return outputs (samples, ...) of a model after :func:`missing_activation`."""
    if not activation:
        return outputs
    if is_several(activation):
        functions = tasks_in(activation)
        return mapped(lambda part, name: probabilities(part, functions.get(name, "")), outputs)
    logits = outputs.astype(np.float64)
    if activation == "sigmoid":
        found = 0.5 * (1.0 + np.tanh(0.5 * logits))
    else:
        raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
        found = raised / raised.sum(axis=-1, keepdims=True)
    return np.asarray(found.astype(np.float32))


LINEAR = "linear"
_CROSS_ENTROPIES = (
    "binarycrossentropy",
    "categoricalcrossentropy",
    "sparsecategoricalcrossentropy",
)
"""What Keras's are called, as functions, as texts and as classes, in small letters."""
_AS_THEY_ARE = ("Reshape", "Flatten", "Permute", "Dropout")
"""Layers that leave values as they are."""


def last_function(model: Any) -> str:
    """Return the function that a functional model's (first) output comes from, such as ``softmax``,
    ``sigmoid`` or ``linear``, by its last layer that changes values.
    """
    tensor = model.outputs[0]
    while True:
        layer = tensor._keras_history[0]
        kind = type(layer).__name__
        if kind not in _AS_THEY_ARE or not isinstance(getattr(layer, "input", []), type(tensor)):
            break
        tensor = layer.input
    if kind in ("Softmax", "ReLU"):
        return kind.lower()
    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", "") if function is not None else LINEAR
    return "softmax" if "softmax" in name else name
