"""What cannot be quantized is refused here, before any long work, with the name and the cure."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from vaiopt.errors import DataError, QuantizeError
from vaiopt.files import PathLike
from vaiopt.int8.feed import in_shape
from vaiopt.keras import load_keras, load_model
from vaiopt.models.probabilities import activation_of_file, int8_activation, with_activation
from vaiopt.network.calls import INPUT_SCALING, INPUT_SHAPE
from vaiopt.network.file import layer_entries, read_model_config
from vaiopt.network.read import read_calls
from vaiopt.network.refusals import refusals
from vaiopt.npz import NpzError, few_names, load_npz
from vaiopt.quantize.backend import Arrays, single_or_list
from vaiopt.quantize.labels import Judge
from vaiopt.quantize.plain import changes_of, plain_model, remember_changes
from vaiopt.tasks.joined import as_said

_QUANTIZED = ("QuantizeLayer", "vaiopt>FixPosition", "FixPosition")
_OWN_SCALING = ("Rescaling", "Normalization", "BatchNormalization")

WRONG_SCALE = 4.0
"""Data that reach this many times more or less than the preprocessing's are at a wrong scale."""

RAW_PIXELS = 64.0
"""Values up to more than this are taken for raw pixels."""

LARGEST_PREPROCESSED = (0.05, 10.0)
"""Where the largest value of preprocessed data usually lies."""

TIMES_CHANCE_UNDERSTOOD, TIMES_CHANCE_GUESSED = 2.0, 1.5
"""A model that is right this many times as often as guessing understands the data; one below the
second does not.
"""


def functional_model(model: Any) -> Any:
    """Return a functional Keras model of a model or of the file it is in, in the form that
    quantizers take (:mod:`vaiopt.quantize.plain`). One output that the file says is a logit becomes
    a probability.

    Raises:
        ModelError: the file cannot be read, or is Keras 3's.
        QuantizeError: it is not a Keras 2 model, is subclassed, not built, or already quantized.
    """
    activation = ""
    if isinstance(model, (str, Path)):
        _check_kinds(read_model_config(model))
        path, model = model, load_model(model)
        activation = activation_of_file(model, path)
    keras = load_keras()
    built = getattr(model, "_is_graph_network", False)
    if not isinstance(model, keras.Model):
        raise QuantizeError(
            f"a {type(model).__name__} cannot be quantized",
            "Give a Keras 2 model (tf.keras, or tf_keras), or the path of its .h5 file.",
        )
    if not built and isinstance(model, keras.Sequential):
        message = f"the Sequential model '{model.name}' is not built"
        raise QuantizeError(message, "Give its first layer an input_shape.")
    if not built:
        raise QuantizeError(
            f"the model '{model.name}' is a subclass of keras.Model, whose layers cannot be read",
            "Build it with the functional API: keras.Model(inputs, outputs).",
        )
    plain = plain_model(keras.Model(model.inputs, model.outputs, name=model.name))
    found = with_activation(plain, int8_activation(activation))
    # One that was changed before is not changed again, and remembers it.
    functional = remember_changes(found, plain if changes_of(plain) else model)
    check_model(functional)
    return functional


def _check_kinds(config: Any) -> None:
    """Refuse, before anything is built, what its configuration shows to be quantized already."""
    for layer in layer_entries(config):
        kind, inner = str(layer["class_name"]), layer["config"]
        name = inner.get("name") if isinstance(inner, dict) else layer.get("name")
        if kind.startswith("Vitis>") or "QuantizeWrapper" in kind or kind in _QUANTIZED:
            raise QuantizeError(
                f"the model is already quantized: layer '{name}' is a {kind.split('>')[-1]}",
                "Give the float model: float/model.h5 of the run.",
            )


