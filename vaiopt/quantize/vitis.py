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
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence

from vaiopt.environment import Availability, has_vitis_quantizer
from vaiopt.errors import MissingToolError, QuantizeError
from vaiopt.int8.model import POSITIONS_ATTRIBUTE, attach_positions
from vaiopt.int8.positions import FixPosition, to_json
from vaiopt.int8.vendor import is_vitis_model, vitis_positions
from vaiopt.keras import load_keras, load_tensorflow, set_random_seed
from vaiopt.quantize.backend import (
    FINETUNE_EPOCHS,
    FloatLayer,
    Quantized,
    Quantizer,
    QuantizeRequest,
    single_or_list,
    train_at_int8,
)
from vaiopt.quantize.tfmot.build import load_weights, make_model
from vaiopt.quantize.tfmot.graph import read_graph
from vaiopt.quantize.tfmot.prepare import complete_batch_norm, split_separable
from vaiopt.quantize.tfmot.rules import RULES

_HINTS = {
    "Unsupported_Model": "Give a functional Keras 2 model without inner models.",
    "Unsupported_Layer": "Replace the layer: 'vaiopt inspect' lists what the DPU runs.",
    "Invalid_Target": "Give a target that 'vaiopt targets' lists, of this container's release.",
    "Invalid_Input_Shape": "Give the model's input a fixed shape.",
    "Invalid_Calib_Dataset": (
        "Give preprocessed calibration samples, float32, of the model's input shape."
    ),
}
_NAMELESS = {
    "average_pooling2d": "AveragePooling2D",
    "global_average_pooling2d": "GlobalAveragePooling2D",
    "sigmoid": "HardSigmoid",
}
"""Classes of the float model's layers whose names the vendor replaces: poolings in 1.4 and 2.0, the
DPU's sigmoid in all.
"""
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
    """Return the vendor's release, such as ``3.0``; empty if it is not one that is known here."""
    try:
        from tensorflow_model_optimization.python.core import version
    except ImportError:
        return ""
    release = ".".join(str(getattr(version, "__version__", "")).split(".")[:2])
    return release if release in RULES else ""


class VitisQuantizer(Quantizer):
    """The vendor's own quantizer, in its container."""

    name = "vitis"
    doc = "the vendor's quantizer, in a Vitis-AI container"
    package = "vai_q_tensorflow2"
    methods = ("ptq", "finetune", "qat")

    def available(self) -> Availability:
        """Tell whether the vendor's package is installed here."""
        if has_vitis_quantizer():
            return Availability(True, self.package)
        hint = f"{self.package} comes with the Vitis-AI container"
        return Availability(False, f"no {self.package}", hint)

    def quantize(self, request: QuantizeRequest) -> Quantized:
        """Quantize a model as :class:`Quantizer` says, after the rules of the container's release.

        Raises:
            QuantizeError: the vendor's quantizer refused the model or left it unquantized.
        """
        vitis = load_vitis()
        names = [layer.name for layer in request.model.layers]
        nameless = {stem: _names_of(request.model, kind) for stem, kind in _NAMELESS.items()}
        model = _digestible(request.model)
        request.progress(f"running the vendor's quantizer on {len(request.x[0])} samples")
        with translated_messages():
            quantized = _METHODS[request.method](vitis, vitis.VitisQuantizer(model), request)
        if quantized is None or not is_vitis_model(quantized):
            raise QuantizeError(
                "the vendor's quantizer left the whole model in float",
                "See its messages above; 'vaiopt inspect' names the layers.",
            )
        positions = vitis_positions(quantized, names, nameless)
        attach_positions(quantized, positions)
        return Quantized(
            quantized,
            positions,
            left_in_float(quantized),
            lambda path: _save(quantized, positions, path),
            installed_release(),
        )


def _names_of(model: Any, kind: str) -> List[str]:
    return [layer.name for layer in model.layers if type(layer).__name__ == kind]


def _calibrated(vitis: Any, quantizer: Any, request: QuantizeRequest, **options: Any) -> Any:
    return quantizer.quantize_model(
        calib_dataset=single_or_list(request.x), calib_batch_size=request.batch_size, **options
    )


