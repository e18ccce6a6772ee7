"""The architecture in a model file, read without building anything and without TensorFlow.

What is read here comes from anywhere, so it is limited in size and its skeleton is checked: after
that, ``layers`` are lists of entries with a class and a configuration.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from vaiopt.errors import ModelError
from vaiopt.json_text import parse_json
from vaiopt.network.hdf5 import open_hdf5
from vaiopt.reading import PathLike, open_regular, read_text

_HDF5 = b"\x89HDF\r\n\x1a\n"
"""What an HDF5 file begins with."""

MOST_TEXT = 32 << 20
"""Bytes of an architecture. Those of Keras's own applications stay below one million."""

MOST_LAYERS = 10_000
"""Layers of an architecture, those of nested models included. The largest of Keras's own
applications have about 1,000, their quantized forms three times as many.
"""

SAVE_AGAIN = "Save it from Keras 2: tf_keras, model.save('model.h5', include_optimizer=False)"


def read_model_config(path: PathLike) -> Dict[str, Any]:
    """Return the architecture in a Keras 2 ``.h5`` file, without building anything.

    Raises:
        ModelError: the file is missing, not HDF5, holds only weights, is Keras 3's, or its
            architecture is damaged or far too large.
    """
    path = Path(path)
    if path.is_file() and _is_archive(path):
        raise _keras_archive(path)
    with open_hdf5(path) as file:
        return config_of(file, path)


def config_of(file: Any, path: Path) -> Dict[str, Any]:
    """Return the architecture in an open ``h5py.File``. Raises as :func:`read_model_config`."""
    try:
        config = file.attrs.get("model_config")
        text = None if config is None else attribute_text(config)
        version = attribute_text(file.attrs.get("keras_version", ""))
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(f"'{path}' is damaged ({error})", "Save the model again.") from error
    if text is None:
        raise ModelError(
            f"'{path}' holds weights but no architecture",
            "Save the whole model: model.save('model.h5')",
        )
    if version and not version.startswith("2."):
        raise ModelError(
            f"'{path}' was written by Keras {version[:20]}, which no Vitis-AI tool reads",
            SAVE_AGAIN,
        )
    return parse_architecture(text, path)


def read_architecture(path: PathLike) -> Dict[str, Any]:
    """Return the configuration in an ``.h5`` file or an architecture JSON.

    Raises:
        ModelError: the file is missing, of another kind, or not a Keras 2 model's.
    """
    path = Path(path)
    if path.suffix.lower() != ".json":
        return read_model_config(path)
    hint = "Give the output of model.to_json() of a Keras 2 model, or the .h5 file."
    if not path.exists():
        raise ModelError(f"there is no model file '{path}'", hint)
    try:
        text = read_text(path, MOST_TEXT)
    except (ValueError, OSError) as error:
        raise ModelError(f"'{path}' cannot be read ({error})", hint) from error
    return parse_architecture(text, path)


OUTPUTS, LOGITS = "vaiopt_outputs", "logits"
"""An attribute of our own in a model's file: the function that its outputs lack to be
probabilities, or, in files of earlier versions, just that they are logits.
"""

SIGMOID, SOFTMAX = "sigmoid", "softmax"

_BY_OUTPUT = re.compile(rf"[^=,]+=({SIGMOID}|{SOFTMAX})(,[^=,]+=({SIGMOID}|{SOFTMAX}))*")


def missing_function(path: PathLike) -> str:
    """Return ``sigmoid`` or ``softmax`` where an ``.h5`` file says that the outputs of its model
    are logits, by our own attribute or by the loss that Keras keeps of a compiled model; ``logits``
    where it does not say of which function; of several outputs our attribute alone, by output; else
    "". Raises as :func:`open_hdf5`.
    """
    with open_hdf5(Path(path)) as file:
        try:
            own = attribute_text(file.attrs.get(OUTPUTS, ""))
            if own in (LOGITS, SIGMOID, SOFTMAX) or _BY_OUTPUT.fullmatch(own):
                return own
            text = attribute_text(file.attrs.get("training_config", ""))
            loss: Any = parse_json(text)["loss"] if 0 < len(text) <= MOST_TEXT else None
            if isinstance(loss, dict) and "class_name" not in loss:  # by output
                loss = list(loss.values())
            loss = loss[0] if isinstance(loss, list) and len(loss) == 1 else loss
            if not loss or loss["config"]["from_logits"] is not True:
                return ""
            return function_of_loss(str(loss["class_name"]))
        except (OSError, RuntimeError, KeyError, TypeError, ValueError):  # nothing is said of it
            return ""


def function_of_loss(name: str) -> str:
    """Return the function that a cross-entropy of logits applies first, by the loss's name."""
    return SIGMOID if "binary" in name.lower() else SOFTMAX