def check_model(model: Any) -> None:
    """Refuse a functional model that no quantizer can take.

    Raises:
        QuantizeError: a layer is quantized already, nested, grouped, not float32, of channels
            first, an operation on tensors, normalises along another axis than the last, or has a
            weight that is not a number; or an input has an unknown size.
    """
    config = model.get_config()
    _check_kinds(config)
    for tensor in model.inputs:
        name, shape = tensor.name.split(":")[0], tuple(tensor.shape)[1:]
        if None in shape:
            raise QuantizeError(
                f"input '{name}' has an unknown size: {shape}", "Give the input a fixed shape."
            )
    calls = read_calls(model)
    for refusal in refusals(calls):
        raise QuantizeError(refusal.problem, refusal.cure)
    for name in calls.nested:
        raise QuantizeError(
            f"layer '{name}' is a model of its own, which the quantizer cannot enter",
            "Flatten the model: call the inner layers in the outer one instead of the inner model.",
        )
    for layer in model.layers:
        for variable, values in zip(layer.weights, layer.get_weights()):
            if values.dtype.kind == "f" and not np.all(np.isfinite(values)):
                weight = variable.name.split(":")[0].split("/")[-1]
                raise QuantizeError(
                    f"weight '{weight}' of layer '{layer.name}' has a value that is not a number",
                    "Train the model again, with a smaller learning rate; its training diverged.",
                )


def calibration_arrays(model: Any, x: Arrays, name: str = "x") -> List[np.ndarray]:
    """Return calibration data as one float32 array per input of the model.

    Args:
        model: functional.
        x: the samples, preprocessed as in training; a list for a model of several inputs. Series
            get the column with which the changed model takes them.
        name: of the array, for messages.

    Raises:
        DataError: there are no samples, they have the wrong shape, are raw, or are not numbers.
    """
    several = isinstance(x, (list, tuple)) and not np.isscalar(x[0]) and len(model.inputs) > 1
    arrays = list(x) if several else [x]
    if len(arrays) != len(model.inputs):
        raise DataError(
            f"{name} is one array, the model has {len(model.inputs)} inputs",
            "Give a list of arrays, one per input of the model.",
        )
    checked: List[np.ndarray] = []
    series = {change.layer for change in changes_of(model) if change.kind == INPUT_SHAPE}
    for array, tensor, layer in zip(arrays, model.inputs, model.input_names):
        label = f"{name}[{len(checked)}]" if several else name
        shape = tuple(tensor.shape)[1:]
        given = (shape[0], *shape[2:]) if layer in series else shape
        array = np.asarray(array)
        if array.shape[1:] == shape:
            array = in_shape(array, given)
        checked.append(in_shape(_calibration_array(array, given, label), shape))
    if len({len(array) for array in checked}) > 1:
        raise DataError(
            f"the arrays of {name} have different numbers of samples",
            "Give as many samples to every input.",
        )
    return checked


def _calibration_array(array: np.ndarray, shape: Tuple[int, ...], name: str) -> np.ndarray:
    def refusal(what: str, hint: str) -> DataError:
        return DataError(f"calibration array '{name}' {what}", hint)

    kind, samples = array.dtype.kind, array.shape[1:]
    if array.ndim == 0 or len(array) == 0:
        raise refusal("is empty", "Give at least 100 samples from the training data.")
    if kind not in "fiub":
        raise refusal(f"has dtype {array.dtype}", "Give preprocessed samples, float32.")
    if samples != shape:
        raise refusal(
            f"has samples of shape {samples}, the model reads {shape}",
            f"Give an array of shape (samples, {', '.join(map(str, shape))}), samples first,"
            " preprocessed as in training.",
        )
    if kind in "iub" and (array.max() > 1 or array.min() < -1):
        raise refusal(
            f"holds raw {array.dtype} values",
            "Preprocess it as in training, (x - offset) / scale in float32, before it is saved.",
        )
    array = array.astype(np.float32)
    if not np.all(np.isfinite(array)):
        hint = "Remove the samples with NaN or infinity."
        raise refusal("has values that are not finite", hint)
    return array


