"""The weights in a file, layer by layer, without building anything and without TensorFlow.

Read are Keras's forms: ``model.save_weights("w.h5")`` and ``model.save("model.h5")``, which name
each layer; ``w.weights.h5``, which Keras 2 writes without the names; and ``.keras`` archives,
whose architecture has them. Keras 3's are read too: they are numbers, and nothing else.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from vaiopt import memory
from vaiopt.errors import ModelError
from vaiopt.network.file import MOST_TEXT, attribute_text, layer_entries, parse_architecture
from vaiopt.network.hdf5 import MOST_BLOWN_UP, open_hdf5, open_hdf5_within
from vaiopt.network.layers import LAYERS
from vaiopt.reading import open_regular

HINT = (
    "Give weights that Keras wrote: model.save_weights('FILE.h5'), model.save('FILE.h5') or"
    " a .keras file."
)

DEEPEST = 50
"""Models within models of a file."""

CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
"""Groups of a model's layers in the newer form, today's and that of Keras 2.11."""


class StoredLayer(NamedTuple):
    """The weights of one layer.

    Attributes:
        name: of the layer; "" where the file does not say.
        group: name of the model within the model that it is a part of; "" for none.
        kind: the automatic name of its class, such as ``conv2d``, where its name is one with a
            number, or is not known; else "".
        arrays: in Keras's order.
        whole: its arrays are there again as those of its parts: it is a model or a wrapper.
    """

    name: str
    group: str
    kind: str
    arrays: Tuple[np.ndarray, ...]
    whole: bool = False

    @property
    def path(self) -> str:
        """The name with that of its group."""
        return f"{self.group}/{self.name}" if self.group else self.name


def snake(class_name: str) -> str:
    """Return Keras's automatic name of a layer of a class: ``conv2d``, ``batch_normalization``."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", class_name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


_AUTOMATIC = frozenset(map(snake, LAYERS))


def automatic_kind(name: str) -> str:
    """Return ``conv2d`` of ``conv2d`` or ``conv2d_7``: a name that Keras gave; else ""."""
    base = re.sub(r"_\d+$", "", name)
    return base if base in _AUTOMATIC else ""


def check_weights_file(path: str) -> Path:
    """Return the path of a file of weights. Raises ModelError: there is none."""
    if not Path(path).exists():
        raise ModelError(
            f"there is no file of weights '{path}'",
            "Paths are looked up beside the settings file, then here.",
        )
    return Path(path)


def read_weights(path: str) -> Tuple[StoredLayer, ...]:
    """Return the layers with weights in a file, in its order.

    Raises:
        ModelError: it is missing, of another kind, damaged, without weights, or does not fit into
            memory.
    """
    file_path = check_weights_file(path)
    try:
        found = tuple(_read(file_path))
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"'{path}' is damaged ({error})", HINT) from error
    if not found:
        raise ModelError(f"'{path}' holds no weights of layers", HINT)
    if not all(np.isfinite(array).all() for layer in found for array in layer.arrays):
        raise ModelError(f"'{path}' holds weights that are not finite", "Train them again.")
    return found


def _read(path: Path) -> List[StoredLayer]:
    if path.suffix.lower() == ".keras":
        content, config = _archive(path)
        with open_hdf5_within(content, path) as file:
            return _by_class(file, layer_entries(config), path)
    with open_hdf5(path) as file:
        _check_memory(file, path)
        named = file["model_weights"] if "model_weights" in file else file
        names = _texts(named, "layer_names")
        return _by_name(named, names) if names else _by_class(file, None, path)


def _check_memory(file: Any, path: Path) -> None:
    reason = memory.shortage(file.id.get_filesize())
    if reason:
        raise ModelError(f"'{path}' does not fit into memory: {reason}", "Use more memory.")


# ---------------------------------------------------------------- .h5: layers by their names


def _texts(group: Any, key: str) -> List[str]:
    """Return a list of texts of a group, which Keras splits into several where it is long."""
    if key in group.attrs:
        parts = [group.attrs[key]]
    else:
        numbered = (f"{key}{number}" for number in range(len(group.attrs)))
        parts = [group.attrs[name] for name in numbered if name in group.attrs]
    return [attribute_text(text) for part in parts for text in np.ravel(part)]


