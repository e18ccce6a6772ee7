"""The int8 model as a Keras model, and its integers.

A quantized model is an ordinary functional Keras model in float32 whose numbers all lie on the
DPU's grids. It consists of

* standard layers, with linear activation, whose weights are already rounded to int8 at their fix
  positions: ``Conv2D``, ``DepthwiseConv2D``, ``Conv2DTranspose``, ``Dense``, ``MaxPooling2D``,
  ``UpSampling2D``, ``Add``, ``Multiply``, ``Concatenate``, ``Flatten``, ``Reshape``,
  ``ZeroPadding2D``, ``ReLU`` (with 6 for ReLU6), ``LeakyReLU`` (slope 26/256 where 0.1 was asked
  for), ``PReLU``, ``Activation`` (``softmax`` and others the CPU computes), and any layer that is
  left in float;
* ``FixPosition(position, float_layer, tensor)``: rounds half up to the integer grid
  ``2**-position``, saturates at -128..127. One stands wherever the DPU writes a tensor: behind
  every input, behind convolution + activation, and so on;
* ``FixedSigmoid``: ``clip(x + 3, 0, 6) * 2731 / 2**14``;
* ``FixedAveragePooling2D(pool_size, strides, padding, numerator, shift)`` and
  ``FixedGlobalAveragePooling2D(keepdims, numerator, shift)``:
  ``sum * numerator / 2**shift`` (``shift`` is None where the plain mean is kept; with ``same``
  padding cells outside do not count).

Float32 arithmetic on such numbers is exact up to 24 bits; :func:`integer_outputs` computes in
float64, which is exact up to 53.

What another stage needs to know of a model (a TFLite converter, say) is all in ``model.layers`` and
:func:`fix_positions`: walk the layers, replace each ``FixPosition`` by its own fake quantization
with the range ``[-128 * 2**-p, 127 * 2**-p]``, and the three functions above by what they mean.
"""

from __future__ import annotations

import importlib
from typing import Any, Callable, Collection, Dict, List, Optional, Sequence, Union

import numpy as np

from vaiopt.errors import MissingToolError, ModelError
from vaiopt.files import PathLike
from vaiopt.int8 import positions as positions_file
from vaiopt.int8.arithmetic import BITS, LEAKY_ALPHA
from vaiopt.int8.positions import FixPosition
from vaiopt.int8.vendor import (
    WEIGHTS,
    computed,
    input_layers,
    is_vitis_model,
    named_slots,
    vitis_integer_outputs,
    vitis_positions,
)
from vaiopt.keras import load_keras, load_model, load_tensorflow, save_model
from vaiopt.network.file import attribute_text, layer_entries, read_model_config
from vaiopt.network.hdf5 import open_hdf5

POSITIONS_ATTRIBUTE = "vaiopt_fix_positions"
"""Attribute of the ``.h5`` file, and of a loaded model, with the positions of weights and
activations.
"""

_classes: Dict[str, Any] = {}


def fixed_layers() -> Dict[str, Any]:
    """Return the layer classes of a quantized model by name; they are made when first asked for,
    since they need TensorFlow.
    """
    if not _classes:
        from vaiopt.int8.layers import make_layers

        _classes.update(make_layers(load_tensorflow()))
    return _classes


def custom_objects() -> Dict[str, Any]:
    """Return what ``keras.models.load_model(path, custom_objects=...)`` needs for a quantized
    model.
    """
    layers = fixed_layers()
    return {**layers, **{"vaiopt>" + name: layer for name, layer in layers.items()}}


def is_fix_position(layer: Any) -> bool:
    """Tell whether a layer is a ``FixPosition``."""
    return type(layer).__name__ == "FixPosition"


def save_quantized(model: Any, positions: Sequence[FixPosition], path: PathLike) -> None:
    """Write a quantized model and its positions to a Keras 2 ``.h5`` file, whole.

    Args:
        model: a Keras model as described above.
        positions: of every weight and activation.
        path: of the file.
    """
    save_model(model, path, {POSITIONS_ATTRIBUTE: positions_file.to_json(positions)})