def check_scale(
    model: Any,
    arrays: Sequence[np.ndarray],
    judge: Optional[Judge],
    input_range: Optional[Tuple[float, float]],
    name: str = "x",
) -> None:
    """Refuse calibration data at another scale than the training data had.

    With the range of the preprocessing they must be within a factor of four of it. Without, raw
    pixels are refused, and data of an unusual range that the model classifies no better than
    chance; not if the model scales by itself, or the labels show that it understands them.

    Raises:
        DataError: the data are at the wrong scale.
    """
    largest = max(float(np.max(np.abs(array))) for array in arrays)
    if input_range is not None:
        wanted = max(abs(input_range[0]), abs(input_range[1]))
        if wanted > 0 and not wanted / WRONG_SCALE <= largest <= wanted * WRONG_SCALE:
            raise DataError(
                f"calibration array '{name}' reaches {largest:.4g}, the preprocessing {wanted:.4g}:"
                " it is at the wrong scale",
                "Preprocess it as in training: the run's float/data.json has offset and scale.",
            )
        return
    if any(type(layer).__name__ in _OWN_SCALING for layer in model.layers[:3]):
        return
    if any(change.kind == INPUT_SCALING for change in changes_of(model)):
        return
    pixels = all(_like_pixels(array) for array in arrays)
    unusual = not LARGEST_PREPROCESSED[0] <= largest <= LARGEST_PREPROCESSED[1]
    if not pixels and not (unusual and judge is not None):
        return
    correct = None
    if judge is not None:
        outputs = as_said(model.predict(single_or_list(arrays), verbose=0), judge.names)
        correct = judge.task.times_chance(outputs, judge.y)
    if pixels and (correct is None or correct < TIMES_CHANCE_UNDERSTOOD):
        raise DataError(
            f"calibration array '{name}' reaches {largest:.0f} like raw pixels: it is at the wrong"
            " scale",
            "Preprocess it as in training, (x - offset) / scale. If the model was trained on raw"
            " pixels, add the labels as 'y' to show it.",
        )
    if unusual and correct is not None and correct < TIMES_CHANCE_GUESSED:
        raise DataError(
            f"calibration array '{name}' reaches {largest:.4g}, and the float model guesses on it:"
            " it is at the wrong scale",
            "Preprocess it as in training, (x - offset) / scale.",
        )


def _like_pixels(array: np.ndarray) -> bool:
    """Tell whether values look like raw pixels: 0 to 255, and whole numbers or an image's."""
    low, high = float(array.min()), float(array.max())
    if low < 0 or not RAW_PIXELS < high <= 255:
        return False
    return array.ndim == 4 or bool(np.all(array == np.rint(array)))


SAMPLES_OF = "x_{}"
"""The array of one of several inputs in a file of data."""


def load_calibration(
    path: PathLike, inputs: Sequence[str] = (), outputs: Sequence[str] = ()
) -> Tuple[Arrays, Any]:
    """Read calibration data from an ``.npz`` file: ``x``, and ``y`` if it is there; for a model of
    several inputs an array for each, by the input's name or as ``x_<input>``, as data have it; of
    several outputs ``y_<output>``.

    Args:
        path: of the file.
        inputs: names of the model's inputs, in their order; () if they are not known.
        outputs: of its outputs.

    Returns:
        The samples, a list of arrays for several inputs, and the labels, by output if there are
        several, or None.

    Raises:
        DataError: the file is missing or damaged, or lacks an array.
    """
    names = tuple(inputs) if len(inputs) > 1 else ("x",)
    labels = tuple(f"y_{name}" for name in outputs) if len(outputs) > 1 else ()
    path, write = Path(path), "Write it with numpy.savez(path, x=x, y=y)."
    if len(names) > 1:
        write = "Write an array for each input, by its name: numpy.savez(path, {}).".format(
            ", ".join(f"{name}=..." for name in (*names, "y"))
        )
    if not path.exists():
        raise DataError(
            f"there is no calibration file '{path}'",
            "Give an .npz file with an array x (and y, if there are labels).",
        )
    try:
        arrays = load_npz(path, (*names, *map(SAMPLES_OF.format, names), "y", *labels))
    except NpzError as error:
        where = f"array '{error.array}' of '{path}'" if error.array else f"'{path}'"
        hint = "Use fewer samples: a thousand are plenty." if error.kind == "large" else write
        raise DataError(f"{where} is not a readable .npz file ({error})", hint) from error
    x = []
    for name in names:
        own = name if name in arrays or len(names) == 1 else SAMPLES_OF.format(name)
        if own not in arrays:
            raise DataError(f"'{path}' has no array '{name}', only: {few_names(arrays)}", write)
        x.append(arrays[own])
    of_outputs = {name[len("y_") :]: arrays[name] for name in labels if name in arrays}
    return x if len(x) > 1 else x[0], of_outputs or arrays.get("y")