def _by_name(group: Any, names: Sequence[str]) -> List[StoredLayer]:
    found: List[StoredLayer] = []
    for name in names:
        layer = group[name]
        weights = [(text, _array(layer[text])) for text in _texts(layer, "weight_names")]
        parts: Dict[str, List[np.ndarray]] = {}
        for text, array in weights:
            parts.setdefault(text.rpartition("/")[0], []).append(array)
        if weights:
            arrays = tuple(array for _, array in weights)
            whole = len(parts) > 1
            found.append(StoredLayer(name, "", automatic_kind(name), arrays, whole))
        if len(parts) > 1:
            found += [_part(name, part, arrays) for part, arrays in parts.items()]
    return found


def _part(group: str, name: str, arrays: Sequence[np.ndarray]) -> StoredLayer:
    """Return a layer of a model within the model; Keras 3 puts that one's name before its own."""
    name = name[len(group) + 1 :] if name.startswith(f"{group}/") else name
    return StoredLayer(name, group, automatic_kind(name), tuple(arrays))


def _array(data: Any) -> np.ndarray:
    if data.dtype.kind not in "fiu":
        raise ValueError(f"{data.name} is of type {data.dtype}")
    return np.asarray(data[()], np.float32)


# ---------------------------------------------------------------- .weights.h5 and .keras


def _archive(path: Path) -> Tuple[bytes, Dict[str, Any]]:
    """Return the file of weights and the architecture in a ``.keras`` file."""
    try:
        with open_regular(path) as content, zipfile.ZipFile(content) as archive:
            size = archive.getinfo("model.weights.h5").file_size
            held = path.stat().st_size
            if size > MOST_BLOWN_UP * held or memory.shortage(size):
                reason = memory.shortage(size) or "it unpacks to far more than it is"
                raise ModelError(f"'{path}' is not unpacked: {reason}", HINT)
            with archive.open("config.json") as part:
                text = part.read(MOST_TEXT + 1).decode("utf-8")
            with archive.open("model.weights.h5") as part:
                return part.read(size + 1), parse_architecture(text, path)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
        raise ModelError(f"'{path}' is damaged ({error})", HINT) from error


def _by_class(root: Any, entries: Optional[Sequence[Any]], path: Path) -> List[StoredLayer]:
    found = list(_layers_in(root, entries, "", 0))
    if any(layer.group and not layer.name for layer in found):
        raise ModelError(
            f"'{path}' does not say which layers its weights are of, and has models within models",
            "Write them with their names: model.save('FILE.keras'), or model.save_weights"
            "('FILE.h5').",
        )
    return found


def _layers_in(
    model: Any, entries: Optional[Sequence[Any]], group: str, depth: int
) -> Iterator[StoredLayer]:
    """Yield the layers of a model's group; ``entries`` are those of its architecture, if known."""
    container: Any = next((model[name] for name in CONTAINERS if name in model), {})
    if depth > DEEPEST:
        raise ValueError(f"it has models within models, {DEEPEST} deep")
    for key, entry in _keys(container, entries):
        layer = container[key]
        variables = layer.get("vars", {})
        if not len(variables) and "cell" in layer:  # of a recurrent layer
            variables = layer["cell"].get("vars", {})
        name = attribute_text(getattr(variables, "attrs", {}).get("name", ""))
        config = entry.get("config") if entry is not None else None
        name = str(config.get("name", name)) if isinstance(config, Mapping) else name
        if any(inner in layer for inner in CONTAINERS):
            inside = layer_entries(entry) if entry is not None else None
            yield from _layers_in(layer, inside, name or key, depth + 1)
            continue
        arrays = tuple(_array(variables[number]) for number in sorted(variables, key=int))
        if arrays:
            kind = automatic_kind(name) if name else automatic_kind(key)
            yield StoredLayer(name, group, kind, arrays)


def _keys(
    container: Any, entries: Optional[Sequence[Any]]
) -> Iterator[Tuple[str, Optional[Mapping[str, Any]]]]:
    """Yield the names of the groups of layers, in the model's order as far as it is known, each
    with its entry in the architecture. Keras calls them by class, and numbers those of one class.
    """
    if entries is None:
        for key in sorted(container, key=_natural):
            yield key, None
        return
    counts: Dict[str, int] = {}
    for entry in entries:
        kind = snake(str(entry.get("class_name", "")).split(">")[-1])
        number = counts[kind] = counts.get(kind, -1) + 1
        key = f"{kind}_{number}" if number else kind
        if key in container:
            yield key, entry


def _natural(key: str) -> Tuple[str, int]:
    """Return what sorts ``conv2d_2`` before ``conv2d_10``."""
    base, _, number = key.rpartition("_")
    return (base, int(number)) if base and number.isdigit() else (key, 0)