def load_quantized(path: PathLike) -> Any:
    """Load ``quantized.h5`` of either backend: a Keras model, not compiled.

    Raises:
        ModelError: the file is missing, damaged, or not a quantized model.
        MissingToolError: it was written by the vendor's quantizer, which is not installed here.
    """
    names = _class_names(read_model_config(path))
    if any(name.startswith("Vitis>") for name in names):
        return _remember_positions(_load_vitis(path), path)
    if "vaiopt>FixPosition" not in names and "FixPosition" not in names:
        raise ModelError(f"'{path}' is not a quantized model", "Make one with: vaiopt quantize")
    return _remember_positions(load_model(path, custom_objects()), path)


def _remember_positions(model: Any, path: PathLike) -> Any:
    """Read the positions from a file and keep them with the model."""
    try:
        with open_hdf5(path) as file:
            text = attribute_text(file.attrs.get(POSITIONS_ATTRIBUTE, b"[]"))
        attach_positions(model, positions_file.from_json(text))
    except (OSError, RecursionError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(
            f"the fix positions in '{path}' are damaged ({error})",
            "Quantize again with: vaiopt quantize",
        ) from error
    return model


def fix_positions(model: Any) -> List[FixPosition]:
    """Return the fix positions of a quantized model: weights and activations, layer names those of
    the float model.

    A model of ours that was changed since it was loaded (cloned, say) still tells the positions of
    its activations.
    """
    known = getattr(model, POSITIONS_ATTRIBUTE, None)
    if known:
        return list(known)
    if is_vitis_model(model):
        return vitis_positions(model)
    return [
        FixPosition(layer.float_layer, layer.tensor, BITS, layer.position)
        for layer in model.layers
        if is_fix_position(layer)
    ]


def integer_outputs(
    model: Any,
    x: Union[np.ndarray, Sequence[np.ndarray]],
    batch_size: int = 64,
    wanted: Optional[Collection[str]] = None,
) -> Dict[str, np.ndarray]:
    """Return the int8 integers of every activation, ``{"<layer>/<tensor>": array}``, as the DPU
    computes them.

    Args:
        model: a quantized model of either backend.
        x: preprocessed samples, float32, first axis the samples (a list of arrays for a model of
            several inputs).
        batch_size: samples computed at once.
        wanted: names of the activations that are returned; all, if not given. The others of a large
            model need much memory.

    Returns:
        Arrays of the activations' shapes, NHWC, samples first, in the order of the model's layers.
    """
    if is_vitis_model(model):
        return vitis_integer_outputs(model, x, batch_size, _known(model), wanted)
    keras = load_keras()
    exact = _in_float64(model) if _is_dyadic(model) else model
    named = {f"{p.float_layer}/{p.tensor}": p for p in exact.layers if is_fix_position(p)}
    names = [name for name in named if wanted is None or name in wanted]
    points = [named[name] for name in names]
    probe = keras.Model(exact.inputs, [layer.output for layer in points])

    def rounded(output: np.ndarray, number: int) -> np.ndarray:
        return np.rint(output * 2.0 ** points[number].position).astype(np.int8)

    return dict(zip(names, computed(probe, x, batch_size, rounded)))


def output_tensors(model: Any) -> List[str]:
    """Return ``<layer>/<tensor>`` of the last rounded activation before each output of the model:
    the logits before a softmax.
    """
    if is_vitis_model(model):
        found = named_slots(model, _known(model))
        names = {slot.layer.name: slot.name for slot in found if slot.tensor not in WEIGHTS}
    else:
        points = [layer for layer in model.layers if is_fix_position(layer)]
        names = {layer.name: f"{layer.float_layer}/{layer.tensor}" for layer in points}
    outputs = []
    for tensor in model.outputs:
        layer = tensor._keras_history.layer
        while layer.name not in names:
            inbound = input_layers(layer)
            if len(inbound) != 1:
                output = tensor.name.split(":")[0]
                raise ModelError(
                    f"no rounded tensor leads to output '{output}' alone",
                    "End the model with a dense layer or convolution, with softmax behind it at"
                    " most.",
                )
            layer = inbound[0]
        outputs.append(names[layer.name])
    return outputs


def _is_dyadic(model: Any) -> bool:
    """Tell whether every rounded tensor is computed from int8 numbers by sums, products and dyadic
    factors alone.

    If not (a slope of 0.3, a tanh between layers, a mean over six cells), the vendor's float32
    decides on the last bit, so float32 is kept.
    """
    return all(_DYADIC.get(type(layer).__name__, _is_last)(layer) for layer in model.layers)


def _always(layer: Any) -> bool:
    return True


def _is_last(layer: Any) -> bool:
    return not layer.outbound_nodes


def _dyadic_slope(layer: Any) -> bool:
    config = layer.get_config()
    return abs(float(config.get("alpha", config.get("negative_slope", 0))) - LEAKY_ALPHA) < 1e-9


def _dyadic_function(layer: Any) -> bool:
    return layer.get_config()["activation"] in ("linear", "relu", "relu6") or _is_last(layer)


def _dyadic_mean(layer: Any) -> bool:
    return layer.shift is not None and getattr(layer, "padding", "valid") == "valid"


_DYADIC: Dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(
        "InputLayer FixPosition FixedSigmoid Conv2D DepthwiseConv2D Conv2DTranspose Dense PReLU Add"
        " Multiply Concatenate MaxPooling2D Flatten Reshape ZeroPadding2D Permute Dropout".split(),
        _always,
    ),
    "LeakyReLU": _dyadic_slope,
    "ReLU": lambda layer: not layer.get_config().get("negative_slope"),
    "UpSampling2D": lambda layer: layer.get_config().get("interpolation", "nearest") == "nearest",
    "Activation": _dyadic_function,
    "FixedAveragePooling2D": _dyadic_mean,
    "FixedGlobalAveragePooling2D": _dyadic_mean,
}
"""Layer classes that stay on dyadic grids, and when (a convolution is linear here). Any other class
does not, which only matters if something reads it.
"""


