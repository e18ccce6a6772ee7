"""The int8 model as a Keras model, and its integers.

A quantized model is an ordinary functional Keras model in float32 whose numbers all lie on the
DPU's grids. It consists of

* standard layers, with linear activation, whose weights are already rounded to int8 at their fix
  positions: ``Conv2D``,
  ``DepthwiseConv2D``, ``Conv2DTranspose``, ``Dense``, ``MaxPooling2D``, ``UpSampling2D``, ``Add``,
  ``Multiply``, ``Concatenate``, ``Flatten``, ``Reshape``, ``ZeroPadding2D``, ``ReLU`` (with 6 for
  ReLU6), ``LeakyReLU`` (slope 26/256 where 0.1 was asked for), ``PReLU``, ``Activation``
  (``softmax`` and others the CPU computes), and any layer that is left in float;
* ``FixPosition(position, float_layer, tensor)``: rounds half up to the integer grid
  ``2**-position``, saturates at -128..127. One stands
  wherever the DPU writes a tensor: behind every input, behind convolution + activation, and so on.
  ``position`` is an ``int``;
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
import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Set, Union

import numpy as np

from vaiopt.errors import MissingToolError, ModelError
from vaiopt.files import PathLike, atomic_path
from vaiopt.int8.arithmetic import BITS, LEAKY_ALPHA
from vaiopt.int8.vendor import (
    WEIGHTS,
    input_layers,
    is_vitis_model,
    slots,
    vitis_integer_outputs,
    vitis_positions,
)
from vaiopt.keras import load_keras, load_model, load_tensorflow, read_model_config, save_model

POSITIONS_ATTRIBUTE = "vaiopt_fix_positions"
"""Attribute of the ``.h5`` file, and of a loaded model, with the positions of weights and
activations.
"""

_DYADIC = (
    "InputLayer FixPosition FixedSigmoid Conv2D DepthwiseConv2D Conv2DTranspose Dense PReLU Add"
    " Multiply Concatenate MaxPooling2D Flatten Reshape ZeroPadding2D Permute Dropout"
).split()
"""Layers that stay on dyadic grids, whatever their configuration (a convolution is linear here, an
upsampling may interpolate).
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


def save_quantized(model: Any, positions: Sequence[Dict[str, Any]], path: PathLike) -> None:
    """Write a quantized model and its positions to a Keras 2 ``.h5`` file, whole.

    Args:
        model: a Keras model as described above.
        positions: ``[{layer, tensor, bits, position}]`` of every weight and activation.
        path: of the file.
    """
    import h5py

    with atomic_path(Path(path)) as temporary:
        save_model(model, temporary)
        with h5py.File(str(temporary), "r+") as file:
            file.attrs[POSITIONS_ATTRIBUTE] = json.dumps(list(positions)).encode("utf-8")


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
    import h5py

    with h5py.File(str(path), "r") as file:
        text = file.attrs.get(POSITIONS_ATTRIBUTE, b"[]")
    attach_positions(
        model, json.loads(text.decode("utf-8") if isinstance(text, bytes) else str(text))
    )
    return model


def fix_positions(model: Any) -> List[Dict[str, Any]]:
    """Return ``[{layer, tensor, bits, position}]`` of a quantized model: weights and activations,
    layer names those of the float model.

    A model of ours that was changed since it was loaded (cloned, say) still tells the positions of
    its activations.
    """
    known = getattr(model, POSITIONS_ATTRIBUTE, None)
    if known:
        return [dict(entry) for entry in known]
    if is_vitis_model(model):
        return vitis_positions(model)
    return [
        {
            "layer": layer.float_layer,
            "tensor": layer.tensor,
            "bits": BITS,
            "position": layer.position,
        }
        for layer in model.layers
        if is_fix_position(layer)
    ]


