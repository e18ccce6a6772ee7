"""The container's backend: the vendor's VitisQuantizer, guarded against what breaks it.

A Sequential model is turned functional (release 3.5 fails on one), a separable convolution is split
with its activation kept (3.0 and 3.5 drop it), a batch normalisation without beta gets one (no
release folds it otherwise), and quantized models, subclasses, groups, mixed precision and unknown
sizes were refused before (:mod:`vaiopt.quantize.checks`). The vendor's coded messages become errors
with hints.
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from vaiopt.errors import MissingToolError, QuantizeError
from vaiopt.int8.model import POSITIONS_ATTRIBUTE, attach_positions
from vaiopt.int8.positions import FixPosition, to_json
from vaiopt.int8.vendor import is_vitis_model, vitis_positions
from vaiopt.keras import load_keras, load_tensorflow
from vaiopt.quantize.backend import LEARNING_RATE, TRAINING_BATCH, Quantized
from vaiopt.quantize.tfmot.build import make_model, single_or_list
from vaiopt.quantize.tfmot.graph import read_graph
from vaiopt.quantize.tfmot.prepare import complete_batch_norm, split_separable
from vaiopt.quantize.tfmot.rules import RULES
from vaiopt.text import Progress, silent

FINETUNE_EPOCHS = 10
"""Of fast finetuning, per layer: the vendor's default."""

_HINTS = {
    "Unsupported_Model": "Give a functional Keras 2 model without inner models.",
    "Unsupported_Layer": "Replace the layer: 'vaiopt inspect' lists what the DPU runs.",
    "Invalid_Target": "Give a target that 'vaiopt targets' lists, of this container's release.",
    "Invalid_Input_Shape": "Give the model's input a fixed shape.",
    "Invalid_Calib_Dataset": (
        "Give preprocessed calibration samples, float32, of the model's input shape."
    ),
}
_CODE = re.compile(r"\[Quantizer_TF2_(\w+)\](?:\[[^\]]*\])?\s*(.*)")


def load_vitis() -> Any:
    """Import the vendor's ``vitis_quantize`` and return it.

    Raises:
        MissingToolError: vai_q_tensorflow2 is not installed here.
    """
    load_tensorflow()
    try:
        from tensorflow_model_optimization.quantization.keras import vitis_quantize
    except ImportError as error:
        raise MissingToolError(
            "the backend 'vitis' needs vai_q_tensorflow2, which is not installed here",
            "Run it in a Vitis-AI container (docker/), or use --backend tfmot.",
        ) from error
    return vitis_quantize


def installed_release() -> str:
    """Return the release of the vendor's quantizer, such as ``3.0``; empty if it does not say one
    that is known here.
    """
    try:
        from tensorflow_model_optimization.python.core import version
    except ImportError:
        return ""
    release = ".".join(str(getattr(version, "__version__", "")).split(".")[:2])
    return release if release in RULES else ""


def quantize_vitis(
    model: Any,
    x: Sequence[np.ndarray],
    *,
    batch_size: int,
    method: str = "ptq",
    training: Optional[Tuple[Sequence[np.ndarray], np.ndarray]] = None,
    epochs: int = 0,
    seed: int = 0,
    progress: Progress = silent,
) -> Quantized:
    """Quantize a functional float model with the vendor's quantizer.

    Args:
        model: functional, checked.
        x: calibration data, one float32 array per input.
        batch_size: of the calibration.
        method: ``ptq``, ``finetune`` (fast finetuning) or ``qat``.
        training: inputs and class numbers for ``qat``.
        epochs: of that training.
        seed: of its order.
        progress: is told what happens.

    Raises:
        QuantizeError: the vendor's quantizer refused the model or left it unquantized.
        MissingToolError: it is not installed.
    """
    vitis = load_vitis()
    float_names = [layer.name for layer in model.layers]
    model = _digestible(model)
    data = list(x) if len(x) > 1 else x[0]
    progress(f"running the vendor's quantizer on {len(x[0])} samples")
    with translated_messages():
        quantizer = vitis.VitisQuantizer(model)
        if method == "qat" and training is not None:
            quantized = _trained(
                vitis, quantizer, data, batch_size, training, epochs, seed, progress
            )
        elif method == "finetune":
            quantized = quantizer.quantize_model(
                calib_dataset=data,
                calib_batch_size=batch_size,
                include_fast_ft=True,
                fast_ft_epochs=FINETUNE_EPOCHS,
            )
        else:
            quantized = quantizer.quantize_model(calib_dataset=data, calib_batch_size=batch_size)
    if quantized is None or not is_vitis_model(quantized):
        raise QuantizeError(
            "the vendor's quantizer left the whole model in float",
            "See its messages above; 'vaiopt inspect' names the layers.",
        )
    positions = vitis_positions(quantized, float_names)
    attach_positions(quantized, positions)
    return Quantized(
        quantized,
        positions,
        left_in_float(quantized),
        lambda path: _save(quantized, positions, path),
        installed_release(),
    )