def _finetuned(vitis: Any, quantizer: Any, request: QuantizeRequest) -> Any:
    options = {"include_fast_ft": True, "fast_ft_epochs": FINETUNE_EPOCHS}
    return _calibrated(vitis, quantizer, request, **options)


def _trained(vitis: Any, quantizer: Any, request: QuantizeRequest) -> Any:
    """Train with the vendor's emulation, once calibrated, and return the model to deploy."""
    set_random_seed(request.seed)
    model = quantizer.get_qat_model(
        init_quant=True,
        calib_dataset=single_or_list(request.x),
        calib_batch_size=request.batch_size,
    )
    request.progress(f"training for {request.epochs} epochs")
    train_at_int8(model, request)
    return vitis.VitisQuantizer.get_deploy_model(model)


_METHODS: Dict[str, Callable[[Any, Any, QuantizeRequest], Any]] = {
    "ptq": _calibrated,
    "finetune": _finetuned,
    "qat": _trained,
}


def _digestible(model: Any) -> Any:
    """Return the same function and names without what the vendor's quantizer fails on."""
    kinds = [(type(layer).__name__, layer.get_config()) for layer in model.layers]
    ours = ("SeparableConv2D", "HardSigmoid")
    if not any(kind in ours or _lacks_beta(kind, config) for kind, config in kinds):
        return model
    graph = read_graph(model)
    split_separable(graph)
    for node in graph:
        if _lacks_beta(node.kind, node.config):
            complete_batch_norm(node)
    layers = {}

    def call(node: Any, layer: Any, inputs: List[Any]) -> Any:
        if node.kind == "HardSigmoid":  # as MobileNetV3 has it, which the vendor's tool recognises
            return load_keras().layers.ReLU(6.0)(inputs[0] + 3.0) * (1.0 / 6.0)
        layers[node.name] = layer
        return layer(single_or_list(inputs))

    result = make_model(graph, call, exact=True)
    load_weights(graph, layers)
    return result


def _lacks_beta(kind: str, config: Mapping[str, Any]) -> bool:
    return kind == "BatchNormalization" and not config.get("center", True)


def left_in_float(model: Any) -> List[FloatLayer]:
    """Return the layers of a vendor model that are neither inputs, roundings nor wrapped."""
    kinds = [(layer.name, type(layer).__name__) for layer in model.layers]
    return [
        FloatLayer(name, f"the vendor's quantizer left {kind} in float")
        for name, kind in kinds
        if kind not in ("InputLayer", "VitisQuantize", "QuantizeWrapper")
    ]


def _save(model: Any, positions: Sequence[FixPosition], path: Any) -> None:
    """Write the vendor's ``.h5``, with our fix positions beside its own attributes."""
    import h5py

    path = Path(path)
    model.save(str(path), save_format="h5", include_optimizer=False)
    with h5py.File(str(path), "r+") as file:
        file.attrs[POSITIONS_ATTRIBUTE] = to_json(positions).encode("utf-8")


@contextlib.contextmanager
def translated_messages() -> Iterator[None]:
    """Keep the vendor's output off stdout, and turn its errors into ours, with a hint."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            yield
    except (QuantizeError, MissingToolError):
        raise
    except SystemExit as error:
        raise translate(f"{said.getvalue()}\n{error}") from error
    except Exception as error:  # the boundary to the vendor's code, which raises any kind
        raise translate(f"{said.getvalue()}\n{type(error).__name__}: {error}") from error


def translate(text: str) -> QuantizeError:
    """Return the error that a message of the vendor's quantizer stands for."""
    found = _CODE.search(text)
    if found:
        code, message = found.groups()
        guide = f"See the vendor's user guide UG1414, code {code}."
        hint = next((hint for key, hint in _HINTS.items() if key in code), guide)
        reason = message.strip() or code
        return QuantizeError(f"the vendor's quantizer refused the model: {reason}", hint)
    lines = [line for line in text.strip().splitlines() if line.strip()] or ["no message"]
    return QuantizeError(
        f"the vendor's quantizer failed: {lines[-1].strip()[:200]}",
        "Try --backend tfmot, which names the layer it cannot take.",
    )