def _in_float64(model: Any) -> Any:
    """Return a copy of the model that computes in float64, in which sums of products of int8
    numbers are exact.
    """
    keras = load_keras()
    config = model.get_config()
    for layer in config["layers"]:
        layer["config"]["dtype"] = "float64"
    with keras.utils.custom_object_scope(custom_objects()):
        copy = keras.Model.from_config(config)
    copy.set_weights(model.get_weights())
    return copy


def _known(model: Any) -> Optional[Sequence[FixPosition]]:
    """Return the positions that a model's file has; None where it has none."""
    return getattr(model, POSITIONS_ATTRIBUTE, None) or None


def attach_positions(model: Any, positions: Sequence[FixPosition]) -> None:
    """Remember the positions on the model object, past Keras's tracking of attributes."""
    object.__setattr__(model, POSITIONS_ATTRIBUTE, tuple(positions))


def _load_vitis(path: PathLike) -> Any:
    try:
        # Importing it registers the vendor's layers.
        importlib.import_module("tensorflow_model_optimization.quantization.keras.vitis_quantize")
    except ImportError as error:
        raise MissingToolError(
            f"'{path}' was written by the vendor's quantizer, which is not installed here",
            "Load it in the Vitis-AI container, or quantize again with: vaiopt quantize --backend"
            " tfmot",
        ) from error
    return load_model(path)


def _class_names(config: Any) -> List[str]:
    """Return the class names of all layers in a model's configuration."""
    return [str(layer["class_name"]) for layer in layer_entries(config)]