def integer_outputs(
    model: Any, x: Union[np.ndarray, Sequence[np.ndarray]], batch_size: int = 64
) -> Dict[str, np.ndarray]:
    """Return the int8 integers of every activation, ``{"<layer>/<tensor>": array}``, as the DPU
    computes them.

    Args:
        model: a quantized model of either backend.
        x: preprocessed samples, float32, first axis the samples (a list of arrays for a model of
            several inputs).
        batch_size: samples computed at once.

    Returns:
        Arrays of the activations' shapes, NHWC, samples first, in the order of the model's layers.
    """
    if is_vitis_model(model):
        return vitis_integer_outputs(model, x, batch_size, _float_names(model))
    keras = load_keras()
    exact = _in_float64(model) if _is_dyadic(model) else model
    points = [layer for layer in exact.layers if is_fix_position(layer)]
    probe = keras.Model(exact.inputs, [layer.output for layer in points])
    arrays = list(x) if isinstance(x, (list, tuple)) else [x]
    arrays = [np.asarray(array, np.float32) for array in arrays]
    parts: List[List[np.ndarray]] = [[] for _ in points]
    for start in range(0, len(arrays[0]), batch_size):
        batch = [array[start : start + batch_size] for array in arrays]
        outputs = probe(batch[0] if len(batch) == 1 else batch, training=False)
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        for part, layer, output in zip(parts, points, outputs):
            part.append(np.rint(output.numpy() * 2.0**layer.position).astype(np.int8))
    return {
        f"{layer.float_layer}/{layer.tensor}": np.concatenate(part)
        for layer, part in zip(points, parts)
    }


def output_tensors(model: Any) -> List[str]:
    """Return ``<layer>/<tensor>`` of the last rounded activation before each output of the model:
    the logits before a softmax.
    """
    if is_vitis_model(model):
        names = {
            slot.layer.name: (slot.float_layer, slot.tensor)
            for slot in slots(model, _float_names(model))
            if slot.tensor not in WEIGHTS
        }
    else:
        names = {
            layer.name: (layer.float_layer, layer.tensor)
            for layer in model.layers
            if is_fix_position(layer)
        }
    found = []
    for tensor in model.outputs:
        layer = tensor._keras_history.layer
        while layer.name not in names:
            inbound = input_layers(layer)
            if len(inbound) != 1:
                raise ModelError(
                    "no rounded tensor leads to output '{}' alone".format(
                        tensor.name.split(":")[0]
                    ),
                    "End the model with a dense layer or convolution, with softmax behind it at"
                    " most.",
                )
            layer = inbound[0]
        found.append("{}/{}".format(*names[layer.name]))
    return found


def _is_dyadic(model: Any) -> bool:
    """Tell whether every rounded tensor is computed from int8 numbers by sums, products and dyadic
    factors alone.

    If not (a slope of 0.3, a tanh between layers, a mean over six cells), the vendor's float32
    decides on the last bit, so float32 is kept.
    """
    last = {layer.name for layer in model.layers if not layer.outbound_nodes}
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "LeakyReLU":
            dyadic = (
                abs(
                    float(
                        layer.get_config().get("alpha", layer.get_config().get("negative_slope", 0))
                    )
                    - LEAKY_ALPHA
                )
                < 1e-9
            )
        elif kind == "ReLU":
            dyadic = not layer.get_config().get("negative_slope")
        elif kind == "UpSampling2D":
            dyadic = layer.get_config().get("interpolation", "nearest") == "nearest"
        elif kind == "Activation":
            dyadic = (
                layer.get_config()["activation"] in ("linear", "relu", "relu6")
                or layer.name in last
            )
        elif kind.startswith("Fixed") and kind.endswith("Pooling2D"):
            dyadic = layer.shift is not None and getattr(layer, "padding", "valid") == "valid"
        else:
            dyadic = kind in _DYADIC or layer.name in last
        if not dyadic:
            return False
    return True


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


def _float_names(model: Any) -> Optional[Set[str]]:
    """Return the names of the float model's layers, as far as they have positions; None where these
    are not known.
    """
    known = getattr(model, POSITIONS_ATTRIBUTE, None)
    return {entry["layer"] for entry in known} if known else None


def attach_positions(model: Any, positions: Sequence[Dict[str, Any]]) -> None:
    """Remember the positions on the model object, past Keras's tracking of attributes."""
    object.__setattr__(model, POSITIONS_ATTRIBUTE, tuple(dict(entry) for entry in positions))


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
    layers = config["config"]["layers"] if isinstance(config["config"], dict) else config["config"]
    return [str(layer.get("class_name")) for layer in layers]