def input_names(path: PathLike) -> Tuple[str, ...]:
    """Return the names of the inputs of the functional model in a file, in their order; () of a
    Sequential one. Raises as :func:`read_model_config`.
    """
    config = read_model_config(path)
    layers = config.get("config", {}).get("input_layers") if isinstance(config, dict) else None
    if not isinstance(layers, list):
        return ()
    if layers and isinstance(layers[0], str):  # a single one, not in a list of its own
        return (layers[0],)
    return tuple(str(entry[0]) for entry in layers if isinstance(entry, list) and entry)


def output_names(path: PathLike) -> Tuple[str, ...]:
    """Return the names of the outputs of the functional model in a file, in their order; () of a
    Sequential one. Raises as :func:`read_model_config`.
    """
    config = read_model_config(path)
    layers = config.get("config", {}).get("output_layers") if isinstance(config, dict) else None
    if not isinstance(layers, list):
        return ()
    if layers and isinstance(layers[0], str):
        return (layers[0],)
    found: List[str] = []
    for entry in layers:
        name = str(entry[0]) if isinstance(entry, list) and entry else ""
        again = sum(known == name or known.startswith(f"{name}_") for known in found)
        found.append(f"{name}_{again}" if name in found else name)  # as Keras names them
    return tuple(found)


def attribute_text(value: Any) -> str:
    """Return an attribute of an HDF5 file, which may be bytes, as text."""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def parse_architecture(text: str, path: Path) -> Dict[str, Any]:
    """Return the architecture in a JSON text.

    Raises:
        ModelError: it is not JSON, not the architecture of a Keras model, or far too large.
    """
    damaged = f"the architecture in '{path}' "
    if len(text) > MOST_TEXT:
        raise ModelError(f"{damaged}has more than {MOST_TEXT >> 20} MiB", "Save the model again.")
    try:
        content = parse_json(text)
    except ValueError as error:
        raise ModelError(
            f"{damaged}is not valid JSON ({error})", "Save the model again."
        ) from error
    problem = _problem(content)
    if problem is not None:
        raise ModelError(damaged + problem, "Save the model again.")
    found: Dict[str, Any] = content
    return found


def layer_entries(config: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """Return the entries of the layers in an architecture (or in the entry of a nested model)."""
    body = config.get("config", config)
    layers = body.get("layers", ()) if isinstance(body, Mapping) else body
    return list(layers)


def _problem(content: Any) -> Optional[str]:
    """Return what is wrong with the skeleton of an architecture; None for nothing."""
    body = content.get("config", content) if isinstance(content, dict) else None
    if not isinstance(body, (dict, list)) or (isinstance(body, dict) and "layers" not in body):
        return "is not a Keras model's"
    waiting, layers = [body], 0
    while waiting:
        body = waiting.pop()
        entries = body["layers"] if isinstance(body, dict) else body
        if not isinstance(entries, list):
            return f"is damaged (layers are no list: {str(entries)[:40]})"
        layers += len(entries)
        if layers > MOST_LAYERS:
            return f"has more than {MOST_LAYERS:,} layers"
        for entry in entries:
            inner = entry.get("config") if isinstance(entry, dict) else None
            kind = entry.get("class_name") if isinstance(entry, dict) else None
            if not isinstance(kind, str) or not isinstance(inner, (dict, list)):
                return f"is damaged (no layer: {str(entry)[:40]})"
            if isinstance(inner, list) or "layers" in inner:
                waiting.append(inner)
    return None


def _is_archive(path: Path) -> bool:
    """Tell whether a file is an archive, by what is in it: up to TensorFlow 2.11 Keras writes HDF5
    into a ``.keras`` file.
    """
    if path.suffix.lower() != ".keras":
        return zipfile.is_zipfile(str(path))
    with path.open("rb") as file:
        return file.read(len(_HDF5)) != _HDF5


def _keras_archive(path: Path) -> ModelError:
    """Return why a ``.keras`` file is not read: what Keras wrote it decides, not its name."""
    version = ""
    try:
        with open_regular(path) as content, zipfile.ZipFile(content) as file:
            metadata = file.open("metadata.json")
            version = str(parse_json(metadata.read(1 << 16))["keras_version"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, NotImplementedError):
        return ModelError(f"'{path}' is not a model that Keras wrote", "Give a Keras 2 .h5 file.")
    except zipfile.BadZipFile:
        return ModelError(f"'{path}' is damaged (it is no archive)", "Give a Keras 2 .h5 file.")
    if version.startswith("2."):
        named = path.with_suffix(".keras")
        again = f"tf_keras.models.load_model('{named}').save('{path.stem}.h5')"
        return ModelError(
            f"'{path}' is a .keras archive of Keras {version[:20]}; the Vitis-AI tools read .h5",
            f"Write it as .h5: {again}"
            if named == path
            else f"Rename it to '{named}', as Keras wrote it; then write it as .h5: {again}",
        )
    return ModelError(f"'{path}' is a Keras 3 file", SAVE_AGAIN)