def _digestible(model: Any) -> Any:
    """Return the model with what the vendor's quantizer fails on written otherwise: the same
    function, with its own layers' names.
    """
    if not any(
        type(layer).__name__ == "SeparableConv2D"
        or _lacks_beta(type(layer).__name__, layer.get_config())
        for layer in model.layers
    ):
        return model
    graph = read_graph(model)
    split_separable(graph)
    for node in graph:
        if _lacks_beta(node.kind, node.config):
            complete_batch_norm(node)
    layers = {}

    def call(node: Any, layer: Any, inputs: List[Any]) -> Any:
        layers[node.name] = layer
        return layer(single_or_list(inputs))

    result = make_model(graph, call, exact=True)
    for node in graph:
        if node.weights:
            layers[node.name].set_weights(list(node.weights.values()))
    return result


def _lacks_beta(kind: str, config: Mapping[str, Any]) -> bool:
    return kind == "BatchNormalization" and not config.get("center", True)


def _trained(
    vitis: Any,
    quantizer: Any,
    data: Any,
    batch_size: int,
    training: Tuple[Sequence[np.ndarray], np.ndarray],
    epochs: int,
    seed: int,
    progress: Progress,
) -> Any:
    """Train with the vendor's emulation, from calibrated positions on, and return the model to
    deploy.
    """
    keras = load_keras()
    keras.utils.set_random_seed(seed)
    model = quantizer.get_qat_model(
        init_quant=True, calib_dataset=data, calib_batch_size=batch_size
    )
    loss = (
        "binary_crossentropy" if model.output_shape[-1] == 1 else "sparse_categorical_crossentropy"
    )
    model.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE), loss=loss, metrics=["accuracy"])
    inputs = list(training[0]) if len(training[0]) > 1 else training[0][0]
    progress(f"training for {epochs} epochs")
    model.fit(inputs, training[1], batch_size=TRAINING_BATCH, epochs=epochs, verbose=0)
    return vitis.VitisQuantizer.get_deploy_model(model)


def left_in_float(model: Any) -> List[Tuple[str, str]]:
    """Return the layers of a vendor model that are not quantized, with the reason: all but inputs,
    roundings and wrapped layers.
    """
    reason = "the vendor's quantizer left {} in float"
    return [
        (layer.name, reason.format(type(layer).__name__))
        for layer in model.layers
        if type(layer).__name__ not in ("InputLayer", "VitisQuantize", "QuantizeWrapper")
    ]


def _save(model: Any, positions: Sequence[FixPosition], path: Any) -> None:
    """Write the vendor's ``.h5`` (what its compiler reads), and the names of the float model's
    layers beside its own attributes.
    """
    import h5py

    path = Path(path)
    model.save(str(path), save_format="h5", include_optimizer=False)
    with h5py.File(str(path), "r+") as file:
        file.attrs[POSITIONS_ATTRIBUTE] = to_json(positions).encode("utf-8")


@contextlib.contextmanager
def translated_messages() -> Iterator[None]:
    """Keep the vendor's output off stdout and turn its errors into :class:`QuantizeError` with a
    hint.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            yield
    except (QuantizeError, MissingToolError, KeyboardInterrupt):
        raise
    except SystemExit as error:
        raise translate(f"{said.getvalue()}\n{error}") from error
    except (
        Exception
    ) as error:  # the vendor raises bare exceptions of any kind; this is the boundary to its code
        raise translate(f"{said.getvalue()}\n{type(error).__name__}: {error}") from error


def translate(text: str) -> QuantizeError:
    """Return the error that a message of the vendor's quantizer stands for."""
    found = _CODE.search(text)
    if found:
        code, message = found.groups()
        hint = next(
            (hint for key, hint in _HINTS.items() if key in code),
            f"See the vendor's user guide UG1414, code {code}.",
        )
        return QuantizeError(
            f"the vendor's quantizer refused the model: {message.strip() or code}", hint
        )
    lines = [line for line in text.strip().splitlines() if line.strip()] or ["no message"]
    return QuantizeError(
        f"the vendor's quantizer failed: {lines[-1].strip()[:200]}",
        "Try --backend tfmot, which names the layer it cannot take.",
    )
